"""Who looked at a result before, what they said, and who looks at it next (C21)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    String,
    Subquery,
    Table,
    bindparam,
    cast,
    exists,
    func,
    literal,
    literal_column,
    true,
)
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from bot.core.bulk import OverRows
from bot.core.prepared import Answer, Prepared
from bot.core.tables import BigId
from bot.inspection.checklists.basics import FormBasics
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.results.models import Review
from bot.inspection.tasks.models import Visit, VisitOfficer, VisitState

_REVIEWS: Table = Review.__table__  # type: ignore[attr-defined]
_LOOKS = Prepared(
    sql_select(_REVIEWS.c.reviewer_id, _REVIEWS.c.decision, _REVIEWS.c.reason)
    .where(_REVIEWS.c.visit_id == bindparam("visit"))
    .order_by(_REVIEWS.c.round.desc())
)
_PEOPLE: Table = Person.__table__  # type: ignore[attr-defined]
_ROLES: Table = PersonRole.__table__  # type: ignore[attr-defined]
_TEAM: Table = VisitOfficer.__table__  # type: ignore[attr-defined]


def _free(given: Subquery, *, role: Role, of_department: bool) -> Select[Any]:
    was_there = exists().where(_TEAM.c.visit_id == given.c.visit, _TEAM.c.person_id == _PEOPLE.c.id)
    free = (
        sql_select(given.c.visit, _PEOPLE.c.id)
        .select_from(given)
        .join(_PEOPLE, _PEOPLE.c.department_id == given.c.department if of_department else true())
        .join(_ROLES, _ROLES.c.person_id == _PEOPLE.c.id)
        .where(_ROLES.c.role == literal_column(f"'{role}'"), _PEOPLE.c.active, ~was_there)
    )
    return free.order_by(_PEOPLE.c.id)


_FREE_REVIEWERS = OverRows(
    {"visit": BigId, "department": BigId}, partial(_free, role=Role.REVIEWER, of_department=True)
)
_FREE_COORDINATORS = OverRows({"visit": BigId}, partial(_free, role=Role.COORDINATOR, of_department=False))
_WAITING = (
    select(col(Notice.recipient_id), func.count(func.distinct(Notice.subject)))
    .where(
        Notice.kind == "review_request",
        col(Notice.recipient_id).in_(bindparam("people", expanding=True)),
        col(Notice.subject).in_(
            select(literal("visit:") + cast(Visit.id, String)).where(Visit.state == VisitState.IN_REVIEW)
        ),
    )
    .group_by(col(Notice.recipient_id))
)


def free_reviewers(connection: Connection, visits: Sequence[FormBasics]) -> Answer:
    """For each visit the reviewers of its lead department, but for those who were its officers, replaced or not."""
    wanted = [(facts.visit.visit.id, facts.visit.task.lead_department_id) for facts in visits]
    return _FREE_REVIEWERS.run(connection, wanted)


def pick_reviewers(
    session: Session, visits: Sequence[tuple[FormBasics, Sequence[Any]]], reviewers: Answer
) -> list[int | None]:
    """Who looks at the result of each visit, which come with the looks so far: the reviewer of the round before, else of
    the free *reviewers* the one with the fewest waiting, else a coordinator; never one who was its officer (C21)."""
    free = _by_visit(reviewers)
    ids = [facts.visit.visit.id for facts, _ in visits]
    if without := [[visit] for visit in ids if visit not in free]:
        free |= _by_visit(_FREE_COORDINATORS.run(session.connection(), without))
    # where there is no choice nobody counts
    several = {person for people in free.values() if len(people) > 1 for person in people}
    waiting = _waiting(session, sorted(several)) if several else Counter[int]()
    picked = []
    for visit, (_, looks) in zip(ids, visits, strict=True):
        last: int | None = looks[0].reviewer_id if looks else None
        reviewer = _picked(free.get(visit, []), last, waiting)
        if reviewer is not None and reviewer != last:  # whom it waited for before, it counts for already
            waiting[reviewer] += 1
        picked.append(reviewer)
    return picked


def _by_visit(found: Answer) -> dict[int | None, list[int]]:
    people: dict[int | None, list[int]] = {}
    for row in found.rows():
        people.setdefault(row.visit, []).append(row.id)
    return people


def _picked(free: Sequence[int], last: int | None, waiting: Mapping[int, int]) -> int | None:
    if last in free:
        return last
    return min(free, key=lambda person: (waiting[person], person), default=None)


def _waiting(session: Session, people: list[int]) -> Counter[int]:
    """How many results wait for each of *people*."""
    found = session.execute(_WAITING, {"people": people})
    return Counter({person: int(n) for person, n in found})


def return_reason(session: Session, *, visit_id: int) -> str:
    """The reviewer's words at the last return; empty when there was none."""
    return last_return(looks_at(session, visit_id))


def looks_at(session: Session, visit_id: int) -> Sequence[Any]:
    """The reviewers' looks at a visit, the last one first."""
    return _LOOKS.run(session.connection(), visit=visit_id).rows()


def last_return(looks: Sequence[Any]) -> str:
    return next((look.reason for look in looks if look.decision == "RETURNED"), "")
