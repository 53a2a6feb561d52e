"""Draft a period's bulletin, let a person issue it, and order those below their targets to answer (C30, ZJ-3.3.c).

Departments stand in the order of their numbers: nobody is ranked by how often they inspect (D15).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, case, func
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.service import reminding_hour
from bot.inspection.followups.models import FollowUp
from bot.inspection.metrics.models import Bulletin, BulletinState, OrderState, SupervisionOrder
from bot.inspection.notices.group_posts import post_to_groups
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, row, supersede, touch_cards
from bot.inspection.people.models import Department, Role
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.profile import Profile
from bot.inspection.tasks.models import Task, TaskState, Visit, VisitState
from bot.inspection.tasks.queries import people_with_role
from bot.inspection.tasks.states import SUBMITTED

_ANSWER_WORKDAYS = 10  # C30's acceptance example
_NEWS = dt.timedelta(days=7)  # after that a group has heard of it
_STARTED = (TaskState.DISPATCHED, TaskState.IN_PROGRESS, TaskState.COMPLETED, TaskState.ARCHIVED)
_ENDED = (VisitState.PUBLISHED, VisitState.NON_PUBLIC)


def draft_due(session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar) -> int:
    """Draft the bulletin of the period that ended, on its first working morning; returns 1 when one was made."""
    today = china_day(now)
    first = today.replace(day=1)
    last = first - dt.timedelta(days=1)
    if last.month % profile.bulletin.period_months or not reminding_hour(
        calendar, profile.messages.remind_at, now=now
    ):
        return 0
    period = f"{last:%Y-%m}"
    if session.exec(select(Bulletin.id).where(Bulletin.period == period)).first() is not None:
        return 0
    rows = department_rows(session, today=today, year=last.year, until=at_china(first))
    if not rows:
        return 0
    _draft(session, period, rows, now=now)
    return 1


def draft_bulletin(session: Session, *, period: str, now: dt.datetime) -> Bulletin:
    """The draft of *period* (``2026-03``) from the figures as they are now; a period has one. Raises
    ``period_empty`` where no department has begun a random task by its end."""
    existing = session.exec(select(Bulletin).where(Bulletin.period == period)).one_or_none()
    if existing is not None:
        return existing
    year, month = map(int, period.split("-"))
    until = dt.date(year + month // 12, month % 12 + 1, 1)
    rows = department_rows(session, today=min(china_day(now), until), year=year, until=at_china(until))
    if not rows:
        raise Problem("period_empty", "这一期还没有部门开始随机抽查任务。", 期间=period)
    return _draft(session, period, rows, now=now)


def _draft(session: Session, period: str, rows: list[dict[str, Any]], *, now: dt.datetime) -> Bulletin:
    made = Bulletin(period=period, rows=rows, drafted_at=now)
    session.add(made)
    session.flush()
    record(session, "bulletin.drafted", f"bulletin:{made.id}", now=now, period=period, departments=len(rows))
    enqueue_many(session, [
        row("bulletin_draft", f"bulletin:{made.id}", recipient_id=person, now=now, priority=Priority.NORMAL)
        for person in people_with_role(session, Role.COORDINATOR)
    ])  # fmt: skip
    return made


def _random(year: int, until: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    """Random tasks begun in *year* before *until*; a clue is in no figure of random inspections (YL-3.7)."""
    return (
        col(Task.plan_line_id).is_not(None), col(Task.state).in_(_STARTED),
        col(Task.dispatched_at) >= at_china(dt.date(year, 1, 1)), col(Task.dispatched_at) < until,
    )  # fmt: skip


def department_rows(
    session: Session, *, today: dt.date, year: int, until: dt.datetime
) -> list[dict[str, Any]]:
    """The figures of every department with a task begun this year, in the order of the register."""
    late = (col(Visit.due_on) < today) & col(Visit.state).not_in(SUBMITTED)
    query = (
        select(
            col(Department.id), col(Department.name), func.count(func.distinct(col(Task.id))), func.count(col(Visit.id)),
            _sum(col(Visit.state).in_(SUBMITTED)), _sum(col(Visit.state).in_(_ENDED)), _sum(late),
        )  # type: ignore[call-overload]
        .join(Task, col(Task.lead_department_id) == Department.id)
        .join(Visit, col(Visit.task_id) == Task.id)
        .where(*_random(year, until))
        .group_by(col(Department.id), col(Department.name))
        .order_by(col(Department.id))
    )  # fmt: skip
    joint, lines = _joint_tasks(session, year, until), _plan_lines(session, year)
    problems = _problems(session, year, until)
    return [
        {"department": department, "name": name, "lines": lines.get(department, 0), "tasks": tasks,
         "joint": joint.get(department, 0), "drawn": drawn,
         "finished": int(finished), "published": int(published), "overdue": int(overdue),
         "problems": problems.get(department, (0, 0))[0], "handled": problems.get(department, (0, 0))[1]}
        for department, name, tasks, drawn, finished, published, overdue in session.exec(query)
    ]  # fmt: skip


def _sum(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _plan_lines(session: Session, year: int) -> dict[int, int]:
    """Lines of the year's public plans, by the department that leads them."""
    query = (
        select(PlanLine.lead_department_id, func.count())
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(Plan.year == year, Plan.state == PlanState.PUBLISHED)
        .group_by(col(PlanLine.lead_department_id))
    )
    return {department: int(n) for department, n in session.exec(query)}


