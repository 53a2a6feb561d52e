"""Visits that a redraw or a replaced object makes void: what was promised is withdrawn, the bundle keeps the record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, SQLModel, col

from bot.core.errors import Problem
from bot.inspection.deadlines.models import Deadline
from bot.inspection.draws.cancelling import cancellations, handed_over
from bot.inspection.notices.service import enqueue_many, row, withdraw_all
from bot.inspection.tasks.models import (
    EnterpriseNotice,
    Task,
    Visit,
    VisitApproval,
    VisitCode,
    VisitOfficer,
    VisitState,
)

_BEFORE_ANYTHING = (VisitState.SCHEDULED, VisitState.ASSIGNED, VisitState.ACCEPTED)
_OURS = (VisitOfficer, EnterpriseNotice, VisitApproval, VisitCode)
_OUR_NAMES = frozenset(table.__tablename__ for table in _OURS)
_ROOTS = {("visit", "id"), ("visitofficer", "visit_id")}  # what was done in a visit refers to one of them
_CHUNK = 500


def require_untouched(session: Session, visit_ids: Sequence[int]) -> None:
    """Raises Problem ``visits_begun`` once an inspection has begun, or a notice was issued to the enterprise."""
    found = 0
    for start in range(0, len(visit_ids), _CHUNK):
        part = visit_ids[start : start + _CHUNK]
        begun = select(func.count()).where(col(Visit.id).in_(part), col(Visit.state).not_in(_BEFORE_ANYTHING))
        found += int(session.execute(begun).scalar_one())
        for table in SQLModel.metadata.sorted_tables:
            for key in table.foreign_keys:
                if (key.column.table.name, key.column.name) in _ROOTS and table.name not in _OUR_NAMES:
                    used = select(func.count()).select_from(table).where(key.parent.in_(part))
                    found += int(session.execute(used).scalar_one())
    if found:
        raise Problem("visits_begun", "已有检查开始或通知书已经发出，不能作废或更换。", 户次=str(found))


def take_back(
    session: Session, task: Task, visit_ids: Sequence[int], *, reason: str, ground: str, now: dt.datetime
) -> None:
    """Withdraw, tell the officers and every enterprise that was told of its visit, and remove the visits."""
    require_untouched(session, visit_ids)
    cancelled = cancellations(session, task, visit_ids, reason=f"{reason}：{ground}", now=now)
    on_paper = handed_over(session, visit_ids)
    people: set[int] = set()
    for start in range(0, len(visit_ids), _CHUNK):
        part = visit_ids[start : start + _CHUNK]
        team = select(col(VisitOfficer.id), col(VisitOfficer.person_id))
        officers = session.execute(team.where(col(VisitOfficer.visit_id).in_(part))).all()
        people.update(person for _, person in officers)
        roots = [f"visit:{visit}" for visit in part]
        withdraw_all(session, [*roots, *(f"officer:{key}" for key, _ in officers)], reason=reason, now=now)
        silent = update(Deadline).where(col(Deadline.root).in_(roots), col(Deadline.closed_at).is_(None))
        session.execute(silent.values(closed_at=now, next_at=None))
        for table in _OURS:
            session.execute(delete(table).where(col(table.visit_id).in_(part)))
        session.execute(delete(Visit).where(col(Visit.id).in_(part)))
    rows = [
        row("draw_voided", f"task:{task.id}", recipient_id=person, now=now, slot=f"visit-{min(visit_ids, default=0)}",
            data={"reason": reason, "on_paper": on_paper.get(person, [])})
        for person in sorted(people)
    ]  # fmt: skip
    enqueue_many(session, cancelled + rows)
