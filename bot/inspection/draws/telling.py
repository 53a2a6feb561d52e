"""Whom a locked draw must be told: officers, enterprises, leads. Part of ``lock_draw``'s transaction."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from bot.core.clock import at_china
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, row
from bot.inspection.people.models import EnterpriseContact
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item, NoticeMode
from bot.inspection.tasks.models import EnterpriseNotice, Task
from bot.inspection.tasks.queries import leads_of, reachable
from bot.inspection.tasks.service import subject_of, useful_until
from bot.inspection.tasks.training import tell_untrained


@dataclass(frozen=True, slots=True)
class Told:
    """A stored visit, as far as telling goes; ``team`` holds person ids, leader first."""

    visit_id: int
    object_id: int
    planned: dt.date
    team: tuple[int, ...]


def tell_everybody(
    session: Session, task: Task, visits: Sequence[Told], items: Sequence[Item], *, now: dt.datetime,
    profile: Profile, calendar: WorkCalendar,
) -> None:  # fmt: skip
    """Promise every message of the draw, whatever its size in a handful of statements."""
    rows = [
        row("assignment", subject_of(visit.visit_id), recipient_id=person, now=now, priority=Priority.ASSIGNMENT,
            expires_at=useful_until(task.window_end, now=now))
        for visit in visits
        for person in visit.team
    ]  # fmt: skip
    if all(item.notice_mode == NoticeMode.ADVANCE for item in items):  # the strictest item wins
        days = {
            day: calendar.add_workdays(day, -profile.visit.notice_lead_workdays)
            for day in {v.planned for v in visits}
        }
        rows += _advance_notices(session, visits, days, now=now)
    else:
        session.execute(insert(EnterpriseNotice), [_notice(visit, None, "PENDING") for visit in visits])
    enqueue_many(session, rows)
    if profile.visit.training_gate:
        firsts = {person: told.planned for told in reversed(visits) for person in told.team}
        tell_untrained(session, task_id=task.id or 0, days=firsts, now=now,
                       until=useful_until(task.window_end, now=now))  # fmt: skip
    people = len({person for visit in visits for person in visit.team})
    for lead in leads_of(session, task.lead_department_id):
        enqueue(session, "task_dispatched", f"task:{task.id}", recipient_id=lead, now=now,
                data={"visits": len(visits), "officers": people})  # fmt: skip


def _advance_notices(
    session: Session, visits: Sequence[Told], days: Mapping[dt.date, dt.date], *, now: dt.datetime
) -> list[dict[str, Any]]:
    """行政检查通知书 to every contact at 09:00 of its day; where none has an account the leader takes paper (C15)."""
    contacts = _contacts(session, [visit.object_id for visit in visits])
    alive = reachable(session, {person for people in contacts.values() for person in people})
    rows, notices = [], []
    for visit in visits:
        due = days[visit.planned]
        at = max(now, at_china(due, 9))
        people = contacts[visit.object_id]
        paper = alive.isdisjoint(people)
        notices.append(_notice(visit, due, "NOT_DELIVERED" if paper else "PENDING"))
        subject = subject_of(visit.visit_id)
        rows += [
            row("enterprise_notice", subject, recipient_id=person, now=now, not_before=at, statutory=True)
            for person in people
        ]
        if paper:
            useless = max(at, at_china(visit.planned, 18)) + dt.timedelta(hours=1)
            rows.append(
                row(
                    "notice_on_paper",
                    subject,
                    recipient_id=visit.team[0],
                    now=now,
                    not_before=at,
                    expires_at=useless,
                )
            )
    session.execute(insert(EnterpriseNotice), notices)
    return rows


def _notice(visit: Told, due: dt.date | None, delivery: str) -> dict[str, Any]:
    return {"visit_id": visit.visit_id, "due_on": due, "delivery": delivery}


def _contacts(session: Session, object_ids: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for start in range(0, len(object_ids), 5000):
        query = select(EnterpriseContact).where(
            col(EnterpriseContact.object_id).in_(object_ids[start : start + 5000])
        )
        for contact in session.exec(query.order_by(col(EnterpriseContact.person_id))):
            found[contact.object_id].append(contact.person_id)
    return found
