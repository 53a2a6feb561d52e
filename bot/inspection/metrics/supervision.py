"""督办单: ordered by a bulletin or by itself, answered by the department, closed by the office (C30, ZJ-1.3)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, func, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.metrics.bulletin_rules import ORDER_WORKDAYS
from bot.inspection.metrics.models import Bulletin, OrderState, SupervisionOrder
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards, withdraw
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role as Reader
from bot.inspection.tasks.queries import leads_of, people_with_role

S = OrderState
REMINDER = "supervision_reminder"


def subject_of(found: SupervisionOrder) -> str:
    return f"supervision:{found.id}"


def get_order(session: Session, order_id: int, *, lock: bool = False) -> SupervisionOrder:
    """Raises ``not_found``."""
    found = session.get(SupervisionOrder, order_id, with_for_update=lock or None)
    if found is None:
        raise Problem("not_found", "没有这张督办单。")
    return found


def criticise(
    session: Session,
    bulletin: Bulletin,
    department_id: int,
    finding: str,
    *,
    now: dt.datetime,
    calendar: WorkCalendar,
) -> SupervisionOrder | None:
    """The order of a bulletin; a department that still has one open keeps that one, and stands in the bulletin with it."""
    running = select(SupervisionOrder.id).where(
        SupervisionOrder.department_id == department_id, SupervisionOrder.state != S.CLOSED,
        col(SupervisionOrder.bulletin_id).is_not(None),
    )  # fmt: skip
    if session.exec(running).first() is not None:
        return None
    due = calendar.add_workdays(china_day(now), ORDER_WORKDAYS)
    return order_department(
        session, department_id=department_id, finding=finding, due_on=due, now=now, bulletin_id=bulletin.id,
        actor=bulletin.issued_by,
    )  # fmt: skip


def order_department(
    session: Session, *, department_id: int, finding: str, due_on: dt.date, now: dt.datetime,
    bulletin_id: int | None = None, actor: int | None = None,
) -> SupervisionOrder:  # fmt: skip
    """督办: the department's leads hear at once. Raises ``text_missing``, ``term_past``."""
    finding = _words(finding, "督办要写明发现的问题。", 1000)
    if due_on <= china_day(now):
        raise Problem("term_past", "督办期限要晚于今天。", 期限=due_on.isoformat())
    day = f"{china_day(now):%Y%m%d}"
    before = select(func.count()).where(col(SupervisionOrder.number).startswith(f"DB-{day}-"))
    made = SupervisionOrder(
        number=f"DB-{day}-{session.exec(before).one() + 1}", bulletin_id=bulletin_id, department_id=department_id,
        finding=finding, due_on=due_on, ordered_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(session, "supervision.ordered", subject_of(made), now=now, actor=actor, department=department_id)
    for person in leads_of(session, department_id):
        enqueue(session, "supervision_order", subject_of(made), recipient_id=person, now=now,
                priority=Priority.ASSIGNMENT)  # fmt: skip
    return made


def reply(
    session: Session, *, order_id: int, person_id: int, text: str, now: dt.datetime
) -> SupervisionOrder:
    """回复整改情况: the office looks at it. Raises ``forbidden``, ``text_missing``, ``wrong_state`` (closed)."""
    found = get_order(session, order_id, lock=True)
    if person_id not in leads_of(session, found.department_id):
        raise Problem("forbidden", "督办单由被督办部门负责人回复。")
    if found.state == S.CLOSED:
        raise Problem("wrong_state", "这张督办单已办结，不用再回复。")
    found.reply = _words(text, "请写明整改情况。", 2000)
    found.state = S.REPLIED
    _changed(session, found, action="replied", now=now, actor=person_id)
    for person in people_with_role(session, Role.COORDINATOR):
        enqueue(session, "supervision_replied", subject_of(found), recipient_id=person, now=now,
                slot=f"round-{found.round}")  # fmt: skip
    return found


def close_order(session: Session, *, order_id: int, person_id: int, now: dt.datetime) -> SupervisionOrder:
    """复核通过. Closed stays closed. Raises ``forbidden``, ``wrong_state`` (nothing was replied)."""
    found = _decidable(session, order_id, person_id)
    if found.state == S.REPLIED:
        found.state, found.closed_at = S.CLOSED, now
        _changed(session, found, action="closed", now=now, actor=person_id)
    return found


def return_order(
    session: Session, *, order_id: int, person_id: int, remark: str, now: dt.datetime
) -> SupervisionOrder:
    """退回: the reply is not enough, the department is told why. Raises as ``close_order``, and ``text_missing``."""
    found = _decidable(session, order_id, person_id)
    if found.state == S.REPLIED:
        found.remark = _words(remark, "退回要写明理由。", 1000)
        found.state, found.round = S.OPEN, found.round + 1
        _changed(session, found, action="returned", now=now, actor=person_id)
        for person in leads_of(session, found.department_id):
            enqueue(session, "supervision_order", subject_of(found), recipient_id=person, now=now,
                    slot=f"round-{found.round}", priority=Priority.ASSIGNMENT)  # fmt: skip
    return found


def open_orders(session: Session) -> list[SupervisionOrder]:
    """What is not closed, by term: it stands in every bulletin until it is."""
    query = select(SupervisionOrder).where(SupervisionOrder.state != S.CLOSED)
    return list(session.exec(query.order_by(col(SupervisionOrder.due_on), col(SupervisionOrder.id))))


def _decidable(session: Session, order_id: int, person_id: int) -> SupervisionOrder:
    found = get_order(session, order_id, lock=True)
    if session.get(PersonRole, (person_id, Role.COORDINATOR)) is None:
        raise Problem("forbidden", "督办单由联席会议办公室复核。")
    if found.state == S.OPEN:
        raise Problem("wrong_state", "被督办部门还没有回复。")
    return found


def _changed(session: Session, found: SupervisionOrder, *, action: str, now: dt.datetime, actor: int) -> None:
    found.reminded_on = None
    session.add(found)
    session.flush()
    record(session, f"supervision.{action}", subject_of(found), now=now, actor=actor)
    withdraw(session, subject_of(found), kinds=(REMINDER,), reason="已办理", now=now)
    touch_cards(session, subject_of(found), now=now)


def _words(text: str, missing: str, limit: int) -> str:
    text = " ".join(text.split())[:limit]
    if not text:
        raise Problem("text_missing", missing, 内容="不能为空")
    return text


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    query = select(SupervisionOrder.id).where(col(SupervisionOrder.reminded_on).is_(None))
    return [o for o in session.exec(query.order_by(col(SupervisionOrder.id)).limit(limit)) if o is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    """The department answers within the term; a reply that waits to be looked at is no longer its duty."""
    duties: dict[str, list[Duty]] = {}
    policy = policy_of("supervision", context.profile)
    for found in session.exec(select(SupervisionOrder).where(col(SupervisionOrder.id).in_(ids))):
        found.reminded_on = china_day(context.now)
        session.add(found)
        people = dict.fromkeys(leads_of(session, found.department_id), Reader.PLANNER)
        span = Span(china_day(found.ordered_at), found.due_on)
        duty = Duty("supervision", subject_of(found), span, policy, found.department_id, tag=str(found.round),
                    people=people)  # fmt: skip
        duties[subject_of(found)] = [duty] if found.state == S.OPEN else []
    return duties


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    query = select(SupervisionOrder.id).where(
        SupervisionOrder.state == S.OPEN, col(SupervisionOrder.id) > after
    )
    return [o for o in session.exec(query.order_by(col(SupervisionOrder.id)).limit(limit)) if o is not None]


SOURCE = Source("supervision", _stale, _derive, _running)
