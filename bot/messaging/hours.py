"""Quiet hours: nothing but what is statutory or urgent goes out at night and on days of rest. Pure."""

from __future__ import annotations

import datetime as dt

from bot.core.clock import CHINA, china
from bot.inspection.calendar import WorkCalendar
from bot.inspection.profile import Profile


def _time(text: str) -> dt.time:
    hour, minute = text.split(":")
    return dt.time(int(hour), int(minute))


def is_quiet(profile: Profile, calendar: WorkCalendar, *, now: dt.datetime) -> bool:
    local = china(now)
    if profile.messages.quiet_on_rest_days and not calendar.is_workday(local.date()):
        return True
    start, end = _time(profile.messages.quiet_from), _time(profile.messages.quiet_until)
    if start > end:  # over midnight
        return start <= local.time() or local.time() < end
    return start <= local.time() < end


def quiet_ends(profile: Profile, calendar: WorkCalendar, *, now: dt.datetime) -> dt.datetime:
    """The next moment that is not quiet."""
    local = china(now)
    end = _time(profile.messages.quiet_until)
    day = local.date()
    if local.time() >= end:
        day += dt.timedelta(days=1)
    while profile.messages.quiet_on_rest_days and not calendar.is_workday(day):
        day += dt.timedelta(days=1)
    return dt.datetime.combine(day, end, tzinfo=CHINA)
