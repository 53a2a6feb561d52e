"""When the steps of a policy fall due. Pure: the working calendar and the moment are arguments."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.core.clock import at_china, china, china_day
from bot.inspection.calendar import WorkCalendar
from bot.inspection.profile.model import Step
from bot.inspection.profile.terms import Anchor, Role

_AT_START = ("S+0", "T-0")  # only these may fall on the very day a duty begins
_LAST_USE = 5  # working days a last step stays worth saying


@dataclass(frozen=True, slots=True)
class Span:
    """What the steps of one deadline count from. ``due_at`` is for clocks that run by the hour (移送规定 art. 5)."""

    started_on: dt.date
    due_on: dt.date | None = None
    due_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time a step falls due. ``name`` is unique within one deadline and role: ``T-3``, ``T+1#2``."""

    name: str
    moment: dt.datetime
    step: Step


@dataclass(frozen=True, slots=True)
class Timetable:
    """Steps with the clock they are read by: reminders go out at *remind_at*, Chinese wall time."""

    steps: tuple[Step, ...]
    calendar: WorkCalendar
    remind_at: str = "09:00"

    def newest(self, span: Span, *, now: dt.datetime) -> dict[Role, Occurrence]:
        """The newest step that has fallen due for each role: after any downtime at most one (C28)."""
        found: dict[Role, Occurrence] = {}
        for step in self.steps:
            last = _last(self._times(step, span, around=now), now)
            for who in step.who if last else ():
                assert last is not None
                if who not in found or found[who].moment < last.moment:
                    found[who] = last
        return found

    def next_moment(self, span: Span, *, after: dt.datetime, who: Role | None = None) -> dt.datetime | None:
        """The first moment after *after* at which a step (of *who*) falls due; None when none is left."""
        steps = [step for step in self.steps if who is None or who in step.who]
        moments = (
            next((o.moment for o in self._times(step, span, around=after) if o.moment > after), None)
            for step in steps
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def useless_after(self, occurrence: Occurrence, span: Span, *, who: Role) -> dt.datetime:
        """When a reminder is no longer worth sending: its successor takes over, or the last day is past."""
        successor = self.next_moment(span, after=occurrence.moment, who=who)
        if successor is not None:
            return successor
        if span.due_at is not None:
            return max(span.due_at, occurrence.moment + dt.timedelta(days=1))
        day = china_day(occurrence.moment)
        if span.due_on is not None and day <= span.due_on:
            return at_china(span.due_on + dt.timedelta(days=1))
        return at_china(self.calendar.add_workdays(day, _LAST_USE))

    def until(self, span: Span, end: dt.datetime) -> list[Occurrence]:
        """Every time a step falls due up to *end*, in order."""
        times = (self._times(step, span, around=None) for step in self.steps)
        found = [o for one in times for o in itertools.takewhile(lambda o: o.moment <= end, one)]
        return sorted(found, key=lambda o: o.moment)

    def _times(self, step: Step, span: Span, *, around: dt.datetime | None) -> Iterator[Occurrence]:
        """The times of one step in order; a repeated one begins shortly before *around* and never ends."""
        if step.anchor is Anchor.HOUR:
            if span.due_at is not None:
                yield Occurrence(step.at, span.due_at + dt.timedelta(hours=step.offset), step)
            return
        day = self._first_day(step, span)
        if day is None:
            return
        if step.every is None:
            yield Occurrence(step.at, self._moment(day, step), step)
            return
        times = 0
        if around is not None:
            times = max(0, self.calendar.workdays_between(day, china_day(around)) // step.every - 1)
        day = self.calendar.add_workdays(day, times * step.every)
        while True:
            yield Occurrence(f"{step.at}#{times}", self._moment(day, step), step)
            times, day = times + 1, self.calendar.add_workdays(day, step.every)

    def _moment(self, day: dt.date, step: Step) -> dt.datetime:
        hour, minute = map(int, (step.time or self.remind_at).split(":"))
        return at_china(day, hour, minute)

    def _first_day(self, step: Step, span: Span) -> dt.date | None:
        """The working day of the step, None when it lay before the duty began."""
        day = _aimed_day(step, self.calendar, span)
        if day is None or day < span.started_on or (day == span.started_on and step.at not in _AT_START):
            return None
        return day if self.calendar.is_workday(day) else self.calendar.next_workday(day)


def _aimed_day(step: Step, calendar: WorkCalendar, span: Span) -> dt.date | None:
    if step.anchor is Anchor.START:
        return calendar.add_workdays(span.started_on, step.offset)
    if span.due_on is None:
        return None
    if step.anchor is Anchor.CALENDAR:
        return span.due_on + dt.timedelta(days=step.offset)
    if step.at[1] == "-":  # counted back from the last working day not after the due date (D6)
        return calendar.days_before_due(span.due_on, -step.offset)
    return calendar.add_workdays(span.due_on, step.offset)


def _last(times: Iterable[Occurrence], now: dt.datetime) -> Occurrence | None:
    """The last of ordered *times* that is not after *now*."""
    found = None
    for occurrence in times:
        if occurrence.moment > now:
            break
        found = occurrence
    return found


def in_words(step: Step) -> str:
    """``T-3`` as people read it."""
    n = abs(step.offset)
    words = {
        Anchor.DUE: f"到期前{n}个工作日" if step.at[1] == "-" else f"超期{n}个工作日",
        Anchor.START: f"开始后{n}个工作日" if n else "立即",
        Anchor.CALENDAR: f"到期前{n}天" if step.offset < 0 else f"到期后{n}天",
        Anchor.HOUR: f"到期前{n}小时" if step.offset < 0 else f"到期后{n}小时" if n else "到期时",
    }[step.anchor]
    if step.at == "T-0":
        words = "当天"
    again = f"起每{step.every if step.every > 1 else ''}个工作日" if step.every else ""
    return (
        words + again + (f" {step.time}" if step.time else "") + ("（并入今日待办）" if step.digest else "")
    )


def shown_moment(moment: dt.datetime) -> str:
    """A moment on a Chinese wall clock, to the minute."""
    return f"{china(moment):%m月%d日 %H:%M}"
