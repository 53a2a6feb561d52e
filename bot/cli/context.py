"""What a command needs: settings, database, clock, profile and calendar, each with a clear refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bot.cli.settings import read_settings
from bot.core.clock import Clock, SystemClock
from bot.core.config import Settings
from bot.core.db import Database, open_database
from bot.inspection.audit.service import SALT
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.calendar_years import refresh_calendar
from bot.inspection.deadlines.shown import CALENDAR
from bot.inspection.profile import Profile, load_profile
from bot.migrations import require_current


@dataclass(frozen=True, slots=True)
class Machine:
    """The clock on the wall. The demo brings its own; nothing a user types can."""

    clock: Clock


MACHINE: ContextVar[Machine] = ContextVar("machine", default=Machine(SystemClock()))  # noqa: B039 - frozen


@dataclass(frozen=True, slots=True)
class CliContext:
    settings: Settings
    db: Database
    clock: Clock
    profile: Profile
    calendar: WorkCalendar


@contextmanager
def open_context(settings: Settings | None = None) -> Iterator[CliContext]:
    """Open everything for one command and close it afterwards."""
    settings = settings or read_settings()
    profile, calendar = load_profile(settings.profile), WorkCalendar.load()
    database = open_database(
        settings.database_url, info={SALT: settings.secret("audit_salt"), CALENDAR: calendar}
    )
    try:
        require_current(database)
        database.read_now(refresh_calendar, calendar=calendar)
        yield CliContext(settings, database, MACHINE.get().clock, profile, calendar)
    finally:
        database.close()
