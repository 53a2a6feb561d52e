"""The clock of a return visit (C31)."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.followups.return_models import ReturnSample, ReturnVisit
from bot.inspection.followups.returns import officers_of, subject_of
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.models import Task

_KIND = "return_visit"


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    query = select(ReturnVisit.id).where(col(ReturnVisit.reminded_on).is_(None)).order_by(col(ReturnVisit.id))
    return [r for r in session.exec(query.limit(limit).with_for_update(skip_locked=True)) if r is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    policy = policy_of(_KIND, context.profile)
    duties: dict[str, list[Duty]] = {}
    query = (
        select(ReturnVisit, ReturnSample.drawn_at, Task.lead_department_id)
        .join(ReturnSample, col(ReturnSample.id) == ReturnVisit.sample_id)
        .join(Task, col(Task.id) == ReturnSample.task_id)
        .where(col(ReturnVisit.id).in_(ids))
    )
    for found, drawn, department in session.exec(query):
        found.reminded_on = china_day(context.now)
        session.add(found)
        duties[subject_of(found)] = []
        if found.done_at is None:
            people = dict.fromkeys(officers_of(session, found.id or 0), Role.OFFICER)
            span = Span(china_day(drawn), found.due_on)
            duties[subject_of(found)].append(
                Duty(_KIND, subject_of(found), span, policy, department, people=people)
            )
    return duties


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    query = select(ReturnVisit.id).where(col(ReturnVisit.done_at).is_(None), col(ReturnVisit.id) > after)
    return [
        found for found in session.exec(query.order_by(col(ReturnVisit.id)).limit(limit)) if found is not None
    ]


SOURCE = Source("return", _stale, _derive, _running)
