"""What a command needs: settings, database, clock, profile and calendar, each with a clear refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.core.clock import Clock, SystemClock
from bot.core.config import Settings
from bot.core.db import Database, open_database
from bot.inspection.audit.service import SALT
from bot.inspection.calendar import WorkCalendar
from bot.inspection.profile import Profile, load_profile


@dataclass(frozen=True, slots=True)
class CliContext:
    settings: Settings
    db: Database
    clock: Clock
    profile: Profile
    calendar: WorkCalendar


@contextmanager
def open_context(settings: Settings | None = None, *, clock: Clock | None = None) -> Iterator[CliContext]:
    """Open everything for one command and close it afterwards."""
    settings = settings or Settings()
    database = open_database(settings.database_url, info={SALT: settings.secret("audit_salt")})
    try:
        yield CliContext(
            settings, database, clock or SystemClock(), load_profile(settings.profile), WorkCalendar.load()
        )
    finally:
        database.close()
