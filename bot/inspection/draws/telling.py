"""Whom a locked draw must be told: officers, enterprises, leads. Part of ``lock_draw``'s transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session

from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws.models import Draw
from bot.inspection.notices.mass import hold_mass
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, row
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item
from bot.inspection.tasks.approval import ask_approvals
from bot.inspection.tasks.models import Task
from bot.inspection.tasks.queries import departments_of, leads_of, people_with_role
from bot.inspection.tasks.service import subject_of, useful_until
from bot.inspection.tasks.serving import Told, advance_notices, plan_notices
from bot.inspection.tasks.training import tell_untrained

__all__ = ["Told", "tell_everybody"]


def tell_everybody(
    session: Session, task: Task, visits: Sequence[Told], items: Sequence[Item], *, now: dt.datetime,
    profile: Profile, calendar: WorkCalendar, actor: int | None = None,
) -> None:  # fmt: skip
    """Promise every message of the draw, whatever its size in a handful of statements.

    Where the head approves inspections (D21), enterprises are told once that approval is given.
    """
    until = useful_until(task.window_end, now=now)
    rows = [
        row("assignment", subject_of(visit.visit_id), recipient_id=person, now=now, priority=Priority.ASSIGNMENT,
            expires_at=until)
        for visit in visits
        for person in visit.team
    ]  # fmt: skip
    plan_notices(session, visits, items, profile=profile, calendar=calendar)
    if profile.rules_2025.head_approval:
        ask_approvals(session, task, [visit.visit_id for visit in visits], now=now)
    else:
        rows += advance_notices(session, visits, now=now)
    hold_mass(session, rows, caused_by=actor, what=f"“{task.name}”的任务", now=now)
    enqueue_many(session, rows)
    if profile.visit.training_gate:
        firsts = {person: told.planned for told in reversed(visits) for person in told.team}
        tell_untrained(session, task_id=task.id or 0, days=firsts, now=now, until=until)


def tell_dispatched(session: Session, task: Task, visits: Sequence[Told], *, now: dt.datetime) -> None:
    """The leads of every department learn how many visits and officers there are."""
    people = len({person for visit in visits for person in visit.team})
    for lead in _leads(session, task):
        enqueue(session, "task_dispatched", f"task:{task.id}", recipient_id=lead, now=now,
                slot=now.isoformat(timespec="seconds"), data={"visits": len(visits), "officers": people})  # fmt: skip


def tell_prepared(session: Session, draw: Draw, *, now: dt.datetime) -> None:
    """The coordinators get the card that leads through the ceremony (C10)."""
    for person in people_with_role(session, Role.COORDINATOR):
        enqueue(session, "draw_ceremony", f"draw:{draw.id}", recipient_id=person, now=now)


def tell_committed(session: Session, draw: Draw, task: Task, *, now: dt.datetime) -> None:
    """The commitment goes to leads and witnesses before anything is drawn; witnesses are asked for their word."""
    tell_prepared(session, draw, now=now)
    for person in dict.fromkeys([*_leads(session, task), *draw.witness_ids]):
        enqueue(session, "draw_committed", f"draw:{draw.id}", recipient_id=person, now=now)
    if any(source["kind"] != "none" for source in draw.sources):
        for person in draw.witness_ids:
            enqueue(session, "draw_witness", f"witness:{draw.id}", recipient_id=person, now=now)


def _leads(session: Session, task: Task) -> list[int]:
    return list(
        dict.fromkeys(lead for department in departments_of(task) for lead in leads_of(session, department))
    )
