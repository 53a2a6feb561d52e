"""The clock of an enforcement certificate (执法证): warnings before it runs out, one after (C4)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import String, cast, exists, literal, or_
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.models import Deadline
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.people.models import Officer, Person
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role

_KIND = "certificate"
_AHEAD = dt.timedelta(days=120)  # further away nothing is due yet
_BACK = dt.timedelta(days=30)  # an older expiry has been told, or came in with the library
_ROOT = literal("person:") + cast(col(Officer.person_id), String)


def _stale(session: Session, context: Context, limit: int) -> Ids:
    """Certificates that run out soon and have no clock yet, and clocks whose certificate is no longer that one."""
    today = china_day(context.now)
    mine = (col(Deadline.kind) == _KIND, col(Deadline.root) == _ROOT, col(Deadline.closed_at).is_(None))
    soon = col(Officer.valid_to).between(today - _BACK, today + _AHEAD)
    same = col(Deadline.tag) == cast(col(Officer.valid_to), String)
    unclocked = soon & col(Person.active) & ~exists().where(*mine, same)
    outdated = exists().where(*mine, or_(~same, ~col(Person.active)))
    query = (
        select(Officer.person_id)
        .join(Person, col(Person.id) == Officer.person_id)
        .where(col(Person.department_id).is_not(None), or_(unclocked, outdated))
        .limit(limit)
    )
    return session.exec(query).all()


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    policy = policy_of(_KIND, context.profile)
    found: dict[str, list[Duty]] = {f"person:{person}": [] for person in ids}
    query = (
        select(Officer, Person.department_id)
        .join(Person, col(Person.id) == Officer.person_id)
        .where(col(Officer.person_id).in_(ids), col(Person.active))
    )
    today = china_day(context.now)
    for officer, department in session.exec(query):
        if department is None or not today - _BACK <= officer.valid_to <= today + _AHEAD:
            continue
        root = f"person:{officer.person_id}"
        span = Span(officer.valid_from, officer.valid_to)
        found[root].append(
            Duty(_KIND, root, span, policy, department, tag=officer.valid_to.isoformat(),
                 people={officer.person_id: Role.OFFICER})
        )  # fmt: skip
    return found


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:
    today = china_day(context.now)
    query = (
        select(Officer.person_id)
        .join(Person, col(Person.id) == Officer.person_id)
        .where(
            col(Officer.person_id) > after, col(Person.active), col(Person.department_id).is_not(None),
            col(Officer.valid_to).between(today - _BACK, today + _AHEAD),
        )
        .order_by(col(Officer.person_id))
        .limit(limit)
    )  # fmt: skip
    return session.exec(query).all()


SOURCE = Source("person", _stale, _derive, _running)
