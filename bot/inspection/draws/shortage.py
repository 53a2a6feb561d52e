"""A draw that could not be staffed: the department whose officers are missing hears of it at once (C12)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, or_, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Department
from bot.inspection.tasks.models import Task, TaskState
from bot.inspection.tasks.queries import leads_of

KIND = "staff_missing"


def tell_shortage(session: Session, *, task_id: int, problem: Problem, now: dt.datetime) -> bool:
    """Tell the leads of the department that *problem* (of ``lock_draw``) names; once a day. False for another problem:
    the draw itself was rolled back, so this runs in a transaction of its own."""
    if problem.key != "officers_missing":
        return False
    task = session.get_one(Task, task_id)
    named = str(problem.fields.get("部门", ""))
    number = int(named) if named.isdecimal() and len(named) < 10 else 0
    found = session.exec(
        select(Department.id).where(
            or_(Department.code == named, Department.name == named, col(Department.id) == number)
        )
    ).first()
    department = found or task.lead_department_id
    data = {"why": str(problem), "department": session.get_one(Department, department).name}
    record(session, "draw.unstaffed", f"task:{task_id}", now=now, department=department)
    for lead in leads_of(session, department):
        enqueue(session, KIND, f"task:{task_id}", recipient_id=lead, now=now, slot=f"{now:%Y-%m-%d}",
                priority=Priority.ASSIGNMENT, data=data)  # fmt: skip
    return True


def staff_missing(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    task = session.get_one(Task, int(notice.subject.rpartition(":")[2]))
    if task.state in (TaskState.DISPATCHED, TaskState.IN_PROGRESS, TaskState.COMPLETED):
        return Skip("已抽取并派发")
    return Content({"task": task.name, **notice.data})


KINDS: tuple[Kind, ...] = (
    Kind(
        KIND,
        staff_missing,
        Content(
            {
                "task": "餐饮服务食品安全抽查",
                "department": "消防救援大队",
                "why": "有 3 户选派不出 2 名执法检查人员",
            }
        ),
    ),
)
