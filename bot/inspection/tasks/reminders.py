"""Queue the reminders of visits that wait for somebody. A tick calls it; a visit is looked at once a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china_day
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import row
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import Slot, due_slots
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.daily import look_daily
from bot.inspection.tasks.models import OfficerState, Task, Visit, VisitOfficer
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.states import BEFORE_VISIT, LIVE

_END_OF_DAY = (17, 30)  # Chinese wall clock; before the quiet hours


def queue_reminders(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar, limit: int = 500
) -> int:
    """Look at up to *limit* visits not yet looked at today; returns how many, so the tick knows to come again."""
    return look_daily(
        session, Visit, col(Visit.state).in_(BEFORE_VISIT),
        lambda visit: _of_visit(session, visit, now=now, profile=profile, calendar=calendar),
        now=now, profile=profile, calendar=calendar, limit=limit,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Told:
    """Somebody who is to hear something; *at* the earliest moment, None for now."""

    kind: str
    person: int
    slot: str
    about: str
    at: dt.datetime | None = None


def _of_visit(
    session: Session, visit: Visit, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar
) -> list[dict[str, object]]:
    officers = session.exec(
        select(VisitOfficer).where(VisitOfficer.visit_id == visit.id, col(VisitOfficer.state).in_(LIVE))
    ).all()
    task = session.get_one(Task, visit.task_id)
    told: list[_Told] = []
    for officer in officers:
        if officer.state == OfficerState.ASSIGNED:
            started = china_day(officer.assigned_at)
            steps = profile.reminders["assignment"]
            for slot in due_slots(steps, calendar, started_on=started, due_on=None, today=china_day(now)):
                told += _unanswered(session, task, officer, slot)
        elif visit.planned_on <= china_day(now):  # also when the day went by: the visit is still to be made
            told.append(
                _Told("visit_day", officer.person_id, china_day(now).isoformat(), f"visit:{visit.id}")
            )
    started = china_day(min((o.assigned_at for o in officers), default=now))
    steps = profile.reminders["visit_window"]
    for slot in due_slots(steps, calendar, started_on=started, due_on=visit.due_on, today=china_day(now)):
        told += _window(session, task, visit, slot, officers=officers, today=china_day(now))
    return [_row(visit, one, now=now) for one in told]


def _unanswered(session: Session, task: Task, officer: VisitOfficer, slot: Slot) -> list[_Told]:
    if slot.who is Role.OFFICER:
        end = at_china(slot.day, *_END_OF_DAY)  # the whole day is theirs to answer (C13)
        return [_Told("assignment_reminder", officer.person_id, slot.name, f"visit:{officer.visit_id}", end)]
    return _to_leads(session, task, "assignment_overdue", slot)


def _window(
    session: Session,
    task: Task,
    visit: Visit,
    slot: Slot,
    *,
    officers: Sequence[VisitOfficer],
    today: dt.date,
) -> list[_Told]:
    if slot.who is Role.OFFICER and visit.planned_on > today:
        return [_Told("visit_window", o.person_id, slot.name, f"visit:{visit.id}") for o in officers]
    if slot.who is Role.LEAD:
        return _to_leads(session, task, "window_ending", slot)
    return []


def _to_leads(session: Session, task: Task, kind: str, slot: Slot) -> list[_Told]:
    """One message to each lead for all visits of the task whose days run out together."""
    leads = leads_of(session, task.lead_department_id)
    return [_Told(kind, lead, slot.day.isoformat(), f"task:{task.id}") for lead in leads]


def _row(visit: Visit, told: _Told, *, now: dt.datetime) -> dict[str, object]:
    at = max(told.at or now, now)
    useful = 1 if told.kind == "visit_day" else 2  # days, today included
    return row(
        told.kind, told.about, recipient_id=told.person, now=now, slot=told.slot, generation=visit.generation,
        not_before=at, priority=Priority.REMINDER, expires_at=at_china(china_day(at) + dt.timedelta(days=useful)),
    )  # fmt: skip


def unanswered(session: Session, task_id: int) -> list[tuple[int, int]]:
    """(visit id, person id) of everybody in the task who has not accepted, oldest first."""
    return [
        (visit, person)
        for visit, person in session.exec(
            select(VisitOfficer.visit_id, VisitOfficer.person_id)
            .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
            .where(Visit.task_id == task_id, VisitOfficer.state == OfficerState.ASSIGNED)
            .order_by(col(VisitOfficer.assigned_at), col(VisitOfficer.id))
        )
    ]


def still_open(session: Session, task_id: int) -> int:
    """Visits of the task that nobody has begun."""
    return session.exec(
        select(func.count()).where(Visit.task_id == task_id, col(Visit.state).in_(BEFORE_VISIT))
    ).one()
