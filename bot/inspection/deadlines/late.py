"""One tick of the reminders, and the account of what was late after the ticks stood still (C28)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import Heartbeat, first_beat
from bot.inspection.deadlines.queue import LIMIT, Queued, queue_due
from bot.inspection.notices.models import Notice, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.profile import Profile

_NAME, _KIND, _SUBJECT = "reminders", "reminders_late", "system:1"
_STOOD_STILL = dt.timedelta(hours=1)
_NOTED_EVERY = dt.timedelta(minutes=1)


def tick_reminders(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar, limit: int = LIMIT
) -> int:
    """Queue what is due; returns how many deadlines that were. The administrators learn what was late."""
    done = queue_due(session, now=now, profile=profile, calendar=calendar, limit=limit)
    beat = session.get(Heartbeat, _NAME)
    if beat is None:
        first_beat(session, _NAME, now=now)
        return done.deadlines
    gap = now - beat.at
    if gap >= _STOOD_STILL and (done.late or done.dropped):
        _report(session, done, since=beat.at, now=now)
    if gap >= _NOTED_EVERY and not done.deadlines:  # while a backlog is worked off the gap stays in sight
        beat.at = now
        session.add(beat)
    return done.deadlines


def _report(session: Session, done: Queued, *, since: dt.datetime, now: dt.datetime) -> None:
    """One message a gap; what a backlog's next transaction adds is added to it while it waits to be sent."""
    slot = since.isoformat(timespec="seconds")
    said = session.exec(
        select(Notice).where(Notice.kind == _KIND, Notice.subject == _SUBJECT, Notice.slot == slot)
    ).all()
    before: dict[str, Any] = said[0].data if said else {"late": {}, "dropped": 0, "messages": 0}
    data = {
        "since": f"{china(since):%m月%d日 %H:%M}", "until": f"{china(now):%m月%d日 %H:%M}",
        "late": dict(Counter(before["late"]) + Counter(done.late)), "dropped": before["dropped"] + done.dropped,
        "messages": before["messages"] + done.messages,
    }  # fmt: skip
    for notice in said:
        notice.data = data
        session.add(notice)
    record(session, "reminders.late", "heartbeat:reminders", now=now, late=done.late, dropped=done.dropped)
    enqueue_many(session, [
        row(_KIND, _SUBJECT, recipient_id=person, now=now, slot=slot, priority=Priority.URGENT, data=data)
        for person in administrators(session)
    ])  # fmt: skip


def administrators(session: Session) -> list[int]:
    """Who is told when the service itself is at fault; the joint-conference office where nobody administers."""
    for role in (Role.ADMIN, Role.COORDINATOR):
        query = (
            select(Person.id)
            .join(PersonRole, col(PersonRole.person_id) == Person.id)
            .where(PersonRole.role == role, col(Person.active))
            .order_by(col(Person.id))
        )
        if found := [person for person in session.exec(query) if person is not None]:
            return found
    return []
