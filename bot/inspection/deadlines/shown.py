"""A due date as people read it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import object_session

CALENDAR = "calendar"  # key in Session.info: the working calendar of this process
PROVISIONAL = "（暂定）"


def due_words(row: Any, day: dt.date) -> str:
    """``01月15日``, with 「暂定」 while the holidays of that year are not published: it may move. *row* is what the day
    stands in."""
    session = object_session(row)
    calendar = session.info.get(CALENDAR) if session is not None else None
    return f"{day:%m月%d日}{PROVISIONAL if calendar is not None and calendar.is_provisional(day) else ''}"
