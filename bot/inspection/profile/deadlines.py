"""Dates that follow from a profile: when plans are due, when a result must be public. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from bot.inspection.profile.model import Profile
from bot.inspection.profile.terms import ClockLevel, ClockStart, DayUnit

START_ZH = {
    ClockStart.INSPECTION_ENDED: "检查结束之日",
    ClockStart.HANDLING_DECIDED: "作出处理决定之日",
    ClockStart.TASK_COMPLETED: "检查任务完成之日",
}


class WorkingDays(Protocol):
    """The part of the working calendar that deadlines need."""

    def is_workday(self, day: dt.date) -> bool: ...
    def add_workdays(self, day: dt.date, count: int) -> dt.date: ...
    def is_provisional(self, day: dt.date) -> bool: ...


@dataclass(frozen=True)
class DueDate:
    """A deadline, the Chinese sentence it rests on, and whether the holidays behind it are still unknown."""

    day: dt.date
    basis_zh: str
    provisional: bool


def day_in_year(month_day: str, year: int) -> dt.date:
    """Give the date of a profile's ``MM-DD`` in *year*."""
    month, day = month_day.split("-")
    return dt.date(year, int(month), int(day))


def plan_due(profile: Profile, calendar: WorkingDays, *, year: int, joint: bool = False) -> DueDate:
    """Give the date a department's plan (or the joint plan) of *year* is due.

    The calendar date stays, even on a day of rest (decision D6); reminders aim at the working day before.
    """
    field = "joint_due" if joint else "department_due"
    day = day_in_year(getattr(profile.plan, field), year)
    kind = "联合抽查计划" if joint else "部门年度抽查计划"
    basis = f"{kind}应于每年{_short(day)}前完成{_source(profile, f'plan.{field}')}"
    return DueDate(day, basis, calendar.is_provisional(day))


def publicity_due(
    profile: Profile,
    calendar: WorkingDays,
    *,
    ended_on: dt.date | None,
    decided_on: dt.date | None,
    task_completed_on: dt.date | None,
    problem: bool,
    year: int,
) -> DueDate | None:
    """Give the day a result must be public, or None while nothing has started the clock.

    Decision D1: the clock of the profile (normal or problem result) and the yearly date of plan year *year*;
    the earlier of the two binds. A problem that waits for its handling decision has no due date of its own
    (SC-4.3.1.c): the caller chases the handler.
    """
    rules = profile.publicity
    start_kind = rules.start_problem if problem else rules.start_normal
    start = _start(rules.level, start_kind, ended_on, decided_on, task_completed_on)
    candidates = [] if start is None else [_clock(profile, calendar, start_kind, start)]
    if rules.yearly_deadline is not None:
        day = day_in_year(rules.yearly_deadline, year)
        basis = f"{year}年度检查结果应于{_short(day)}前公示{_source(profile, 'publicity.yearly_deadline')}"
        candidates.append(DueDate(day, basis, calendar.is_provisional(day)))
    return min(candidates, key=lambda due: due.day, default=None)


def _start(
    level: ClockLevel,
    kind: ClockStart,
    ended_on: dt.date | None,
    decided_on: dt.date | None,
    task_completed_on: dt.date | None,
) -> dt.date | None:
    """Choose the day the clock starts; at object level a completed task means this object's check (D2)."""
    if kind is ClockStart.HANDLING_DECIDED:
        return decided_on
    if kind is ClockStart.TASK_COMPLETED and level is ClockLevel.TASK:
        return task_completed_on
    return ended_on


def _clock(profile: Profile, calendar: WorkingDays, kind: ClockStart, start: dt.date) -> DueDate:
    rules = profile.publicity
    working = rules.unit is DayUnit.WORKING_DAY
    counts_start = rules.count_first_day and (not working or calendar.is_workday(start))
    count = rules.days - counts_start
    day = calendar.add_workdays(start, count) if working else start + dt.timedelta(days=count)
    unit = "个工作日" if working else "日"
    first = "含当日" if rules.count_first_day else "当日不计"
    level = "按整个任务计算" if rules.level is ClockLevel.TASK else "按每个检查对象计算"
    basis = f"自{START_ZH[kind]}（{_long(start)}）起{rules.days}{unit}内公示，{first}，{level}"
    basis += _source(profile, "publicity.days")
    return DueDate(day, basis, calendar.is_provisional(start) or calendar.is_provisional(day))


def _source(profile: Profile, path: str) -> str:
    """Name the locality's document, or say that the value is a default."""
    if profile.is_default(path):
        return "（默认值，非本地文件规定）"
    return f"（{profile.basis}）" if profile.basis else ""


def _short(day: dt.date) -> str:
    return f"{day.month}月{day.day}日"


def _long(day: dt.date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
