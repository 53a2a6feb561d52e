"""Count working days in China: weekends, holidays and make-up working days (调休)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from bot.inspection.calendar.tables import YearTable, read_tables

ONE_DAY = dt.timedelta(days=1)


class WorkCalendar:
    """The working calendar made of year tables (field guide 11).

    A later table replaces an earlier one of the same year; a regional overlay is added. A year without a
    national table knows weekends only, and every date in it is provisional.
    """

    version = 0  # of the imported tables it was made with

    def __init__(self, tables: Iterable[YearTable]) -> None:
        self.adopt(tables)

    def adopt(self, tables: Iterable[YearTable], *, version: int | None = None) -> None:
        """Become the calendar of *tables*, for everybody who holds this one; readers see the old or the new whole."""
        national: dict[int, YearTable] = {}
        overlays: list[YearTable] = []
        for table in tables:
            if table.region:
                overlays.append(table)
            else:
                national[table.year] = table
        off, work = set[dt.date](), set[dt.date]()
        for table in (*national.values(), *overlays):
            for holiday in table.holidays:
                days = set(holiday.days_off())
                off, work = (off | days) - set(holiday.work), (work - days) | set(holiday.work)
        self._tables, self._off, self._work = national, off, work
        self.version = self.version if version is None else version

    @classmethod
    def load(cls, extra: Path | None = None) -> WorkCalendar:
        """Read the shipped tables and those of *extra* (file or folder); raises ``Problem`` on a bad file."""
        return cls(read_tables(extra))

    @property
    def years(self) -> tuple[int, ...]:
        """Years with a table."""
        return tuple(sorted(self._tables))

    def source(self, year: int) -> str:
        """Name the notice a year's table comes from, in Chinese; empty without a table."""
        table = self._tables.get(year)
        return f"{table.title}（{table.notice}）" if table else ""

    def table(self, year: int) -> YearTable | None:
        """The table of a year; None where its holidays are not known."""
        return self._tables.get(year)

    def workdays_of(self, year: int) -> int:
        """How many working days the year has."""
        return self.workdays_between(dt.date(year - 1, 12, 31), dt.date(year, 12, 31))

    def is_provisional(self, day: dt.date) -> bool:
        """Say whether *day* lies in a year whose holidays are not known yet."""
        return day.year not in self._tables

    def is_workday(self, day: dt.date) -> bool:
        """Say whether offices work on *day*."""
        if day in self._work:
            return True
        return day.weekday() < 5 and day not in self._off

    def add_workdays(self, day: dt.date, count: int) -> dt.date:
        """Move *count* working days from *day*, which itself is not counted; a negative count goes back.

        Zero gives *day* back, even if it is a day of rest.
        """
        step = ONE_DAY if count > 0 else -ONE_DAY
        left = abs(count)
        while left:
            day += step
            left -= self.is_workday(day)
        return day

    def workdays_between(self, start: dt.date, end: dt.date) -> int:
        """Count working days after *start* up to and including *end*; negative when *end* is earlier.

        The inverse of ``add_workdays``: ``workdays_between(d, add_workdays(d, n)) == n``.
        """
        if end < start:
            return -sum(self.is_workday(end + ONE_DAY * n) for n in range((start - end).days))
        return sum(self.is_workday(start + ONE_DAY * n) for n in range(1, (end - start).days + 1))

    def last_workday_on_or_before(self, day: dt.date) -> dt.date:
        """Give *day* if offices work, else the working day before it (decision D6)."""
        while not self.is_workday(day):
            day -= ONE_DAY
        return day

    def next_workday(self, day: dt.date) -> dt.date:
        """Give the first working day after *day*."""
        return self.add_workdays(day, 1)

    def days_before_due(self, due: dt.date, count: int) -> dt.date:
        """Give the day of a T-*count* reminder: counted back from the last working day not after *due*."""
        return self.add_workdays(self.last_workday_on_or_before(due), -count)
