"""Batches (C11): a batch opens on its day; only then officers and enterprises are told."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update
from sqlmodel import Session, col, select

from bot.core.clock import china, china_day
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws.telling import Told, tell_everybody
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Task, TaskBatch, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.states import LIVE

OPENING_HOUR = 9


def open_batches(session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar) -> int:
    """Open every batch whose day has come, from nine in the morning; returns how many. A second tick finds none."""
    if china(now).hour < OPENING_HOUR:
        return 0
    query = select(TaskBatch).where(col(TaskBatch.opened_at).is_(None), TaskBatch.opens_on <= china_day(now))
    waiting = session.exec(query.with_for_update(skip_locked=True)).all()
    for batch in waiting:
        _open(session, batch, now=now, profile=profile, calendar=calendar)
    return len(waiting)


def _open(
    session: Session, batch: TaskBatch, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar
) -> None:
    task = session.get_one(Task, batch.task_id)
    batch.opened_at = now
    session.add(batch)
    session.flush()
    visits = session.exec(
        select(Visit)
        .where(Visit.task_id == task.id, Visit.batch == batch.number, Visit.state == VisitState.SCHEDULED)
        .order_by(col(Visit.rank))
    ).all()
    told = []
    for visit in visits:
        team = select(VisitOfficer.person_id).where(
            VisitOfficer.visit_id == visit.id, col(VisitOfficer.state).in_(LIVE)
        )
        order = (col(VisitOfficer.leader).desc(), col(VisitOfficer.id))
        told.append(
            Told(visit.id or 0, visit.object_id, visit.planned_on, tuple(session.exec(team.order_by(*order))))
        )
    ids = [visit.visit_id for visit in told]
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        moved = update(Visit).where(col(Visit.id).in_(part))
        values = {"state": VisitState.ASSIGNED, "generation": Visit.generation + 1, "reminded_on": None}
        session.execute(moved.values(values))
        since = update(VisitOfficer).where(col(VisitOfficer.visit_id).in_(part))
        session.execute(since.values(assigned_at=now))  # the day for an answer counts from now
    items = [session.get_one(Item, item) for item in task.item_ids]
    tell_everybody(session, task, told, items, now=now, profile=profile, calendar=calendar)
    record(session, "batch.opened", f"task:{task.id}", now=now, batch=batch.number, visits=len(told))
