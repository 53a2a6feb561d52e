"""A due date as people read it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Session, object_session

from bot.core.clock import china_day
from bot.inspection.calendar import Calendar
from bot.inspection.profile.schedule import shown_moment

CALENDAR = "calendar"  # key in Session.info: the working calendar of this process
PROVISIONAL = "（暂定）"


def day_words(calendar: Calendar | None, day: dt.date) -> str:
    """``01月15日``, with 「暂定」 while the holidays of that year are not published: it may move."""
    return f"{day:%m月%d日}{mark(calendar, day)}"


def moment_words(calendar: Calendar | None, moment: dt.datetime) -> str:
    """The same for a day with its hour."""
    return shown_moment(moment) + mark(calendar, china_day(moment))


def due_words(row: Any, day: dt.date) -> str:
    """``day_words`` by the calendar of the session that holds *row*, which is what the day stands in."""
    return day_words(calendar_of(object_session(row)), day)


def calendar_of(session: Session | None) -> Calendar | None:
    """The calendar this process shows days by."""
    return session.info.get(CALENDAR) if session is not None else None


def mark(calendar: Calendar | None, day: dt.date | None) -> str:
    """「（暂定）」 or nothing."""
    return PROVISIONAL if calendar is not None and day is not None and calendar.is_provisional(day) else ""
