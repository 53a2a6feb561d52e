"""Reminders of corrections and decisions that run out. A tick calls it; each is looked at once a day."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col

from bot.core.clock import china_day
from bot.inspection.calendar import Calendar
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.telling import subject_of
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import Slot, due_slots
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.daily import look_daily, reminder
from bot.inspection.tasks.queries import leads_of, visit_facts

S = FollowUpState


def queue_reminders(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: Calendar, limit: int = 500
) -> int:
    """Look at up to *limit* follow-ups not yet looked at today; returns how many were."""
    return look_daily(
        session, FollowUp, col(FollowUp.state).in_((S.OPEN, S.ORDERED, S.RECHECK_DUE)),
        lambda found: _of(session, found, now=now, profile=profile, calendar=calendar),
        now=now, profile=profile, calendar=calendar, limit=limit,
    )  # fmt: skip


def _slots(found: FollowUp, *, today: dt.date, profile: Profile, calendar: Calendar) -> list[Slot]:
    """What is due today: for an order its term, for a report its re-check, else the decision itself."""
    opened = china_day(found.opened_at)
    steps = profile.reminders["correction"]
    if found.state == S.ORDERED:
        return due_slots(steps, calendar, started_on=opened, due_on=found.due_on, today=today)
    if found.state == S.RECHECK_DUE:
        reported = china_day(found.reported_at or found.opened_at)
        due = calendar.add_workdays(reported, profile.followup.recheck_workdays)
        slots = due_slots(steps, calendar, started_on=reported, due_on=due, today=today)
        return [slot for slot in slots if slot.who is not Role.ENTERPRISE]
    slots = due_slots(profile.reminders["decision"], calendar, started_on=opened, due_on=None, today=today)
    if found.due_on is not None:
        more = due_slots(steps, calendar, started_on=opened, due_on=found.due_on, today=today)
        slots += [slot for slot in more if slot.who is not Role.ENTERPRISE]
    return slots


def _of(
    session: Session, found: FollowUp, *, now: dt.datetime, profile: Profile, calendar: Calendar
) -> list[dict[str, object]]:
    today = china_day(now)
    facts = visit_facts(session, found.visit_id)
    people: dict[int, str] = {}
    for slot in _slots(found, today=today, profile=profile, calendar=calendar):
        name = f"{slot.name}@{found.generation}"
        if slot.who is Role.ENTERPRISE:
            told = facts.contacts
        elif slot.who is Role.LEAD:
            told = leads_of(session, facts.task.lead_department_id)
        else:
            told = [found.handler_id]
        for person in told:
            people.setdefault(person, name)
    return [
        reminder("correction_reminder", subject_of(found), person=person, slot=name, generation=found.generation, now=now)
        for person, name in people.items()
    ]  # fmt: skip
