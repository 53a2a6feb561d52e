"""Gather what the public record of a visit may rest on. Only here does publication look at a visit."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.calendar import Calendar
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import PENDING_UNTIL_HANDLED, PROBLEMS, PUBLISHED
from bot.inspection.followups.service import of_visit
from bot.inspection.people.models import Department
from bot.inspection.plans.models import Plan, PlanLine
from bot.inspection.profile import DueDate, Profile, publicity_due
from bot.inspection.profile.terms import ClockLevel
from bot.inspection.publication.snapshot import Facts, Finding
from bot.inspection.results.models import ItemResult
from bot.inspection.results.service import item_results
from bot.inspection.tasks.models import Task, Visit
from bot.inspection.tasks.queries import line_of, visit_facts, year_of


def gather(session: Session, visit_id: int) -> Facts:
    """The facts of an approved visit, in eight small queries."""
    known = visit_facts(session, visit_id)
    line = line_of(session, known.task)
    if line is None:
        raise Problem("not_random", "个案线索的核查结果不作为抽查结果公示。", 任务=known.task.number)
    plan = session.get_one(Plan, line.plan_id)
    handled = {found.item_id: found for found in of_visit(session, visit_id)}
    names = {item.id: item.name for item in known.items}
    assert known.visit.ended_on is not None
    return Facts(
        plan_code=plan.code,
        plan_name=plan.name,
        task_number=known.task.number,
        task_name=known.task.name,
        targeted=known.task.targeted,
        authority=_authorities(session, known.department, line),
        inspected_on=known.visit.ended_on,
        object_code=known.object.code,
        object_name=known.object.name,
        findings=tuple(
            _finding(names.get(result.item_id, ""), result, handled.get(result.item_id))
            for result in item_results(session, visit_id)
        ),
    )


def due_of(session: Session, visit: Visit, *, profile: Profile, calendar: Calendar) -> DueDate | None:
    """The day this result must be public, as far as it is known now (decisions D1, D2, D5)."""
    return publicity_due(
        profile,
        calendar,
        ended_on=visit.ended_on,
        decided_on=decided_on(of_visit(session, visit.id or 0)),
        task_completed_on=_task_completed(session, visit, profile=profile),
        problem=visit.outcome in {code.value for code in PROBLEMS},
        year=year_of(session, session.get_one(Task, visit.task_id)),
    )


def decided_on(follow_ups: list[FollowUp]) -> dt.date | None:
    """The day the last problem of a visit was decided; None while one is open or there is none."""
    days = [china_day(found.handled_at) if found.handled_at else None for found in follow_ups]
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


def _task_completed(session: Session, visit: Visit, *, profile: Profile) -> dt.date | None:
    """The day the last inspection of the whole task ended, where the clock counts by task (D2)."""
    if profile.publicity.level is not ClockLevel.TASK:
        return None
    total, ended, last = session.exec(
        select(func.count(col(Visit.id)), func.count(col(Visit.ended_on)), func.max(Visit.ended_on)).where(
            Visit.task_id == visit.task_id
        )
    ).one()
    return last if total == ended else None


def _authorities(session: Session, lead: str, line: PlanLine) -> str:
    joint = session.exec(
        select(Department.name)
        .where(col(Department.id).in_(line.joint_department_ids))
        .order_by(col(Department.id))
    )
    return "、".join(dict.fromkeys([lead, *joint]))


def _finding(item: str, result: ItemResult, follow_up: FollowUp | None) -> Finding:
    codes = tuple(result.codes)
    problem = bool(PROBLEMS & set(codes))
    open_ = problem and (follow_up is None or follow_up.handled_at is None)
    state = FollowUpState(follow_up.state) if follow_up else FollowUpState.OPEN
    return Finding(
        item=item,
        codes=codes,
        pending=open_ and bool(PENDING_UNTIL_HANDLED & set(codes)),
        handling=PUBLISHED[state] if problem and follow_up and not open_ else "",
        handled_on=_handled_on(follow_up) if problem else None,
    )


def _handled_on(follow_up: FollowUp | None) -> dt.date | None:
    if follow_up is None or follow_up.handled_at is None:
        return None
    return china_day(follow_up.closed_at or follow_up.handled_at)
