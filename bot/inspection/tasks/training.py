"""Who of a task's officers must still be trained: invited at the lock, or when a sitting is planned (C14)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, func, select

from bot.core.clock import china_day
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.models import Notice, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Person, TrainingSession
from bot.inspection.people.quiz import Question
from bot.inspection.people.training_sessions import (
    AROUND,
    INVITATION,
    next_session,
    plan_session,
    subject_of,
    untrained,
)
from bot.inspection.profile import Profile
from bot.inspection.tasks.models import Visit, VisitOfficer
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE

GAP = "officers_untrained"
MISSED = "training_missed"
_LOOK_BACK = dt.timedelta(days=7)  # a sitting that ended while the service was down


def tell_untrained(
    session: Session, *, task_id: int, days: Mapping[int, dt.date], now: dt.datetime, until: dt.datetime
) -> int:
    """At the lock: who is drawn without a training that holds on the day is invited to the next sitting, and the
    lead of each such department gets the names. *days* is the first planned day by person."""
    missing = untrained(session, days)
    by_department: dict[int | None, list[int]] = defaultdict(list)
    for person, department in _departments(session, missing):
        by_department[department].append(person)
    rows = []
    for department, people in by_department.items():
        planned = next_session(session, department_id=department, now=now)
        if planned is not None:
            rows += _invitations(planned, people, now=now)
        rows += [
            row(GAP, f"task:{task_id}", recipient_id=lead, now=now, slot=f"department-{department or 0}",
                expires_at=until, data={"department": department})
            for lead in (leads_of(session, department) if department else [])
        ]  # fmt: skip
    enqueue_many(session, rows)
    return len(missing)


def open_session(
    session: Session, *, name: str, place: str, starts_at: dt.datetime, ends_at: dt.datetime, valid_to: dt.date,
    now: dt.datetime, department_id: int | None = None, actor: int | None = None,
    quiz: Sequence[Question] = (), pass_percent: int | None = None,
) -> tuple[TrainingSession, str, int]:  # fmt: skip
    """Plan a sitting and invite every officer with an open visit who is not trained; returns how many."""
    planned, code = plan_session(
        session, name=name, place=place, starts_at=starts_at, ends_at=ends_at, valid_to=valid_to, now=now,
        department_id=department_id, actor=actor, quiz=quiz, pass_percent=pass_percent,
    )  # fmt: skip
    days = open_days(session, today=china_day(now))
    people = [
        person
        for person, department in _departments(session, untrained(session, days))
        if department_id in (None, department)
    ]
    enqueue_many(session, _invitations(planned, people, now=now))
    return planned, code, len(people)


def remind_absentees(
    session: Session,
    *,
    now: dt.datetime,
    profile: Profile,
    calendar: WorkCalendar,  # noqa: ARG001 - as every tick
) -> int:
    """Who was invited to a sitting that is over, did not attend it or not pass its quiz, and still cannot open a form is
    told once, with the next sitting (YL-4.3). Returns how many are told now."""
    if not profile.visit.training_gate:
        return 0
    over = select(TrainingSession).where(
        TrainingSession.ends_at <= now - AROUND, TrainingSession.ends_at > now - _LOOK_BACK
    )
    return sum(_remind_of(session, held, now=now) for held in session.exec(over).all())


def _remind_of(session: Session, held: TrainingSession, *, now: dt.datetime) -> int:
    subject = subject_of(held.id or 0)
    invited = select(Notice.recipient_id).where(Notice.subject == subject, Notice.kind == INVITATION)
    days = open_days(session, today=china_day(now))
    missing = untrained(session, {p: days[p] for p in session.exec(invited) if p in days})
    rows = [
        row(MISSED, subject, recipient_id=person, now=now, priority=Priority.ASSIGNMENT, expires_at=now + _LOOK_BACK)
        for person in missing
    ]  # fmt: skip
    return enqueue_many(session, rows) if rows else 0


def open_days(session: Session, *, today: dt.date, task_id: int | None = None) -> dict[int, dt.date]:
    """The first day each officer still has to inspect, of one task or of all."""
    query = (
        select(VisitOfficer.person_id, func.min(Visit.planned_on))
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .where(col(VisitOfficer.state).in_(LIVE), col(Visit.state).in_(BEFORE_SUBMIT))
        .group_by(col(VisitOfficer.person_id))
    )
    if task_id is not None:
        query = query.where(Visit.task_id == task_id)
    return {person: max(day, today) for person, day in session.exec(query)}


def _departments(session: Session, people: Sequence[int]) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for start in range(0, len(people), 1000):
        part = col(Person.id).in_(people[start : start + 1000])
        found += [
            (person or 0, department)
            for person, department in session.exec(select(Person.id, Person.department_id).where(part))
        ]
    return sorted(found, key=lambda one: one[0])


def _invitations(
    planned: TrainingSession, people: Sequence[int], *, now: dt.datetime
) -> list[dict[str, object]]:
    return [
        row(INVITATION, subject_of(planned.id or 0), recipient_id=person, now=now, priority=Priority.ASSIGNMENT,
            expires_at=planned.ends_at)
        for person in people
    ]  # fmt: skip
