"""From a published plan line to a task ready to draw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.plans.service import earlier_line_ids
from bot.inspection.registry.items import current_items
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import Library, LibraryConfirmation, Mode, Task, TaskItem, TaskState
from bot.inspection.tasks.queries import departments_of


def create_task(session: Session, *, plan_line_id: int, now: dt.datetime, actor: int | None = None) -> Task:
    """Make the task of a plan line; the same line gives the same task again. Refused without a published plan
    (JZ-15.1) or with an item that is no longer active (SC-2.1)."""
    line = session.get(PlanLine, plan_line_id)
    if line is None:
        raise Problem("not_found", "没有这条计划。")
    lines = [plan_line_id, *earlier_line_ids(session, line)]  # an adjusted plan keeps the task it has
    existing = session.exec(
        select(Task).where(col(Task.plan_line_id).in_(lines), Task.source != "LICENSING")
    ).first()
    if existing is not None:
        return existing
    return _store(session, _new_task(session, line, now=now), now=now, actor=actor)


def _new_task(session: Session, line: PlanLine, *, now: dt.datetime) -> Task:
    plan = session.get_one(Plan, line.plan_id)
    if plan.state != PlanState.PUBLISHED:
        raise Problem("plan_not_published", "年度计划尚未公示，不能生成任务。", 计划=plan.code)
    items = current_items(session, line.item_ids)
    inactive = [item.name for item in items if not item.active]
    if inactive:
        raise Problem("item_inactive", "事项清单中没有或已停用的事项不得检查。", 事项="、".join(inactive))
    return Task(
        number=f"{plan.code}-{china_day(now):%Y%m%d}-{line.number:04d}", name=line.name, plan_line_id=line.id or 0,
        lead_department_id=line.lead_department_id, joint_department_ids=joint_departments(line),
        state=TaskState.APPROVED, targeted=bool(line.scope), item_ids=[item.id or 0 for item in items],
        window_start=line.window_start, window_end=line.window_end, created_at=now,
    )  # fmt: skip


def _store(session: Session, task: Task, *, now: dt.datetime, actor: int | None) -> Task:
    session.add(task)
    session.flush()
    departments = departments_of(task)
    for item in session.exec(select(Item).where(col(Item.id).in_(task.item_ids))):
        department = item_department(item, departments)
        session.add(TaskItem(task_id=task.id or 0, item_id=item.id or 0, department_id=department))
    record(
        session,
        "task.created",
        f"task:{task.id}",
        now=now,
        actor=actor,
        number=task.number,
        line=task.plan_line_id,
    )
    return task


def joint_departments(line: PlanLine) -> list[int]:
    """The participating departments in the plan's order, without the lead and without repeats."""
    return [d for d in dict.fromkeys(line.joint_department_ids) if d != line.lead_department_id]


def item_department(item: Item, departments: Sequence[int]) -> int:
    """Which of the task's *departments* (lead first) checks the item: its own where that takes part, else the lead."""
    return item.department_id if item.department_id in departments and item.department_id else departments[0]


def confirm_library(
    session: Session,
    *,
    task_id: int,
    library: Library,
    now: dt.datetime,
    changes: str = "",
    actor: int | None = None,
) -> Task:
    """One library is said to be up to date for this task: by whom, when, with which changes (YL-3.3.b). When both
    are, the task is ready to draw; said again before the draw, the later time counts."""
    task = session.get_one(Task, task_id, with_for_update=True)
    if task.state not in (TaskState.APPROVED, TaskState.LIBRARIES_CONFIRMED):
        raise Problem("already_drawn", "这个任务已经抽取，不用再确认名录库。", 任务=task.number)
    session.add(
        LibraryConfirmation(task_id=task_id, library=library, person_id=actor, changes=changes[:200], at=now)
    )
    session.flush()
    query = select(LibraryConfirmation.library).where(LibraryConfirmation.task_id == task_id)
    if set(session.exec(query)) == set(Library):
        task.state = TaskState.LIBRARIES_CONFIRMED
        session.add(task)
    record(
        session,
        "library.confirmed",
        f"task:{task_id}",
        now=now,
        actor=actor,
        library=library,
        changes=changes[:200],
    )
    return task


def confirm_libraries(session: Session, *, task_id: int, now: dt.datetime, actor: int | None = None) -> Task:
    """两库确认: both at once, for whoever keeps both."""
    for library in Library:
        task = confirm_library(session, task_id=task_id, library=library, now=now, actor=actor)
    return task


def create_licensing_task(
    session: Session, *, plan_line_id: int, object_code: str, application_no: str, window: tuple[dt.date, dt.date],
    now: dt.datetime, actor: int | None = None,
) -> Task:  # fmt: skip
    """A visit within a licensing procedure: the object is the applicant, only the officers are drawn (JZ-4.3).

    The plan line says items, departments and number of officers; the same application gives the same task again.
    """
    line, application = session.get(PlanLine, plan_line_id), application_no.strip()
    if line is None:
        raise Problem("not_found", "没有这条计划。")
    if not application or len(application) > 60:
        raise Problem(
            "application_missing", "请写明行政许可申请号，不超过 60 字。", 申请号=application_no[:60]
        )
    existing = session.exec(select(Task).where(Task.application_no == application)).first()
    if existing is not None:
        return existing
    inspected = session.exec(select(InspectionObject).where(InspectionObject.code == object_code)).first()
    if inspected is None:
        raise Problem("not_found", "检查对象名录库里没有这个申请人。", 检查对象=object_code)
    if window[0] > window[1]:
        raise Problem("window_invalid", "检查期限的结束早于开始。", 期限=f"{window[0]} 至 {window[1]}")
    task = _new_task(session, line, now=now)
    task.source, task.object_id, task.application_no = "LICENSING", inspected.id, application
    task.mode, task.mode_reason = Mode.PERSON_ONLY, f"行政许可实地核查，申请号{application}"
    task.window_start, task.window_end = window
    task.number = f"{task.number}-L{_licensing_count(session) + 1:04d}"[:40]
    return _store(session, task, now=now, actor=actor)


def _licensing_count(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Task).where(Task.source == "LICENSING")).one()
