"""Which reminders of a schedule are due: the newest one for each role, so that after any downtime a person gets at
most one message per deadline (C28). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from bot.inspection.calendar import WorkCalendar
from bot.inspection.profile.model import Profile, Step
from bot.inspection.profile.terms import Anchor, Role


@dataclass(frozen=True, slots=True)
class Slot:
    """A reminder that is due. ``name`` is unique within one deadline and role: ``T-3``, ``T+1#2``."""

    name: str
    who: Role
    day: dt.date


def reminding_hour(profile: Profile, calendar: WorkCalendar, *, local: dt.datetime) -> bool:
    """Whether reminders go out at *local* (Chinese wall clock): working days from ``remind_at`` on."""
    hour, minute = map(int, profile.messages.remind_at.split(":"))
    return calendar.is_workday(local.date()) and (local.hour, local.minute) >= (hour, minute)


def due_slots(
    steps: Iterable[Step],
    calendar: WorkCalendar,
    *,
    started_on: dt.date,
    due_on: dt.date | None,
    today: dt.date,
) -> list[Slot]:
    """The newest due step for each role. Steps that lay before the duty began never come due."""
    newest: dict[Role, Slot] = {}
    for step in steps:
        occurrence = _latest(step, calendar, started_on=started_on, due_on=due_on, today=today)
        if occurrence is None:
            continue
        for who in step.who:
            if who not in newest or newest[who].day < occurrence[1]:
                newest[who] = Slot(occurrence[0], who, occurrence[1])
    return list(newest.values())


def _latest(
    step: Step, calendar: WorkCalendar, *, started_on: dt.date, due_on: dt.date | None, today: dt.date
) -> tuple[str, dt.date] | None:
    day = _first_day(step, calendar, started_on=started_on, due_on=due_on)
    if day is None or day > today or day < started_on or (day == started_on and step.at != "S+0"):
        return None
    if step.every is None:
        return step.at, day
    times = calendar.workdays_between(day, today) // step.every
    return f"{step.at}#{times}", calendar.add_workdays(day, times * step.every)


def _first_day(
    step: Step, calendar: WorkCalendar, *, started_on: dt.date, due_on: dt.date | None
) -> dt.date | None:
    if step.anchor is Anchor.START:
        return calendar.add_workdays(started_on, step.offset)
    if due_on is None:
        return None
    if step.anchor is Anchor.CALENDAR:
        return due_on + dt.timedelta(days=step.offset)
    if step.offset < 0:  # counted back from the last working day not after the due date (D6)
        return calendar.days_before_due(due_on, -step.offset)
    return calendar.add_workdays(due_on, step.offset)
