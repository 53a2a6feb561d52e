"""The clock of the head's approval: asked again each working day until it is decided (C15)."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.profile.schedule import Span
from bot.inspection.tasks.models import ApprovalState, Task, Visit, VisitApproval


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    query = select(VisitApproval.visit_id).where(col(VisitApproval.reminded_on).is_(None))
    return session.exec(query.order_by(col(VisitApproval.visit_id)).limit(limit)).all()


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    """One message a day for the whole task; an urgent visit asks for itself."""
    duties: dict[str, list[Duty]] = {}
    query = (
        select(VisitApproval, Visit, Task)
        .join(Visit, col(Visit.id) == VisitApproval.visit_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(col(VisitApproval.visit_id).in_(ids))
    )
    for approval, visit, task in session.exec(query):
        approval.reminded_on = china_day(context.now)
        session.add(approval)
        root = f"approval:{visit.id}"
        duties[root] = []
        if approval.state == ApprovalState.ASKED:
            kind = "urgent_approval" if approval.urgent else "approval"
            policy, span = policy_of(kind, context.profile), Span(china_day(approval.asked_at))
            above = f"task:{task.id}"
            duties[root].append(
                Duty(
                    kind, root, span, policy, task.lead_department_id, about=f"visit:{visit.id}", above=above
                )
            )
    return duties


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    asked = (VisitApproval.state == ApprovalState.ASKED, col(VisitApproval.visit_id) > after)
    query = select(VisitApproval.visit_id).where(*asked)
    return session.exec(query.order_by(col(VisitApproval.visit_id)).limit(limit)).all()


SOURCE = Source("approval", _stale, _derive, _running)
