"""Bring a chat service's directory into the people library, and block who left. History stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.inspection.audit.service import record
from bot.inspection.people.directory import Act, Change, Entry, Known, compare, too_many_leave
from bot.inspection.people.models import Account, Department, Person
from bot.inspection.people.unit_syncing import department_of

LEFT = "已不在通讯录"
_CODE_LENGTH = 64


def preview(session: Session, *, platform: str, entries: Sequence[Entry], whole: bool = True) -> list[Change]:
    """What :func:`sync` would do; nothing is changed."""
    placed = _placed(session, platform, entries)
    return compare(placed, _known(session, platform), whole=whole)


def sync(
    session: Session,
    *,
    platform: str,
    entries: Sequence[Entry],
    now: dt.datetime,
    whole: bool = True,
    force: bool = False,
) -> list[Change]:
    """Do it, in one transaction. Raise ``Problem`` ``directory_empty`` or ``too_many_leave`` unless *force*."""
    known = _known(session, platform)
    changes = compare(_placed(session, platform, entries), known, whole=whole)
    if whole and not entries:
        raise Problem("directory_empty", "通讯录是空的，没有改动。请检查应用的可见范围和通讯录权限。")
    if not force and too_many_leave(changes, known):
        raise Problem(
            "too_many_leave",
            "通讯录里少了太多人，没有改动。多半是可见范围变小了；确实如此请加 --force。",
            人数=sum(change.act is Act.LEAVE for change in changes),
        )
    for change in changes:
        _apply(session, change, platform=platform, now=now)
    counted = {act.value: sum(change.act is act for change in changes) for act in Act}
    record(session, "contacts.synced", f"platform:{platform}", now=now, **counted)
    return changes


def leave(session: Session, *, platform: str, user_ids: Iterable[str], now: dt.datetime) -> int:
    """Somebody left the organisation: their account is blocked at once. Returns how many were."""
    query = select(Account).where(
        Account.platform == platform,
        col(Account.user_id).in_(list(user_ids)),
        col(Account.dead_since).is_(None),
    )
    accounts = list(session.exec(query))
    for account in accounts:
        _block(session, account, now=now)
    return len(accounts)


def rename(session: Session, *, platform: str, old: str, new: str, now: dt.datetime) -> bool:
    """The service gave an account another id. Told twice, or when the new id is somebody's: nothing changes."""
    accounts = session.exec(
        select(Account).where(Account.platform == platform, col(Account.user_id).in_([old, new]))
    ).all()
    if len(accounts) != 1 or accounts[0].user_id != old:
        return False
    accounts[0].user_id = new
    session.add(accounts[0])
    record(session, "account.renamed", f"person:{accounts[0].person_id}", now=now, platform=platform)
    return True


def _apply(session: Session, change: Change, *, platform: str, now: dt.datetime) -> None:
    entry = change.entry
    match change.act:
        case Act.CREATE:
            person = Person(
                code=_code(platform, entry.user_id),
                name=entry.name or entry.user_id,
                mobile=entry.mobile,
                department_id=entry.department_id,
            )
            session.add(person)
            session.flush()
            _bind(session, person.id or 0, platform=platform, user_id=entry.user_id, now=now)
        case Act.BIND:
            _bind(session, change.person_id or 0, platform=platform, user_id=entry.user_id, now=now)
        case Act.CHANGE:
            person = session.get_one(Person, change.person_id)
            person.name, person.mobile = entry.name or person.name, entry.mobile or person.mobile
            if person.code == _code(platform, entry.user_id):
                person.department_id = entry.department_id or person.department_id
            session.add(person)
            record(session, "person.changed", f"person:{person.id}", now=now, source=platform)
        case Act.BACK | Act.LEAVE:
            account = session.exec(
                select(Account).where(Account.platform == platform, Account.user_id == entry.user_id)
            ).one()
            (_unblock if change.act is Act.BACK else _block)(session, account, now=now)


def _bind(session: Session, person_id: int, *, platform: str, user_id: str, now: dt.datetime) -> None:
    session.add(Account(platform=platform, user_id=user_id, person_id=person_id, bound_at=now))
    record(session, "account.bound", f"person:{person_id}", now=now, platform=platform, source="directory")


def _block(session: Session, account: Account, *, now: dt.datetime) -> None:
    """The account; and the person too, when no other way to them is left."""
    account.dead_since, account.dead_reason = now, LEFT
    session.add(account)
    session.flush()
    person = session.get_one(Person, account.person_id)
    if not _living(session, account.person_id):
        person.active = False
        session.add(person)
    record(
        session,
        "account.blocked",
        f"person:{account.person_id}",
        now=now,
        platform=account.platform,
        active=person.active,
    )


def _unblock(session: Session, account: Account, *, now: dt.datetime) -> None:
    account.dead_since, account.dead_reason = None, ""
    person = session.get_one(Person, account.person_id)
    person.active = True
    session.add_all([account, person])
    record(session, "account.unblocked", f"person:{account.person_id}", now=now, platform=account.platform)


def _living(session: Session, person_id: int) -> bool:
    query = select(Account.id).where(Account.person_id == person_id, col(Account.dead_since).is_(None))
    return session.exec(query.limit(1)).first() is not None


def _known(session: Session, platform: str) -> list[Known]:
    """Everybody with an account on the service, once for each, and every active person without one."""
    accounts: dict[int, list[Account]] = {}
    for account in session.exec(select(Account).where(Account.platform == platform)):
        accounts.setdefault(account.person_id, []).append(account)
    known: list[Known] = []
    for person in session.exec(select(Person).order_by(col(Person.id))):
        person_id = person.id or 0
        known += [
            Known(
                person_id,
                person.name,
                person.mobile,
                one.user_id,
                blocked=one.dead_reason == LEFT,
                department_id=person.department_id,
                made=person.code == _code(platform, one.user_id),
            )
            for one in accounts.get(person_id, ())
        ]
        if person.active and person_id not in accounts:
            known.append(Known(person_id, person.name, person.mobile))
    return known


def _placed(session: Session, platform: str, entries: Sequence[Entry]) -> list[Entry]:
    """With our departments: by their number in the directory, else by a name that is one department's alone."""
    numbers, names = department_of(session, platform), dict[str, int | None]()
    for name, key in session.exec(select(Department.name, Department.id)):
        names[name] = None if name in names else key
    return [
        replace(one, department_id=numbers.get(one.unit_id) or names.get(one.department)) for one in entries
    ]


def _code(platform: str, user_id: str) -> str:
    """A stable code for somebody the library does not know."""
    code = f"{platform}-{user_id}"
    return code if len(code) <= _CODE_LENGTH else f"{platform}-{sha256_hex(user_id.encode())[:40]}"
