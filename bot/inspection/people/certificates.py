"""Warn before an enforcement certificate runs out, and when it has (C4): officer and library keeper."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.core.clock import china, china_day
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Officer, Person, PersonRole, Role
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import Slot, due_slots, reminding_hour
from bot.inspection.profile.terms import Role as Reader

_LOOK_BACK = dt.timedelta(days=30)  # an older expiry has been told, or came in with the library
_LOOK_AHEAD = dt.timedelta(days=120)
EXPIRED = "expired"


def queue_warnings(session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar) -> int:
    """Promise the warnings due today; each once for each end of validity. Returns how many are new."""
    if not reminding_hour(profile, calendar, local=china(now)):
        return 0
    today = china_day(now)
    query = (
        select(Officer, Person)
        .join(Person, col(Person.id) == Officer.person_id)
        .where(
            col(Person.active),
            col(Officer.valid_to).between(today - _LOOK_BACK, today + _LOOK_AHEAD),
        )
    )
    keepers = _keepers(session)
    rows = []
    for officer, person in session.exec(query).all():
        for slot in slots(officer, profile, calendar, today=today):
            readers = [officer.person_id]
            if slot.who is not Reader.OFFICER:
                readers = keepers.get(person.department_id) or keepers.get(None, [])
            rows += [
                row("certificate_expiring", f"person:{officer.person_id}", recipient_id=reader, now=now,
                    slot=f"{officer.valid_to}:{slot.name}", priority=Priority.REMINDER,
                    data={"valid_to": officer.valid_to.isoformat()})
                for reader in readers
            ]  # fmt: skip
    return enqueue_many(session, rows)


def slots(officer: Officer, profile: Profile, calendar: WorkCalendar, *, today: dt.date) -> list[Slot]:
    """The warnings of one certificate due now: the profile's steps before, one more after the last day."""
    if officer.valid_to < today:
        after = officer.valid_to + dt.timedelta(days=1)
        return [Slot(EXPIRED, who, after) for who in (Reader.OFFICER, Reader.LIBRARIAN)]
    steps = profile.reminders["certificate"]
    return due_slots(steps, calendar, started_on=officer.valid_from, due_on=officer.valid_to, today=today)


def _keepers(session: Session) -> dict[int | None, list[int]]:
    """Library administrators by department; under None all of them."""
    query = (
        select(Person.id, Person.department_id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(PersonRole.role == Role.ADMIN, col(Person.active))
    )
    found: dict[int | None, list[int]] = {}
    for person_id, department_id in session.exec(query):
        if person_id is not None:
            for key in {None, department_id}:
                found.setdefault(key, []).append(person_id)
    return found
