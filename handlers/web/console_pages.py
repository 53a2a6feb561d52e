"""What each page of the console shows, gathered in one read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.draws.models import Draw
from bot.inspection.metrics.chart import Column, columns
from bot.inspection.metrics.funnel import DayRow, Funnel, days_of, funnels_of, task_rows
from bot.inspection.metrics.overview import VisitRow, task_visits
from bot.inspection.metrics.waiting import Waiting, count_waiting, undelivered, who_waits
from bot.inspection.people.models import Department
from bot.inspection.tasks.models import Task

T = TypeVar("T")
PAGE = 50
DAY_STAGES = (("accepted", "接收"), ("submitted", "提交"), ("published", "公示"))


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """A page of a list; ``more`` when another follows."""

    rows: list[T]
    page: int
    more: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """What the visits of a task are narrowed to."""

    state: str = ""
    late: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One task: where it stands, how it was drawn, its visits and who has not accepted."""

    task: Task
    department: str
    funnel: Funnel
    draw: Draw | None
    days: list[DayRow]
    columns: tuple[Column, ...]
    visits: Paged[VisitRow]
    waiting: list[Waiting]
    waiting_count: int


def first_of(page: int) -> int:
    """How many rows come before *page* (from 1)."""
    return (page - 1) * PAGE


def cut(rows: Sequence[T], page: int) -> Paged[T]:
    """A page out of one row more than it holds."""
    return Paged(list(rows[:PAGE]), page, len(rows) > PAGE)


def task_list(session: Session, *, now: dt.datetime, page: int) -> Paged[object]:
    return cut(task_rows(session, now=now, limit=PAGE + 1, offset=first_of(page)), page)


def task_page(session: Session, *, task_id: int, filters: Filters, page: int, now: dt.datetime) -> TaskPage:
    """Raises Problem ``not_found``."""
    task = session.get(Task, task_id)
    if task is None:
        raise Problem("not_found", "没有找到这个任务。")
    draws = select(Draw).where(Draw.task_id == task_id).order_by(col(Draw.round).desc())
    visits = task_visits(
        session, task_id=task_id, today=china_day(now), state=filters.state, late=filters.late,
        words=filters.words, limit=PAGE + 1, offset=first_of(page),
    )  # fmt: skip
    days = days_of(session, task_id=task_id, now=now)
    return TaskPage(
        task=task,
        department=session.get_one(Department, task.lead_department_id).name,
        funnel=funnels_of(session, [task_id], now=now)[task_id],
        draw=session.exec(draws).first(),
        days=days,
        columns=day_columns(days),
        visits=cut(visits, page),
        waiting=who_waits(session, task_id=task_id, limit=20),
        waiting_count=count_waiting(session, task_id=task_id),
    )


def day_columns(days: Sequence[DayRow]) -> tuple[Column, ...]:
    """The chart of the last days."""
    rows = [(f"{d.day.month}/{d.day.day}", (d.accepted, d.submitted, d.published)) for d in days]
    return columns(rows, DAY_STAGES)


@dataclass(frozen=True, slots=True)
class NoticesPage:
    """Who did not get something, and who got it and has not answered."""

    undelivered: Paged[object]
    waiting: list[Waiting]
    waiting_count: int


def notices_page(session: Session, *, page: int) -> NoticesPage:
    return NoticesPage(
        undelivered=cut(undelivered(session, limit=PAGE + 1, offset=first_of(page)), page),
        waiting=who_waits(session, limit=PAGE),
        waiting_count=count_waiting(session),
    )


def audit_page(session: Session, *, before: int) -> Paged[AuditEntry]:
    """The latest entries, or those before a number."""
    query = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(PAGE + 1)
    if before:
        query = query.where(AuditEntry.seq < before)
    return cut(session.exec(query).all(), 1)
