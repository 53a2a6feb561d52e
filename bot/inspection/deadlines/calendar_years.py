"""Import a year of the working calendar, and count again what rested on a guess."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, text, update
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar, YearTable
from bot.inspection.calendar.models import CalendarYear
from bot.inspection.calendar.tables import read_tables
from bot.inspection.deadlines.models import Deadline, ReminderClock
from bot.inspection.deadlines.queue import policies
from bot.inspection.profile.schedule import Span, Timetable

# rows whose due days are counted by the calendar: every open one is derived again
_COUNTED = ("visit", "followup")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. ``version`` is 0 when the same table was there already."""

    year: int
    version: int
    days_off: int
    days_worked: int
    recounted: int  # deadlines whose next reminder moved
    final: int  # deadlines that rested on a guess and no longer do


def import_year(
    session: Session, *, table: YearTable, source: str, now: dt.datetime, calendar: WorkCalendar,
    dry_run: bool = False, actor: int | None = None,
) -> Imported:  # fmt: skip
    """Store *table* as the newest version of its year and take it into *calendar*; open deadlines count anew."""
    off = {day for holiday in table.holidays for day in holiday.days_off()}
    worked = {day for holiday in table.holidays for day in holiday.work}
    body = table.model_dump(mode="json", by_alias=True, exclude={"version"})
    digest = hashlib.sha256(canonical(body)).hexdigest()
    mine = (CalendarYear.year == table.year, CalendarYear.region == table.region)
    newest = session.exec(
        select(CalendarYear).where(*mine).order_by(col(CalendarYear.version).desc())
    ).first()
    same = newest is not None and newest.sha256 == digest
    if same or dry_run:
        return Imported(
            table.year, 0 if same else (newest.version if newest else 0) + 1, len(off), len(worked), 0, 0
        )
    version = newest.version + 1 if newest else 1
    session.add(
        CalendarYear(year=table.year, region=table.region, version=version, notice=table.notice, title=table.title,
                     body=body | {"version": version}, sha256=digest, source=source[:200], imported_at=now)
    )  # fmt: skip
    session.flush()
    calendar.adopt([*read_tables(), *stored_tables(session)])
    recounted, final = recount(session, now=now, calendar=calendar)
    record(session, "calendar.imported", f"calendar:{table.year}", now=now, actor=actor, version=version,
           region=table.region, notice=table.notice, sha256=digest, recounted=recounted)  # fmt: skip
    return Imported(table.year, version, len(off), len(worked), recounted, final)


def stored_tables(session: Session) -> list[YearTable]:
    """The newest imported version of each year and region."""
    newest: dict[tuple[int, str], CalendarYear] = {}
    for row in session.exec(select(CalendarYear).order_by(col(CalendarYear.version))):
        newest[row.year, row.region] = row
    return [YearTable.model_validate(row.body) for row in newest.values()]


def calendar_version(session: Session) -> int:
    """Rises with every import: a process whose calendar is older takes the tables again."""
    return session.exec(select(func.max(CalendarYear.id))).one() or 0


def refresh_calendar(session: Session, *, calendar: WorkCalendar) -> bool:
    """Take imported tables into *calendar* where another process imported some; whether it did."""
    version = calendar_version(session)
    if version == calendar.version:
        return False
    calendar.adopt([*read_tables(), *stored_tables(session)], version=version)
    return True


def recount(session: Session, *, now: dt.datetime, calendar: WorkCalendar) -> tuple[int, int]:
    """The next look of every open deadline by the new calendar; how many moved, and how many are no longer a guess.
    Due days themselves are derived again by the next tick."""
    query = (
        select(ReminderClock)
        .join(Deadline, col(Deadline.clock_id) == ReminderClock.id)
        .where(col(Deadline.closed_at).is_(None))
        .distinct()
    )
    clocks: Sequence[ReminderClock] = session.exec(query).all()
    known = policies(session, {clock.policy_id for clock in clocks})
    moved = final = 0
    for clock in clocks:
        policy = known[clock.policy_id]
        span = Span(clock.started_on, clock.due_on, clock.due_at)
        following = Timetable(policy.steps, calendar, policy.remind_at).next_moment(span, after=now)
        days = [day for day in (clock.started_on, clock.due_on) if day is not None]
        guess = any(calendar.is_provisional(day) for day in days)
        mine = (col(Deadline.clock_id) == clock.id, col(Deadline.closed_at).is_(None))
        later = col(Deadline.next_at).is_(None) | (col(Deadline.next_at) > now)
        moved += _count(session, update(Deadline).where(*mine, later, col(Deadline.next_at).is_distinct_from(following))
                        .values(next_at=following))  # fmt: skip
        if not guess:
            final += _count(
                session, update(Deadline).where(*mine, col(Deadline.provisional)).values(provisional=False)
            )
    for table in _COUNTED:
        session.execute(text(f"UPDATE {table} SET reminded_on = NULL WHERE reminded_on IS NOT NULL"))  # noqa: S608 - ours
    return moved, final


def provisional_deadlines(session: Session) -> int:
    """How many open deadlines rest on a year whose holidays are not known."""
    guess = (col(Deadline.provisional), col(Deadline.closed_at).is_(None))
    return session.exec(select(func.count()).select_from(Deadline).where(*guess)).one()


def _count(session: Session, statement: Any) -> int:
    result: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)