def _joint_tasks(session: Session, year: int, until: dt.datetime) -> dict[int, int]:
    query = select(Task).where(*_random(year, until))
    found: dict[int, int] = {}
    for task in session.exec(query):
        found[task.lead_department_id] = found.get(task.lead_department_id, 0) + bool(
            task.joint_department_ids
        )
    return found


def _problems(session: Session, year: int, until: dt.datetime) -> dict[int, tuple[int, int]]:
    """Problems found and problems with a recorded handling, by department (M6)."""
    query = (
        select(Task.lead_department_id, func.count(col(FollowUp.id)), func.count(col(FollowUp.handled_at)))
        .join(Visit, col(Visit.task_id) == Task.id)
        .join(FollowUp, col(FollowUp.visit_id) == Visit.id)
        .where(*_random(year, until))
        .group_by(col(Task.lead_department_id))
    )
    return {department: (int(found), int(handled)) for department, found, handled in session.exec(query)}


def issue_bulletin(
    session: Session, *, bulletin_id: int, by: int, now: dt.datetime, profile: Profile, calendar: WorkCalendar
) -> Bulletin:
    """A coordinator lets it out: every department's lead and the groups get it, those below a target an order to answer
    within ten working days; who still has one keeps that. Pressed again, nothing happens. Raises ``forbidden``,
    ``not_found``."""
    made = session.get(Bulletin, bulletin_id, with_for_update=True)
    if made is None:
        raise Problem("not_found", "没有这份通报。")
    require_coordinator(session, by)
    if made.state == BulletinState.ISSUED:
        return made
    made.state, made.issued_at, made.issued_by = BulletinState.ISSUED, now, by
    session.add(made)
    record(session, "bulletin.issued", f"bulletin:{bulletin_id}", now=now, actor=by, period=made.period)
    leads = people_with_role(session, Role.LEAD)
    enqueue_many(
        session, [row("bulletin", f"bulletin:{bulletin_id}", recipient_id=p, now=now) for p in leads]
    )
    post_to_groups(session, "bulletin", f"bulletin:{bulletin_id}", now=now, useless_after=now + _NEWS)
    due = calendar.add_workdays(china_day(now), _ANSWER_WORKDAYS)
    chased = {order.department_id for order in open_orders(session)}
    for each in made.rows:
        if (finding := below_targets(each, profile)) and each["department"] not in chased:
            _order(session, made, int(each["department"]), finding, due=due, now=now)
    touch_cards(session, f"bulletin:{bulletin_id}", now=now)
    return made


