"""送达: 行政检查通知书 to every contact in advance, on paper where none has a chat account (C15, C37)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from bot.core.bulk import insert_many
from bot.core.clock import at_china
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import Calendar
from bot.inspection.notices.service import row, touch_cards
from bot.inspection.people.models import EnterpriseContact
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item, NoticeMode
from bot.inspection.tasks.models import EnterpriseNotice
from bot.inspection.tasks.queries import get_visit, reachable, require_officer

MATERIALS = "营业执照，以及与检查事项有关的许可证件、台账、记录"
PENDING, NOT_DELIVERED, PAPER = "PENDING", "NOT_DELIVERED", "PAPER"
_NOTICES: Table = EnterpriseNotice.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Told:
    """A stored visit, as far as telling goes; ``team`` holds person ids, leader first."""

    visit_id: int
    object_id: int
    planned: dt.date
    team: tuple[int, ...]


def is_advance(items: Iterable[Item]) -> bool:
    """Whether the enterprise learns of the visit beforehand: the strictest item of a joint visit wins (field guide
    7.4), so one unannounced item keeps all of them quiet."""
    return all(item.notice_mode == NoticeMode.ADVANCE for item in items)


def plan_notices(
    session: Session, visits: Sequence[Told], items: Sequence[Item], *, profile: Profile, calendar: Calendar
) -> None:
    """Note for each visit the day its notice is due; none when it is served at check-in only."""
    ahead = is_advance(items)
    lead = -profile.visit.notice_lead_workdays
    days = {day: calendar.add_workdays(day, lead) if ahead else None for day in {v.planned for v in visits}}
    rows = [{"visit_id": v.visit_id, "due_on": days[v.planned], "delivery": PENDING} for v in visits]
    session.flush()
    insert_many(session.connection(), _NOTICES, rows)


def advance_notices(session: Session, visits: Sequence[Told], *, now: dt.datetime) -> list[dict[str, Any]]:
    """Notices as rows to promise, each to every contact at 09:00 of its day; where nobody has an account the leader
    takes paper along. Visits served at check-in give none."""
    contacts = _contacts(session, [visit.object_id for visit in visits])
    alive = reachable(session, {person for people in contacts.values() for person in people})
    due = _due(session, [visit.visit_id for visit in visits])
    moments = {day: max(now, at_china(day, 9)) for day in set(due.values())}
    evenings = {day: at_china(day, 18) for day in {visit.planned for visit in visits}}
    rows: list[dict[str, Any]] = []
    on_paper = []
    for visit in visits:
        if visit.visit_id not in due:
            continue
        at, people = moments[due[visit.visit_id]], contacts.get(visit.object_id, ())
        subject = f"visit:{visit.visit_id}"
        rows += [
            row("enterprise_notice", subject, recipient_id=person, now=now, not_before=at, statutory=True)
            for person in people
        ]
        if alive.isdisjoint(people):
            on_paper.append(visit.visit_id)
            useless = max(at, evenings[visit.planned]) + dt.timedelta(hours=1)
            rows.append(row("notice_on_paper", subject, recipient_id=visit.team[0], now=now, not_before=at,
                            expires_at=useless))  # fmt: skip
    for start in range(0, len(on_paper), 5000):
        part = _NOTICES.c.visit_id.in_(on_paper[start : start + 5000])
        session.connection().execute(update(_NOTICES).where(part).values(delivery=NOT_DELIVERED))
    return rows


def serve_on_paper(session: Session, *, visit_id: int, person_id: int, now: dt.datetime) -> None:
    """当面送达: an officer handed the printed notice over; who and when is kept, the first time counts."""
    get_visit(session, visit_id, lock=True)
    require_officer(session, visit_id, person_id)
    notice = session.get(EnterpriseNotice, visit_id)
    if notice is None:
        raise Problem("not_found", "这次检查没有通知书。")
    if notice.delivered_at is None:
        notice.delivered_at, notice.delivery = now, PAPER
        session.add(notice)
        record(session, "notice.served_on_paper", f"visit:{visit_id}", now=now, actor=person_id)
        touch_cards(session, f"visit:{visit_id}", now=now)


def _due(session: Session, visit_ids: Sequence[int]) -> dict[int, dt.date]:
    """The day of each visit's notice, of those that have one before the visit."""
    found: dict[int, dt.date] = {}
    for start in range(0, len(visit_ids), 5000):
        part = col(EnterpriseNotice.visit_id).in_(visit_ids[start : start + 5000])
        query = sql_select(col(EnterpriseNotice.visit_id), col(EnterpriseNotice.due_on)).where(part)
        rows = session.execute(query)
        found.update((visit, day) for visit, day in rows if day is not None)
    return found


def _contacts(session: Session, object_ids: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for start in range(0, len(object_ids), 5000):
        query = select(EnterpriseContact.object_id, EnterpriseContact.person_id).where(
            col(EnterpriseContact.object_id).in_(object_ids[start : start + 5000])
        )
        for inspected, person in session.exec(query.order_by(col(EnterpriseContact.person_id))):
            found[inspected].append(person)
    return found
