"""The clocks of a problem found: the decision, the correction, its re-check (C23)."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.telling import subject_of
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.queries import VisitFacts, visit_facts

S = FollowUpState
RUNNING = (S.OPEN, S.ORDERED, S.RECHECK_DUE)


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    query = (
        select(FollowUp.id).where(col(FollowUp.reminded_on).is_(None)).order_by(col(FollowUp.id)).limit(limit)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    return [found for found in session.exec(query) if found is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    duties: dict[str, list[Duty]] = {}
    for found in session.exec(select(FollowUp).where(col(FollowUp.id).in_(ids)).order_by(col(FollowUp.id))):
        found.reminded_on = china_day(context.now)
        session.add(found)
        duties[subject_of(found)] = _duties(session, found, context) if found.state in RUNNING else []
    return duties


def _duties(session: Session, found: FollowUp, context: Context) -> list[Duty]:
    """For an order its term, for a report its re-check, else the decision itself."""
    facts = visit_facts(session, found.visit_id)
    opened, handler = china_day(found.opened_at), {found.handler_id: Role.HANDLER}
    if found.state == S.ORDERED:
        people = dict.fromkeys(facts.contacts, Role.ENTERPRISE) | handler
        return [_duty("correction", found, facts, Span(opened, found.due_on), context=context, people=people)]
    if found.state == S.RECHECK_DUE:
        reported = china_day(found.reported_at or found.opened_at)
        due = context.calendar.add_workdays(reported, context.profile.followup.recheck_workdays)
        return [_duty("correction", found, facts, Span(reported, due), context=context, people=handler)]
    duties = [_duty("decision", found, facts, Span(opened), context=context, people=handler)]
    if found.due_on is not None:
        duties.append(
            _duty("correction", found, facts, Span(opened, found.due_on), context=context, people=handler)
        )
    return duties


def _duty(
    kind: str, found: FollowUp, facts: VisitFacts, span: Span, *, context: Context, people: dict[int, Role]
) -> Duty:
    return Duty(
        kind, subject_of(found), span, policy_of(kind, context.profile, facts.task.policy),
        facts.task.lead_department_id, above=f"task:{facts.task.id}", tag=str(found.generation),
        generation=found.generation, people=people,
    )  # fmt: skip


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    query = select(FollowUp.id).where(col(FollowUp.state).in_(RUNNING), col(FollowUp.id) > after)
    return [
        found for found in session.exec(query.order_by(col(FollowUp.id)).limit(limit)) if found is not None
    ]


SOURCE = Source("followup", _stale, _derive, _running)
