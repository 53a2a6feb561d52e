"""The clock of a commissioned report: institution and lead hear of it before and after its day (C20)."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.commissions.models import Commission, CommissionState
from bot.inspection.commissions.service import subject_of
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.models import Task, Visit


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    query = (
        select(Commission.id).where(col(Commission.reminded_on).is_(None)).order_by(col(Commission.id)).limit(limit)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    return [found for found in session.exec(query) if found is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    duties: dict[str, list[Duty]] = {}
    query = (
        select(Commission, Task)
        .join(Visit, col(Visit.id) == Commission.visit_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(col(Commission.id).in_(ids))
    )
    for found, task in session.exec(query):
        found.reminded_on = china_day(context.now)
        session.add(found)
        waits = found.state == CommissionState.ORDERED
        duties[subject_of(found)] = [_duty(found, task, context)] if waits else []
    return duties


def _duty(found: Commission, task: Task, context: Context) -> Duty:
    people = {found.contact_id: Role.RECEIVER} if found.contact_id is not None else {}
    return Duty(
        "commission", subject_of(found), Span(china_day(found.ordered_at), found.due_on),
        policy_of("commission", context.profile), task.lead_department_id, people=people,
    )  # fmt: skip


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    query = select(Commission.id).where(
        Commission.state == CommissionState.ORDERED, col(Commission.id) > after
    )
    return [
        found for found in session.exec(query.order_by(col(Commission.id)).limit(limit)) if found is not None
    ]


SOURCE = Source("commission", _stale, _derive, _running)
