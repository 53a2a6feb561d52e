"""Who looked at a result before, what they said, and who looks at it next (C21)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import String, bindparam, cast, func, literal
from sqlmodel import Session, col, select

from bot.inspection.checklists.queries import FormFacts
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.results.models import Review
from bot.inspection.tasks.models import Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import people_with_role

# built once: a statement's cache key costs more than SQLite's answer
_LOOKS = (
    select(col(Review.reviewer_id), col(Review.decision), col(Review.reason))
    .where(col(Review.visit_id) == bindparam("visit"))
    .order_by(col(Review.round).desc())
)
_EVER = select(VisitOfficer.person_id).where(col(VisitOfficer.visit_id) == bindparam("visit"))
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


def pick_reviewer(session: Session, facts: FormFacts, looks: Sequence[Any]) -> int | None:
    """Who looks at the result: the reviewer of the round before, else the one of the lead department with the
    fewest waiting, else a coordinator; never one who was an officer of the visit, replaced or not (C21)."""
    officers = set(session.execute(_EVER, {"visit": facts.visit.visit.id}).scalars())
    task = facts.visit.task
    reviewers = people_with_role(session, Role.REVIEWER, department_id=task.lead_department_id)
    free = [p for p in reviewers if p not in officers]
    free = free or [p for p in people_with_role(session, Role.COORDINATOR) if p not in officers]
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
    return session.execute(_LOOKS, {"visit": visit_id}).all()


def last_return(looks: Sequence[Any]) -> str:
    return next((look.reason for look in looks if look.decision == "RETURNED"), "")
