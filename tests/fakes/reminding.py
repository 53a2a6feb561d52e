"""One tick of the clocks and the reminders, as the scheduler makes it, inside one session."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.late import tick_reminders
from bot.inspection.deadlines.sources import derive_stale
from bot.inspection.duties import SOURCES
from bot.inspection.profile import Profile

CALENDAR = WorkCalendar.load()


def remind(session: Session, now: dt.datetime, profile: Profile, *, calendar: WorkCalendar = CALENDAR) -> int:
    """Derive what changed, queue what is due; returns how many deadlines fell due."""
    for source in SOURCES:
        while derive_stale(session, source=source, now=now, profile=profile, calendar=calendar):
            pass
    return tick_reminders(session, now=now, profile=profile, calendar=calendar)
