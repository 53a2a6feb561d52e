"""Who looked at a result before, what they said, and who looks at it next (C21)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, String, Table, bindparam, cast, exists, func, literal
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from bot.core.prepared import Answer, Prepared
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
_FREE = (
    sql_select(_PEOPLE.c.id)
    .join(_ROLES, _ROLES.c.person_id == _PEOPLE.c.id)
    .where(
        _ROLES.c.role == bindparam("role"),
        _PEOPLE.c.active,
        ~exists().where(_TEAM.c.visit_id == bindparam("visit"), _TEAM.c.person_id == _PEOPLE.c.id),
    )
    .order_by(_PEOPLE.c.id)
)
_FREE_OF_ALL = Prepared(_FREE)
_FREE_OF_DEPARTMENT = Prepared(_FREE.where(_PEOPLE.c.department_id == bindparam("department")))
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


def free_reviewers(connection: Connection, facts: FormBasics) -> Answer:
    """The reviewers of the lead department, but for those who were officers of the visit, replaced or not."""
    return _FREE_OF_DEPARTMENT.run(
        connection, visit=facts.visit.visit.id, role=Role.REVIEWER, department=facts.visit.task.lead_department_id
    )  # fmt: skip


def pick_reviewer(session: Session, facts: FormBasics, looks: Sequence[Any], reviewers: Answer) -> int | None:
    """Who looks at the result: the reviewer of the round before, else of the free *reviewers* the one with the
    fewest waiting, else a coordinator; never one who was an officer of the visit (C21)."""
    found = reviewers.rows() or _FREE_OF_ALL.run(
        session.connection(), visit=facts.visit.visit.id, role=Role.COORDINATOR
    ).rows()  # fmt: skip
    free = [row.id for row in found]
    last: int | None = looks[0].reviewer_id if looks else None
    if last in free:
        return last
    waiting = _waiting(session, free) if len(free) > 1 else {}  # where there is no choice nobody counts
    return min(free, key=lambda person: (waiting.get(person, 0), person), default=None)


def _waiting(session: Session, people: list[int]) -> dict[int, int]:
    """How many results wait for each of *people*."""
    return {person: int(n) for person, n in session.execute(_WAITING, {"people": people})}


def return_reason(session: Session, *, visit_id: int) -> str:
    """The reviewer's words at the last return; empty when there was none."""
    return last_return(looks_at(session, visit_id))


def looks_at(session: Session, visit_id: int) -> Sequence[Any]:
    """The reviewers' looks at a visit, the last one first."""
    return _LOOKS.run(session.connection(), visit=visit_id).rows()


def last_return(looks: Sequence[Any]) -> str:
    return next((look.reason for look in looks if look.decision == "RETURNED"), "")
