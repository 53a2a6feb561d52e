"""From a published plan line to a task ready to draw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.plans.service import earlier_line_ids
from bot.inspection.registry.items import current_items
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Task, TaskItem, TaskState
from bot.inspection.tasks.queries import departments_of


def create_task(session: Session, *, plan_line_id: int, now: dt.datetime, actor: int | None = None) -> Task:
    """Make the task of a plan line; the same line gives the same task again. Refused without a published plan
    (JZ-15.1) or with an item that is no longer active (SC-2.1)."""
    line = session.get(PlanLine, plan_line_id)
    if line is None:
        raise Problem("not_found", "没有这条计划。")
    lines = [plan_line_id, *earlier_line_ids(session, line)]  # an adjusted plan keeps the task it has
    existing = session.exec(select(Task).where(col(Task.plan_line_id).in_(lines))).first()
    if existing is not None:
        return existing
    plan = session.get_one(Plan, line.plan_id)
    if plan.state != PlanState.PUBLISHED:
        raise Problem("plan_not_published", "年度计划尚未公示，不能生成任务。", 计划=plan.code)
    items = current_items(session, line.item_ids)
    inactive = [item.name for item in items if not item.active]
    if inactive:
        raise Problem("item_inactive", "事项清单中没有或已停用的事项不得检查。", 事项="、".join(inactive))
    task = Task(
        number=f"{plan.code}-{china_day(now):%Y%m%d}-{line.number:04d}", name=line.name, plan_line_id=plan_line_id,
        lead_department_id=line.lead_department_id, joint_department_ids=joint_departments(line),
        state=TaskState.APPROVED, targeted=bool(line.scope),
        item_ids=[item.id or 0 for item in items], window_start=line.window_start, window_end=line.window_end, created_at=now,
    )  # fmt: skip
    session.add(task)
    session.flush()
    departments = departments_of(task)
    session.add_all(
        TaskItem(task_id=task.id or 0, item_id=item.id or 0, department_id=item_department(item, departments))
        for item in items
    )
    record(
        session,
        "task.created",
        f"task:{task.id}",
        now=now,
        actor=actor,
        number=task.number,
        line=plan_line_id,
    )
    return task


def joint_departments(line: PlanLine) -> list[int]:
    """The participating departments in the plan's order, without the lead and without repeats."""
    return [d for d in dict.fromkeys(line.joint_department_ids) if d != line.lead_department_id]


def item_department(item: Item, departments: Sequence[int]) -> int:
    """Which of the task's *departments* (lead first) checks the item: its own where that takes part, else the lead."""
    return item.department_id if item.department_id in departments and item.department_id else departments[0]


def confirm_libraries(session: Session, *, task_id: int, now: dt.datetime, actor: int | None = None) -> Task:
    """两库确认: both libraries are said to be up to date for this task (YL-3.3.b)."""
    task = session.get_one(Task, task_id)
    if task.state == TaskState.APPROVED:
        task.state = TaskState.LIBRARIES_CONFIRMED
        session.add(task)
        record(session, "libraries.confirmed", f"task:{task_id}", now=now, actor=actor)
    return task
