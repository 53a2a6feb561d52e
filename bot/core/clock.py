"""Time as an argument: the system's clock, and one that a test or the demo moves by hand."""

from __future__ import annotations

import datetime as dt
from typing import Protocol
from zoneinfo import ZoneInfo

UTC = dt.UTC
CHINA = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Tell the time in UTC, timezone-aware."""

    def now(self) -> dt.datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved; it never goes back."""

    def __init__(self, start: dt.datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> dt.datetime:
        return self._now

    def move_to(self, when: dt.datetime) -> None:
        """Set the time to *when*; an earlier time is ignored."""
        self._now = max(self._now, when.astimezone(UTC))

    def advance(self, **delta: float) -> None:
        """Move forward by ``timedelta(**delta)``."""
        self._now += dt.timedelta(**delta)


def china(when: dt.datetime) -> dt.datetime:
    """Show *when* on a Chinese wall clock."""
    return when.astimezone(CHINA)


def china_day(when: dt.datetime) -> dt.date:
    """The calendar day in China at *when*."""
    return when.astimezone(CHINA).date()


def at_china(day: dt.date, hour: int = 0, minute: int = 0) -> dt.datetime:
    """UTC moment of a Chinese wall-clock time."""
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHINA).astimezone(UTC)