def below_targets(figures: dict[str, Any], profile: Profile) -> str:
    """What a department is criticised for, in words; empty when it meets the locality's targets."""
    wanted = (
        ("完成率", figures["finished"], figures["drawn"], profile.targets.m4a),
        ("公示率", figures["published"], figures["drawn"], profile.targets.m4b),
        ("问题处理率", figures["handled"], figures["problems"], profile.targets.m6),
    )
    found = [
        f"{name} {done}/{of}，低于 {target}%"
        for name, done, of, target in wanted
        if target is not None and of and done * 100 < target * of
    ]
    return "；".join(found)


def open_orders(session: Session) -> list[SupervisionOrder]:
    """What is not closed yet, by term: it stands in every bulletin until it is."""
    query = select(SupervisionOrder).where(SupervisionOrder.state != OrderState.CLOSED)
    return list(session.exec(query.order_by(col(SupervisionOrder.due_on), col(SupervisionOrder.id))))


def _order(
    session: Session, made: Bulletin, department: int, finding: str, *, due: dt.date, now: dt.datetime
) -> None:
    order = SupervisionOrder(
        bulletin_id=made.id or 0, department_id=department, finding=finding, due_on=due, opened_at=now
    )
    session.add(order)
    session.flush()
    record(session, "supervision.opened", f"supervision:{order.id}", now=now, department=department)
    for lead in people_with_role(session, Role.LEAD, department_id=department):
        enqueue(session, "supervision_order", f"supervision:{order.id}", recipient_id=lead, now=now)


def reply_order(
    session: Session, *, order_id: int, person_id: int, text: str, now: dt.datetime
) -> SupervisionOrder:
    """The unit answers; the coordinators look at it. Raises ``forbidden``, ``reply_missing``, ``not_found``."""
    order = session.get(SupervisionOrder, order_id, with_for_update=True)
    if order is None:
        raise Problem("not_found", "没有这项督办。")
    if person_id not in people_with_role(session, Role.LEAD, department_id=order.department_id):
        raise Problem("forbidden", "督办由被督办部门负责人答复。")
    text = " ".join(text.split())[:1000]
    if not text:
        raise Problem("reply_missing", "请写明整改落实情况。", 答复="不能为空")
    if order.state != OrderState.CLOSED:
        order.reply, order.state, order.replied_at = text, OrderState.REPLIED, now
        _changed(session, order, "supervision.replied", now=now, actor=person_id)
        slot = now.isoformat(timespec="seconds")
        for person in people_with_role(session, Role.COORDINATOR):
            enqueue(
                session,
                "supervision_replied",
                f"supervision:{order.id}",
                recipient_id=person,
                now=now,
                slot=slot,
            )
    return order


def judge_reply(
    session: Session, *, order_id: int, by: int, enough: bool, now: dt.datetime
) -> SupervisionOrder:
    """Close the order, or send it back: then it is chased again. A second press finds what was decided."""
    order = session.get(SupervisionOrder, order_id, with_for_update=True)
    if order is None:
        raise Problem("not_found", "没有这项督办。")
    require_coordinator(session, by)
    if order.state != OrderState.REPLIED:
        return order
    order.state, order.closed_at = (OrderState.CLOSED, now) if enough else (OrderState.OPEN, None)
    _changed(session, order, "supervision.closed" if enough else "supervision.returned", now=now, actor=by)
    return order


def _changed(session: Session, order: SupervisionOrder, action: str, *, now: dt.datetime, actor: int) -> None:
    order.reminded_on = None
    session.add(order)
    subject = f"supervision:{order.id}"
    record(session, action, subject, now=now, actor=actor)
    supersede(session, subject, kinds=("supervision_reminder",), reason="督办有答复或已办结", now=now)


def require_coordinator(session: Session, person_id: int) -> None:
    """Raise ``forbidden`` unless the person belongs to the joint-conference office."""
    if person_id not in people_with_role(session, Role.COORDINATOR):
        raise Problem("forbidden", "这项由联席会议办公室办理。")
