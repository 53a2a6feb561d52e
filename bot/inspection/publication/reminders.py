"""The publicity clock (结果公示期限): who is reminded, and when. A visit is looked at once a day."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col

from bot.core.clock import china_day
from bot.inspection.calendar import Calendar
from bot.inspection.people.models import Department
from bot.inspection.people.models import Role as PersonRole
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import due_slots
from bot.inspection.profile.terms import Role
from bot.inspection.publication.facts import due_of
from bot.inspection.results.service import reviewers_of
from bot.inspection.tasks.daily import look_daily, reminder
from bot.inspection.tasks.models import Task, Visit, VisitState
from bot.inspection.tasks.queries import leads_of, live_officers, people_with_role
from bot.inspection.tasks.service import subject_of

WAITING = (VisitState.RECORDED, VisitState.IN_REVIEW, VisitState.APPROVED)


def queue_reminders(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: Calendar, limit: int = 500
) -> int:
    """Look at up to *limit* results not public yet and not looked at today; returns how many were."""
    return look_daily(
        session, Visit, col(Visit.state).in_(WAITING),
        lambda visit: _of(session, visit, now=now, profile=profile, calendar=calendar),
        now=now, profile=profile, calendar=calendar, limit=limit,
    )  # fmt: skip


def _of(
    session: Session, visit: Visit, *, now: dt.datetime, profile: Profile, calendar: Calendar
) -> list[dict[str, object]]:
    assert visit.id is not None
    if visit.ended_on is None:
        return []
    today = china_day(now)
    due = due_of(session, visit, profile=profile, calendar=calendar)
    if due is None:
        return []
    visit.publish_due = due.day
    steps = profile.reminders["publicity"]
    people: dict[int, str] = {}
    for slot in due_slots(steps, calendar, started_on=visit.ended_on, due_on=due.day, today=today):
        for person in _people(session, visit, slot.who):
            people.setdefault(person, slot.name)
    return [
        reminder("publicity_reminder", subject_of(visit.id), person=person, slot=f"{due.day}:{name}",
                 generation=visit.generation, now=now)
        for person, name in people.items()
    ]  # fmt: skip


def _people(session: Session, visit: Visit, who: Role) -> list[int]:
    task = session.get_one(Task, visit.task_id)
    match who:
        case Role.OFFICER:
            return [officer.person_id for officer in live_officers(session, visit.id or 0)]
        case Role.LEAD:
            return leads_of(session, task.lead_department_id)
        case Role.REVIEWER:
            return reviewers_of(session, visit) if visit.state == VisitState.IN_REVIEW else []
        case Role.DEPARTMENT:  # one level up: the lead has been reminded before
            parent = session.get_one(Department, task.lead_department_id).parent_id
            return leads_of(session, parent or task.lead_department_id)
        case Role.COORDINATOR:
            return people_with_role(session, PersonRole.COORDINATOR)
    return []
