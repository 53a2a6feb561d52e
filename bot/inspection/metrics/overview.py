"""What the coordinator sees first: tasks, who has not answered, what is late, how messages arrive."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.metrics.funnel import TaskRow, task_rows
from bot.inspection.metrics.waiting import (
    Delivery,
    Waiting,
    count_undelivered,
    count_waiting,
    deliveries,
    who_waits,
)
from bot.inspection.people.models import Person
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit, VisitOfficer, VisitState
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE, NAMES

OPEN_FOLLOW_UP = (FollowUpState.OPEN, FollowUpState.ORDERED, FollowUpState.RECHECK_DUE)


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One visit as lists show it."""

    id: int
    number: str
    task_id: int
    object: str
    object_id: int
    district: str
    state: str
    batch: int
    due_on: dt.date
    publish_due: dt.date | None
    officers: tuple[str, ...]
    outcome: str
    days_late: int

    @property
    def state_name(self) -> str:
        return NAMES[VisitState(self.state)]


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Problems still open, and how many of them are past their term."""

    open: int
    late: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the console's first page. Lists are short; the counts are of all."""

    tasks: list[TaskRow]
    waiting: list[Waiting]
    waiting_count: int
    late: list[VisitRow]
    late_count: int
    publish_late_count: int
    in_review_count: int
    undelivered_count: int
    deliveries: list[Delivery]
    follow_ups: FollowUps


def overview(session: Session, *, now: dt.datetime, tasks: int = 8, names: int = 10) -> Overview:
    """Gather the first page: at most *tasks* tasks and *names* rows a list."""
    today = china_day(now)
    return Overview(
        tasks=task_rows(session, now=now, running=True, limit=tasks),
        waiting=who_waits(session, limit=names),
        waiting_count=count_waiting(session),
        late=late_visits(session, today=today, limit=names),
        late_count=_count(session, Visit.due_on < today, col(Visit.state).in_(BEFORE_SUBMIT)),
        publish_late_count=_count(
            session, col(Visit.publish_due) < today, Visit.state == VisitState.APPROVED
        ),
        in_review_count=_count(session, Visit.state == VisitState.IN_REVIEW),
        undelivered_count=count_undelivered(session),
        deliveries=deliveries(session, now=now),
        follow_ups=follow_ups(session, today=today),
    )


def late_visits(session: Session, *, today: dt.date, limit: int = 20, offset: int = 0) -> list[VisitRow]:
    """Visits past their last day and not handed in, longest first."""
    query = (
        select(Visit, InspectionObject)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .where(col(Visit.state).in_(BEFORE_SUBMIT), Visit.due_on < today)
        .order_by(col(Visit.due_on), col(Visit.id))
    )
    return _rows(session, session.exec(query.limit(limit).offset(offset)).all(), today=today)


def task_visits(
    session: Session, *, task_id: int, today: dt.date, state: str = "", late: bool = False, words: str = "",
    limit: int = 50, offset: int = 0,
) -> list[VisitRow]:  # fmt: skip
    """A page of a task's visits by rank; filtered by state, lateness, and a part of name or number."""
    query = (
        select(Visit, InspectionObject)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .where(Visit.task_id == task_id)
        .order_by(col(Visit.rank), col(Visit.id))
    )
    if state:
        query = query.where(Visit.state == state)
    if late:
        query = query.where(col(Visit.state).in_(BEFORE_SUBMIT), Visit.due_on < today)
    if words:
        query = query.where(
            col(InspectionObject.name).contains(words, autoescape=True)
            | col(Visit.number).contains(words, autoescape=True)
        )
    return _rows(session, session.exec(query.limit(limit).offset(offset)).all(), today=today)


def follow_ups(session: Session, *, today: dt.date) -> FollowUps:
    """Open problems and those past their term."""
    query = select(func.count()).where(col(FollowUp.state).in_(OPEN_FOLLOW_UP))
    late = query.where(col(FollowUp.due_on) < today)
    return FollowUps(session.exec(query).one(), session.exec(late).one())


def _count(session: Session, *where: ColumnElement[bool] | bool) -> int:
    return session.exec(select(func.count()).select_from(Visit).where(*where)).one()


def _rows(
    session: Session, found: Iterable[tuple[Visit, InspectionObject]], *, today: dt.date
) -> list[VisitRow]:
    pairs = list(found)
    names = _officers(session, [visit.id or 0 for visit, _ in pairs])
    return [
        VisitRow(
            id=visit.id or 0, number=visit.number, task_id=visit.task_id, object=thing.name, object_id=thing.id or 0,
            district=thing.district, state=visit.state, batch=visit.batch, due_on=visit.due_on,
            publish_due=visit.publish_due, officers=tuple(names[visit.id or 0]), outcome=visit.outcome,
            days_late=(today - visit.due_on).days if visit.state in BEFORE_SUBMIT else 0,
        )
        for visit, thing in pairs
    ]  # fmt: skip


def _officers(session: Session, visit_ids: Sequence[int]) -> dict[int, list[str]]:
    """Names of the live officers, leader first."""
    names: dict[int, list[str]] = defaultdict(list)
    for visit_id, name, state in session.exec(
        select(VisitOfficer.visit_id, Person.name, VisitOfficer.state)
        .join(Person, col(Person.id) == VisitOfficer.person_id)
        .where(col(VisitOfficer.visit_id).in_(visit_ids))
        .order_by(col(VisitOfficer.leader).desc(), col(VisitOfficer.id))
    ):
        if state in LIVE:  # in SQL it would draw SQLite to the index over all states
            names[visit_id].append(name)
    return names
