"""The monthly budget of an organisation's edition: noted as it is spent, forecast, and told early.

The ledger knows what this installation spends; other apps of the organisation share the same budget unseen.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from bot.core.clock import Clock, china_day
from bot.core.db import Database
from bot.core.prepared import Prepared
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.ledger import QuotaSpend, SendLimit
from bot.platforms.shared import Budget

LOW = 0.8  # of the budget spent, or the forecast above all of it
_SAMPLE_DAYS = 14  # the pace is that of the last two weeks


class Level(StrEnum):
    FINE = "fine"
    LOW = "low"  # reminders merge, what can wait goes to the page
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Forecast:
    """One budget of one platform in one month. ``limit`` 0: nobody said how much there is."""

    spent: int
    month_end: int  # what will have been spent at this pace
    limit: int

    @property
    def level(self) -> Level:
        if not self.limit:
            return Level.FINE
        if self.spent >= self.limit:
            return Level.GONE
        over = self.month_end > self.limit and self.spent * 2 >= self.limit
        return Level.LOW if over or self.spent >= LOW * self.limit else Level.FINE


Spends = Mapping[tuple[str, str, dt.date], int]  # platform, budget, day


class Ledger:
    """Implements ``Meter``: counts on the loop, written with the outcomes of the calls that cost it, and by a tick.

    Who writes takes the counts, and gives them back when the transaction fails.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # counted on the loop, taken by a database thread
        self._spent: Counter[tuple[str, str, dt.date]] = Counter()

    def spent(self, platform: str, budget: Budget, n: int = 1) -> None:
        with self._lock:
            self._spent[platform, budget.value, china_day(self._clock.now())] += n

    @contextmanager
    def taken(self) -> Iterator[Spends]:
        """What was counted since the last time, for the caller to write; where that fails it stays counted."""
        with self._lock:
            taken, self._spent = self._spent, Counter()
        try:
            yield taken
        except BaseException:  # also when the writer is told to stop; whoever wrote hears of it
            with self._lock:
                self._spent.update(taken)
            raise

    async def flush(self, db: Database) -> int:
        """Write what was counted; returns how many days of budgets grew."""
        with self.taken() as spent:
            await db.write(add, spent)
        return len(spent)


def add(session: Session, spent: Spends) -> None:
    """Add to the ledger's days."""
    if not spent:
        return
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert
    statement = make(QuotaSpend)
    rows = [
        {"platform": platform, "budget": budget, "day": day, "n": n}
        for (platform, budget, day), n in sorted(spent.items())
    ]
    grown = {"n": QuotaSpend.n + statement.excluded.n}
    session.execute(
        statement.on_conflict_do_update(index_elements=["platform", "budget", "day"], set_=grown), rows
    )


def month_of(session: Session, *, platform: str, budget: Budget, today: dt.date) -> dict[dt.date, int]:
    """Spent by day, this month and as far back as the pace is taken from."""
    since = min(today.replace(day=1), today - dt.timedelta(days=_SAMPLE_DAYS))
    query = select(QuotaSpend).where(
        QuotaSpend.platform == platform, QuotaSpend.budget == budget, QuotaSpend.day >= since
    )
    return {row.day: row.n for row in session.exec(query)}


def forecast(
    by_day: Mapping[dt.date, int], *, today: dt.date, limit: int, calendar: WorkCalendar
) -> Forecast:
    """The month's end at the pace of the last two weeks' working days. Pure."""
    spent = sum(n for day, n in by_day.items() if (day.year, day.month) == (today.year, today.month))
    sample = [today - dt.timedelta(days=back) for back in range(_SAMPLE_DAYS)]
    first = min(by_day, default=today)
    worked = sum(1 for day in sample if day >= first and calendar.is_workday(day)) or 1
    pace = sum(by_day.get(day, 0) for day in sample) / worked
    left, day = 0, today + dt.timedelta(days=1)
    while day.month == today.month:
        left += calendar.is_workday(day)
        day += dt.timedelta(days=1)
    return Forecast(spent, round(spent + pace * left), limit)


# -- limits that somebody set ---------------------------------------------------------------------------


_SET = Prepared(select(SendLimit.platform, SendLimit.scope, SendLimit.seconds, SendLimit.count))


def limits_set(session: Session) -> dict[str, dict[tuple[str, int], int]]:
    """By platform: (scope, seconds) → count; read anew for each batch, so a change counts at once."""
    found: dict[str, dict[tuple[str, int], int]] = {}
    for platform, scope, seconds, count in _SET.run(session.connection()).rows():
        found.setdefault(platform, {})[scope, seconds] = count
    return found


def set_limit(
    session: Session, *, platform: str, scope: str, seconds: int, count: int | None, now: dt.datetime
) -> None:
    """Set a limit while the service runs; ``count`` None gives the platform's own back, 0 lifts it."""
    row = session.get(SendLimit, (platform, scope, seconds))
    if count is None:
        if row is not None:
            session.delete(row)
    else:
        row = row or SendLimit(platform=platform, scope=scope, seconds=seconds, count=count, set_at=now)
        row.count, row.set_at = count, now
        session.add(row)
    record(session, "limit.set", f"limit:{platform}", now=now, scope=scope, seconds=seconds, count=count)


def spent_rows(session: Session, *, since: dt.date) -> list[QuotaSpend]:
    """The ledger from a day on, for the console and the command."""
    query = select(QuotaSpend).where(QuotaSpend.day >= since)
    return list(session.exec(query.order_by(col(QuotaSpend.day).desc(), col(QuotaSpend.platform))))
