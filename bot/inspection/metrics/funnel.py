"""Where the visits of each task stand, and what the last days brought."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, literal
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china_day
from bot.inspection.notices.models import Notice, NoticeState
from bot.inspection.people.models import Department
from bot.inspection.tasks.models import OfficerState, Task, TaskState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.states import BEFORE_SUBMIT

CALLS = ("assignment", "assignment_reminder")  # kinds that ask an officer to accept
RUNNING = (TaskState.DISPATCHED, TaskState.IN_PROGRESS)
_ORDER = list(VisitState)
_ACCEPTED = _ORDER.index(VisitState.ACCEPTED)
_INSPECTED = _ORDER.index(VisitState.RECORDED)
_SUBMITTED = _ORDER.index(VisitState.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class Funnel:
    """Visits by how far they came: every stage includes the later ones. ``late`` is past its last day."""

    drawn: int = 0
    told: int = 0
    accepted: int = 0
    inspected: int = 0
    submitted: int = 0
    approved: int = 0
    published: int = 0
    in_review: int = 0  # waiting for a reviewer right now
    late: int = 0

    @property
    def stages(self) -> tuple[tuple[str, int], ...]:
        return (
            ("抽取", self.drawn), ("已通知", self.told), ("已接收", self.accepted),
            ("已检查", self.inspected), ("已提交", self.submitted), ("已审核", self.approved),
            ("已公示", self.published),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task as the console lists it."""

    id: int
    number: str
    name: str
    state: str
    department: str
    window_start: dt.date
    window_end: dt.date
    funnel: Funnel


@dataclass(frozen=True, slots=True)
class DayRow:
    """What one Chinese day brought to a task."""

    day: dt.date
    accepted: int = 0
    submitted: int = 0
    published: int = 0


def task_rows(
    session: Session, *, now: dt.datetime, running: bool = False, limit: int = 20, offset: int = 0
) -> list[TaskRow]:
    """Tasks, newest first; only those under way when *running*."""
    query = (
        select(Task, Department.name)
        .join(Department, col(Department.id) == Task.lead_department_id)
        .order_by(col(Task.id).desc())
        .limit(limit)
        .offset(offset)
    )
    if running:
        query = query.where(col(Task.state).in_(RUNNING))
    found = session.exec(query).all()
    funnels = funnels_of(session, [task.id or 0 for task, _ in found], now=now)
    return [
        TaskRow(
            id=task.id or 0, number=task.number, name=task.name, state=task.state, department=department,
            window_start=task.window_start, window_end=task.window_end, funnel=funnels[task.id or 0],
        )
        for task, department in found
    ]  # fmt: skip


def funnels_of(session: Session, task_ids: Iterable[int], *, now: dt.datetime) -> dict[int, Funnel]:
    """The funnel of each task, three statements however many tasks."""
    ids = list(task_ids)
    states: dict[int, dict[str, int]] = defaultdict(dict)
    for task_id, state, many in session.exec(
        select(Visit.task_id, Visit.state, func.count())
        .where(col(Visit.task_id).in_(ids))
        .group_by(col(Visit.task_id), col(Visit.state))
    ):
        states[task_id][state] = many
    late = _per_task(session, ids, col(Visit.state).in_(BEFORE_SUBMIT), col(Visit.due_on) < china_day(now))
    untold = _untold(session, ids)
    return {i: _funnel(states[i], untold=untold.get(i, 0), late=late.get(i, 0)) for i in ids}


def _funnel(states: dict[str, int], *, untold: int, late: int) -> Funnel:
    def reached(first: int) -> int:
        return sum(states.get(state, 0) for state in _ORDER[first:])

    drawn = reached(0)
    return Funnel(
        drawn=drawn, told=drawn - untold - states.get(VisitState.SCHEDULED, 0),
        accepted=reached(_ACCEPTED), inspected=reached(_INSPECTED),
        submitted=reached(_SUBMITTED), approved=reached(_SUBMITTED + 1),
        published=states.get(VisitState.PUBLISHED, 0), in_review=states.get(VisitState.IN_REVIEW, 0),
        late=late,
    )  # fmt: skip


def _per_task(session: Session, ids: list[int], *where: ColumnElement[bool]) -> dict[int, int]:
    query = select(Visit.task_id, func.count()).where(col(Visit.task_id).in_(ids), *where)
    return dict(session.exec(query.group_by(col(Visit.task_id))).all())


def _untold(session: Session, ids: list[int]) -> dict[int, int]:
    """Visits with an officer who neither accepted nor got anything about it."""
    got = (
        select(Notice.id)
        .where(
            col(Notice.kind).in_(CALLS),
            Notice.subject == visit_subject(VisitOfficer.visit_id),
            Notice.recipient_id == VisitOfficer.person_id,
            Notice.state == NoticeState.SENT,
        )
        .exists()
    )
    query = (
        select(Visit.task_id, func.count(col(Visit.id).distinct()))
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .where(col(Visit.task_id).in_(ids), VisitOfficer.state == OfficerState.ASSIGNED, ~got)
        .group_by(col(Visit.task_id))
    )
    return dict(session.exec(query).all())


def visit_subject(visit_id: int | None) -> ColumnElement[str]:
    """``visit:17`` out of a column that holds 17."""
    return literal("visit:") + cast(visit_id, String)


def days_of(session: Session, *, task_id: int, now: dt.datetime, days: int = 14) -> list[DayRow]:
    """Accepted, submitted and published visits of a task on each of the last *days* Chinese days."""
    today = china_day(now)
    first = today - dt.timedelta(days=days - 1)
    table: dict[dt.date, dict[str, int]] = defaultdict(dict)
    for name, column in (
        ("accepted", col(Visit.accepted_at)),
        ("submitted", col(Visit.submitted_at)),
        ("published", col(Visit.published_at)),
    ):
        day = _china_date(session, column)
        query = (
            select(day, func.count()).where(Visit.task_id == task_id, column >= at_china(first)).group_by(day)
        )
        for when, many in session.exec(query):
            table[dt.date.fromisoformat(str(when))][name] = many
    return [DayRow(day, **table[day]) for day in (first + dt.timedelta(days=n) for n in range(days))]


def _china_date(session: Session, column: Any) -> ColumnElement[Any]:
    """The Chinese day of a UTC column; China keeps UTC+8 all year."""
    if session.get_bind().dialect.name == "sqlite":
        return func.date(column, "+8 hours")
    return func.date(func.timezone("Asia/Shanghai", column))
