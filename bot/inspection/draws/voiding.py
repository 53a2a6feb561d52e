"""A redraw (D11): a ground, a second person's approval, a new round. The voided round stays public."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select
from sqlmodel import Session, col

from bot.core.errors import Problem
from bot.core.private import public_words
from bot.inspection.audit.service import record
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.draws.queries import require_draw
from bot.inspection.draws.taking_back import require_untouched, take_back
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.people.models import Role
from bot.inspection.tasks.models import Mode, Task, TaskBatch, TaskState, Visit
from bot.inspection.tasks.queries import departments_of, leads_of, people_with_role


def may_void(session: Session, task: Task, person_id: int) -> bool:
    """Leads of the task's departments and coordinators."""
    leads = {lead for department in departments_of(task) for lead in leads_of(session, department)}
    return person_id in leads | set(people_with_role(session, Role.COORDINATOR))


def ask_void(session: Session, *, task_id: int, ground: str, by: int, now: dt.datetime) -> Draw:
    """Ask for a redraw. Asked again while nobody has decided, the first ground stands."""
    draw, task = require_draw(session, task_id), session.get_one(Task, task_id)
    if not may_void(session, task, by):
        raise Problem("forbidden", "只有检查部门负责人和联席会议办公室可以申请作废。")
    if not ground.strip():
        raise Problem("ground_missing", "作废抽取必须说明理由。", 理由="不能为空")
    if draw.state == DrawState.PREPARED:
        raise Problem("not_committed", "还没有公布抽取承诺，不需要作废。")
    if draw.void_asked_by is not None:
        return draw
    require_untouched(session, _visits_of(session, task))
    draw.void_ground, draw.void_asked_by, draw.void_asked_at = public_words(ground.strip()[:200]), by, now
    session.add(draw)
    record(session, "draw.void_asked", f"draw:{draw.id}", now=now, actor=by, ground=draw.void_ground)
    for person in _deciders(session, task):
        if person != by:
            enqueue(session, "draw_void_request", f"draw:{draw.id}", recipient_id=person, now=now)
    touch_cards(session, f"draw:{draw.id}", now=now)
    return draw


def decide_void(session: Session, *, draw_id: int, approved: bool, by: int, now: dt.datetime) -> Draw:
    """A second person approves or refuses; after approval the round is void and its visits are withdrawn."""
    draw = session.get(Draw, draw_id, with_for_update=True)
    if draw is None:
        raise Problem("not_found", "没有找到这次抽取。")
    task = session.get_one(Task, draw.task_id)
    if not may_void(session, task, by):
        raise Problem("forbidden", "只有检查部门负责人和联席会议办公室可以批准作废。")
    if draw.state == DrawState.VOID:
        return draw
    if draw.void_asked_by is None:
        raise Problem("void_not_asked", "没有人申请作废这次抽取。")
    if draw.void_asked_by == by:
        raise Problem("second_person_needed", "作废须由申请人以外的另一人批准。")
    if not approved:
        draw.void_ground, draw.void_asked_by, draw.void_asked_at = "", None, None
        record(session, "draw.void_refused", f"draw:{draw.id}", now=now, actor=by)
    else:
        _void(session, draw, task, by=by, now=now)
    session.add(draw)
    touch_cards(session, f"draw:{draw.id}", now=now)
    return draw


def _void(session: Session, draw: Draw, task: Task, *, by: int, now: dt.datetime) -> None:
    was, visits = draw.state, _visits_of(session, task)
    if was == DrawState.LOCKED:
        take_back(session, task, visits, reason="抽取已作废", ground=draw.void_ground, now=now)
        session.execute(delete(TaskBatch).where(col(TaskBatch.task_id) == task.id))
        task.state, task.dispatched_at = TaskState.LIBRARIES_CONFIRMED, None
    if task.object_id is None:  # the numbers of the next round say anew which side leaves no choice
        task.mode, task.mode_reason = Mode.BOTH, ""
    session.add(task)
    draw.state, draw.void_approved_by, draw.void_at = DrawState.VOID, by, now
    record(session, "draw.voided", f"draw:{draw.id}", now=now, actor=by, ground=draw.void_ground, was=was,
           visits=len(visits))  # fmt: skip


def _visits_of(session: Session, task: Task) -> list[int]:
    return list(session.execute(select(col(Visit.id)).where(col(Visit.task_id) == task.id)).scalars())


def _deciders(session: Session, task: Task) -> list[int]:
    leads = [lead for department in departments_of(task) for lead in leads_of(session, department)]
    return list(dict.fromkeys([*leads, *people_with_role(session, Role.COORDINATOR)]))
