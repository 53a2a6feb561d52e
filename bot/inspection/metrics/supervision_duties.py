"""The clock of a supervision order: until it is answered and closed (C30)."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.metrics.models import OrderState, SupervisionOrder
from bot.inspection.people.models import Role
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role as Reader
from bot.inspection.tasks.queries import people_with_role


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    changed = col(SupervisionOrder.reminded_on).is_(None)
    query = select(SupervisionOrder.id).where(changed).order_by(col(SupervisionOrder.id)).limit(limit)
    return [order for order in session.exec(query) if order is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    duties: dict[str, list[Duty]] = {}
    for order in session.exec(select(SupervisionOrder).where(col(SupervisionOrder.id).in_(ids))):
        order.reminded_on = china_day(context.now)
        session.add(order)
        root = f"supervision:{order.id}"
        duties[root] = []
        if order.state == OrderState.OPEN:
            people = people_with_role(session, Role.LEAD, department_id=order.department_id)
            duties[root].append(
                Duty("supervision", root, Span(china_day(order.opened_at), order.due_on),
                     policy_of("supervision", context.profile), order.department_id,
                     tag=order.due_on.isoformat(), people=dict.fromkeys(people, Reader.PLANNER))
            )  # fmt: skip
    return duties


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    open_ = (SupervisionOrder.state == OrderState.OPEN, col(SupervisionOrder.id) > after)
    query = select(SupervisionOrder.id).where(*open_).order_by(col(SupervisionOrder.id)).limit(limit)
    return [order for order in session.exec(query) if order is not None]


SOURCE = Source("supervision", _stale, _derive, _running)
