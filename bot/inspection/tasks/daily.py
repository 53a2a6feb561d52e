"""What every reminder clock does alike: look at each waiting row once a day, and say what is useful until tomorrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china, china_day
from bot.inspection.calendar import Calendar
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import reminding_hour


class Remindable(Protocol):
    """A row that knows the Chinese day on which it was last looked at."""

    reminded_on: dt.date | None


R = TypeVar("R", bound=Remindable)


def look_daily(
    session: Session, model: type[R], waits: ColumnElement[bool], rows_of: Callable[[R], Iterable[dict[str, object]]],
    *, now: dt.datetime, profile: Profile, calendar: Calendar, limit: int,
) -> int:  # fmt: skip
    """Queue what *rows_of* gives for up to *limit* rows that wait and were not looked at today.

    Returns how many were looked at, so the tick knows to come again; zero outside the reminding hours.
    """
    if not reminding_hour(profile, calendar, local=china(now)):
        return 0
    today, last = china_day(now), col(model.reminded_on)
    due = or_(and_(waits, last.is_(None)), and_(waits, last < today))  # so that each branch can use the index
    waiting = session.exec(select(model).where(due).limit(limit).with_for_update(skip_locked=True)).all()
    rows = [each for one in waiting for each in rows_of(one)]
    for one in waiting:
        one.reminded_on = today
    enqueue_many(session, rows)
    return len(waiting)


def reminder(
    kind: str, subject: str, *, person: int, slot: str, generation: int, now: dt.datetime
) -> dict[str, object]:
    """A reminder as a row for ``enqueue_many``; it is useful until nine on the next day."""
    return row(
        kind, subject, recipient_id=person, now=now, slot=slot, generation=generation, priority=Priority.REMINDER,
        expires_at=at_china(china_day(now) + dt.timedelta(days=1), 9),
    )  # fmt: skip
