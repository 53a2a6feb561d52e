"""Queue the reminders of visits that wait for somebody. A tick calls it; a visit is looked at once a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import and_, func, or_
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china, china_day
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import Slot, due_slots, reminding_hour
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.models import OfficerState, Task, Visit, VisitOfficer
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.states import BEFORE_VISIT, LIVE

_END_OF_DAY = (17, 30)  # Chinese wall clock; before the quiet hours


def queue_reminders(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar, limit: int = 500
) -> int:
    """Look at up to *limit* visits not yet looked at today; returns how many, so the tick knows to come again."""
    if not reminding_hour(profile, calendar, local=china(now)):
        return 0
    today = china_day(now)
    waits = col(Visit.state).in_(BEFORE_VISIT)  # in both branches, so that each can use the index
    visits = session.exec(
        select(Visit)
        .where(
            or_(and_(waits, col(Visit.reminded_on).is_(None)), and_(waits, col(Visit.reminded_on) < today))
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    rows = [
        r for visit in visits for r in _of_visit(session, visit, now=now, profile=profile, calendar=calendar)
    ]
    for visit in visits:
        visit.reminded_on = today
    enqueue_many(session, rows)
    return len(visits)


def _of_visit(
    session: Session, visit: Visit, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar
) -> list[dict[str, object]]:
    today = china_day(now)
    officers = session.exec(
        select(VisitOfficer).where(VisitOfficer.visit_id == visit.id, col(VisitOfficer.state).in_(LIVE))
    ).all()
    task = session.get_one(Task, visit.task_id)
    rows: list[dict[str, object]] = []

    def tell(kind: str, person: int, slot: str, *, about: str = "", at: dt.datetime = now) -> None:
        rows.append(
            _row(visit, kind, person, slot, about=about or f"visit:{visit.id}", at=max(at, now), now=now)
        )

    for officer in officers:
        if officer.state == OfficerState.ASSIGNED:
            started = china_day(officer.assigned_at)
            steps = profile.reminders["assignment"]
            for slot in due_slots(steps, calendar, started_on=started, due_on=None, today=today):
                _assignment(session, slot, officer, task, tell)
        elif visit.planned_on <= today:  # also when the day went by: the visit is still to be made
            tell("visit_day", officer.person_id, today.isoformat())
    started = china_day(min((o.assigned_at for o in officers), default=now))
    steps = profile.reminders["visit_window"]
    for slot in due_slots(steps, calendar, started_on=started, due_on=visit.due_on, today=today):
        if slot.who is Role.OFFICER and visit.planned_on > today:
            for officer in officers:
                tell("visit_window", officer.person_id, slot.name)
        elif slot.who is Role.LEAD:
            for lead in leads_of(session, task.lead_department_id):
                tell("window_ending", lead, slot.day.isoformat(), about=f"task:{task.id}")
    return rows


def _row(
    visit: Visit, kind: str, person: int, slot: str, *, about: str, at: dt.datetime, now: dt.datetime
) -> dict[str, object]:
    useful = 1 if kind == "visit_day" else 2  # days, today included
    return row(
        kind, about, recipient_id=person, now=now, slot=slot, generation=visit.generation, not_before=at,
        priority=Priority.REMINDER, expires_at=at_china(china_day(at) + dt.timedelta(days=useful)),
    )  # fmt: skip


def _assignment(
    session: Session, slot: Slot, officer: VisitOfficer, task: Task, tell: Callable[..., None]
) -> None:
    if slot.who is Role.OFFICER:
        # the whole day is theirs to answer (C13)
        tell("assignment_reminder", officer.person_id, slot.name, at=at_china(slot.day, *_END_OF_DAY))
    else:  # one message to the lead for all whose days ran out together
        for lead in leads_of(session, task.lead_department_id):
            tell("assignment_overdue", lead, slot.day.isoformat(), about=f"task:{task.id}")


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
