"""The clocks of a transfer: its receipt, and for a suspected crime the decision and the hand-over by the hour."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.followups.models import FollowUp, Transfer, TransferState
from bot.inspection.followups.transfers import receivers, subject_of
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.queries import visit_facts

_BY_THE_HOUR = {TransferState.PROPOSED: "crime_decision", TransferState.APPROVED: "crime_transfer"}
_RUNNING = (*_BY_THE_HOUR, TransferState.SENT)


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    query = (
        select(Transfer.id).where(col(Transfer.reminded_on).is_(None)).order_by(col(Transfer.id)).limit(limit)
    )
    return [found for found in session.exec(query.with_for_update(skip_locked=True)) if found is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    duties: dict[str, list[Duty]] = {}
    for transfer in session.exec(
        select(Transfer).where(col(Transfer.id).in_(ids)).order_by(col(Transfer.id))
    ):
        transfer.reminded_on = china_day(context.now)
        session.add(transfer)
        duties[subject_of(transfer)] = (
            [_duty(session, transfer, context)] if transfer.state in _RUNNING else []
        )
    return duties


def _duty(session: Session, transfer: Transfer, context: Context) -> Duty:
    follow_up = session.get_one(FollowUp, transfer.follow_up_id)
    task = visit_facts(session, follow_up.visit_id).task
    people = dict.fromkeys(receivers(session, transfer), Role.RECEIVER) | {follow_up.handler_id: Role.HANDLER}
    kind = _BY_THE_HOUR.get(TransferState(transfer.state), "transfer")
    if kind == "transfer":
        span = Span(china_day(transfer.sent_at or transfer.proposed_at))
    else:
        span = Span(china_day(transfer.decided_at or transfer.proposed_at), due_at=transfer.due_at)
    return Duty(kind, subject_of(transfer), span, policy_of(kind, context.profile, task.policy),
                task.lead_department_id, tag=transfer.state, people=people)  # fmt: skip


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    query = select(Transfer.id).where(col(Transfer.state).in_(_RUNNING), col(Transfer.id) > after)
    return [
        found for found in session.exec(query.order_by(col(Transfer.id)).limit(limit)) if found is not None
    ]


SOURCE = Source("transfer", _stale, _derive, _running)
