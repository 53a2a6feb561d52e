"""Which account belongs to whom, and which account to try next."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection

from sqlalchemy import bindparam, update
from sqlalchemy import select as plain_select
from sqlmodel import Session, col, select

from bot.core.bulk import OverRows
from bot.core.tables import BigId
from bot.inspection.people.models import Account, Person
from bot.inspection.people.syncing import LEFT
from bot.messaging.routes import in_order

_MOBILE = re.compile(r"1[3-9]\d{9}")

_PERSON = (
    plain_select(col(Account.person_id))
    .join(Person, col(Person.id) == col(Account.person_id))
    .where(
        col(Account.platform) == bindparam("platform_"),
        col(Account.user_id) == bindparam("user_"),
        col(Person.active),
        col(Account.dead_reason) != LEFT,
    )
)  # built once: every event asks
_ACCOUNTS = Account.__table__  # type: ignore[attr-defined]
_THEIRS = OverRows(
    {"person_id": BigId},
    lambda given: (
        plain_select(_ACCOUNTS.c.person_id, _ACCOUNTS.c.platform, _ACCOUNTS.c.user_id, _ACCOUNTS.c.dead_since)
        .where(_ACCOUNTS.c.person_id.in_(plain_select(given.c.person_id)))
        .order_by(_ACCOUNTS.c.id)
    ),
)
_REVIVE = (
    update(_ACCOUNTS)
    .where(
        _ACCOUNTS.c.platform == bindparam("platform_"), _ACCOUNTS.c.user_id == bindparam("user_"),
        _ACCOUNTS.c.dead_since.is_not(None), _ACCOUNTS.c.dead_reason != LEFT,
    )
    .values(dead_since=None, dead_reason="")
)  # fmt: skip


def person_of(session: Session, *, platform: str, user_id: str) -> int | None:
    """The active person behind an account, None when it is not bound or its owner has left the directory."""
    return session.execute(_PERSON, {"platform_": platform, "user_": user_id}).scalars().first()


def addresses(
    session: Session, people: Collection[int], *, platforms: Collection[str], prefer: str
) -> dict[int, list[tuple[str, str]]]:
    """Living accounts of each person on *platforms*, in the order in which they are tried. A mobile number is an
    address for SMS, until a gateway says that it is none."""
    found: dict[int, list[tuple[str, str]]] = {}
    dead: set[tuple[str, str]] = set()
    known_there = _THEIRS.run(session.connection(), [[person] for person in people]).rows()
    for person_id, platform, user_id, dead_since in known_there:
        address = (platform, user_id)
        if platform not in platforms:
            continue
        if dead_since is None:
            found.setdefault(person_id, []).append(address)
        else:
            dead.add(address)
    if "sms" in platforms:
        numbers = select(Person.id, Person.mobile).where(col(Person.id).in_(people))
        for person, mobile in session.exec(numbers):
            known = found.setdefault(person or 0, [])
            if _MOBILE.fullmatch(mobile) and ("sms", mobile) not in dead and ("sms", mobile) not in known:
                known.append(("sms", mobile))
    return {person: in_order(accounts, prefer=prefer) for person, accounts in found.items()}


def bury(
    session: Session,
    *,
    platform: str,
    user_id: str,
    reason: str,
    now: dt.datetime,
    person_id: int | None = None,
) -> None:
    """The platform says nobody can be reached there; kept, and tried no more until it is bound again."""
    buried = session.execute(
        update(Account)
        .where(col(Account.platform) == platform, col(Account.user_id) == user_id)
        .values(dead_since=now, dead_reason=reason)
    )
    if not buried.rowcount and person_id is not None:  # type: ignore[attr-defined]
        session.add(
            Account(platform=platform, user_id=user_id, person_id=person_id, bound_at=now, dead_since=now,
                    dead_reason=reason)
        )  # fmt: skip


def revive(session: Session, *, platform: str, user_id: str) -> None:
    """Somebody spoke from there, so they can be reached there; who has left comes back by the directory only."""
    session.connection().execute(_REVIVE, {"platform_": platform, "user_": user_id})


def why_unreachable(session: Session, person_id: int, *, platforms: Collection[str]) -> str:
    """What the services said about the person's accounts (zh-CN); empty for somebody who has none."""
    query = select(Account.dead_reason).where(
        Account.person_id == person_id, col(Account.platform).in_(platforms)
    )
    return "；".join(
        dict.fromkeys(reason for reason in session.exec(query.order_by(col(Account.id))) if reason)
    )
