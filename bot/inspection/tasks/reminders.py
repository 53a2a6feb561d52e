"""Whom a task still waits for."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.inspection.tasks.models import OfficerState, Visit, VisitOfficer
from bot.inspection.tasks.states import BEFORE_RECORD


def unanswered(session: Session, task_id: int) -> list[tuple[int, int]]:
    """(visit id, person id) of everybody in the task who has not accepted, oldest first."""
    return [
        (visit, person)
        for visit, person in session.exec(
            select(VisitOfficer.visit_id, VisitOfficer.person_id)
            .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
            .where(Visit.task_id == task_id, VisitOfficer.state == OfficerState.ASSIGNED)
            .order_by(col(VisitOfficer.assigned_at), col(VisitOfficer.id))
        )
    ]


def still_open(session: Session, task_id: int) -> int:
    """Visits of the task that are not made, or not recorded yet."""
    return session.exec(
        select(func.count()).where(Visit.task_id == task_id, col(Visit.state).in_(BEFORE_RECORD))
    ).one()
