"""Whom a locked draw must be told: officers, enterprises, leads. Part of ``lock_draw``'s transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session

from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.mass import hold_mass
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, row
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item
from bot.inspection.tasks.approval import ask_approvals
from bot.inspection.tasks.models import Task
from bot.inspection.tasks.queries import leads_of
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
    rows = [
        row("assignment", subject_of(visit.visit_id), recipient_id=person, now=now, priority=Priority.ASSIGNMENT,
            expires_at=useful_until(task.window_end, now=now))
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
        tell_untrained(session, task_id=task.id or 0, days=firsts, now=now,
                       until=useful_until(task.window_end, now=now))  # fmt: skip
    people = len({person for visit in visits for person in visit.team})
    for lead in leads_of(session, task.lead_department_id):
        enqueue(session, "task_dispatched", f"task:{task.id}", recipient_id=lead, now=now,
                data={"visits": len(visits), "officers": people})  # fmt: skip
