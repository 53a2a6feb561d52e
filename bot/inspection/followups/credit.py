"""Early warning: whoever supervises an object hears at the import that its credit got worse (C27, ZJ-2.5.g)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.registry.models import CreditHistory, ImportBatch, InspectionObject, Item, Warned
from bot.inspection.registry.warnings import warning
from bot.inspection.tasks.queries import leads_of, people_with_role

KIND = "credit_warning"
_STILL_RUNNING = dt.timedelta(hours=1)  # an import that has not ended by then was cut short


@dataclass(frozen=True, slots=True)
class Change:
    """An object that got worse: its class and index before and now."""

    name: str
    code: str
    industry: str
    before: tuple[str, int | None]
    after: tuple[str, int | None]
    why: Warned


def warn_of_changes(
    session: Session,
    *,
    now: dt.datetime,
    profile: Profile,
    calendar: WorkCalendar,  # noqa: ARG001 - called as a tick
) -> int:
    """Compare what the last import changed with what was before; returns how many objects got worse.

    Each department that supervises some of them gets one message for the whole import. An import that was cut short
    leaves its rows to the next one or to the tick; while one runs its rows wait for its end.
    """
    batch = _ended_batch(session, now=now)
    if batch is None:
        return 0
    earlier = aliased(CreditHistory)
    pairs = session.exec(
        select(CreditHistory, earlier)
        .select_from(CreditHistory)
        .join(earlier, col(earlier.id) == _last_before())
        .where(col(CreditHistory.checked_at).is_(None))
        .order_by(col(CreditHistory.id))
        .with_for_update(of=CreditHistory)
    ).all()
    worse = list[int]()
    for now_is, was in pairs:
        found = warning((was.credit_class, was.risk_index), (now_is.credit_class, now_is.risk_index),
                        jump=profile.warning.index_jump)  # fmt: skip
        now_is.checked_at, now_is.warning, now_is.batch_id = now, found, batch.id if found else None
        session.add(now_is)
        worse += [now_is.object_id] if found else []
    session.flush()
    unchecked = col(CreditHistory.checked_at).is_(None)
    session.execute(
        update(CreditHistory).where(unchecked).values(checked_at=now)
    )  # those with nothing before
    if worse:
        record(session, "credit.warned", f"import:{batch.id}", now=now, objects=len(worse))
        _tell(session, batch.id or 0, now=now)
    return len(worse)


def changes(session: Session, batch_id: int) -> list[Change]:
    """What got worse with an import, the largest risk first."""
    earlier = aliased(CreditHistory)
    query = (
        select(CreditHistory, earlier, InspectionObject)
        .select_from(CreditHistory)
        .join(earlier, col(earlier.id) == _last_before())
        .join(InspectionObject, col(InspectionObject.id) == CreditHistory.object_id)
        .where(CreditHistory.batch_id == batch_id, CreditHistory.warning != "")
        .order_by(
            col(CreditHistory.credit_class).desc(),
            col(CreditHistory.risk_index).desc(),
            col(CreditHistory.id),
        )
    )
    return [
        Change(found.name, found.code, found.industry, (was.credit_class, was.risk_index),
               (now_is.credit_class, now_is.risk_index), Warned(now_is.warning))
        for now_is, was, found in session.exec(query)
    ]  # fmt: skip


def supervisors(session: Session) -> dict[str, set[int]]:
    """Who supervises an industry: the departments with an item in use for it (谁主管、谁监管, YL-3.3.a)."""
    found: dict[str, set[int]] = {}
    query = select(Item.field, Item.department_id).where(col(Item.active), Item.field != "").distinct()
    for industry, department in session.exec(query):
        if department is not None:
            found.setdefault(industry, set()).add(department)
    return found


def of_department(found: list[Change], department: int | None, watching: dict[str, set[int]]) -> list[Change]:
    """Those a department supervises; under None those nobody does."""
    if department is None:
        return [change for change in found if not watching.get(change.industry)]
    return [change for change in found if department in watching.get(change.industry, ())]


def _tell(session: Session, batch_id: int, *, now: dt.datetime) -> None:
    watching, found = supervisors(session), changes(session, batch_id)
    concerned = Counter[int | None]()
    for change in found:
        concerned.update(watching.get(change.industry) or [None])
    rows: list[dict[str, Any]] = []
    for department in concerned:
        people = leads_of(session, department) if department else people_with_role(session, Role.COORDINATOR)
        rows += [
            row(KIND, f"import:{batch_id}", recipient_id=person, now=now, slot=f"department-{department or 0}",
                data={"department": department})
            for person in people
        ]  # fmt: skip
    enqueue_many(session, rows)


def _last_before() -> Any:
    """The row of the same object just before a row of ``CreditHistory``."""
    before = aliased(CreditHistory)
    return (
        select(func.max(before.id))
        .where(before.object_id == CreditHistory.object_id, col(before.id) < col(CreditHistory.id))
        .correlate(CreditHistory)
        .scalar_subquery()
    )


def _ended_batch(session: Session, *, now: dt.datetime) -> ImportBatch | None:
    """The newest import of objects, unless it still runs or nothing waits to be compared."""
    if (
        session.exec(select(CreditHistory.id).where(col(CreditHistory.checked_at).is_(None)).limit(1)).first()
        is None
    ):
        return None
    query = (
        select(ImportBatch).where(ImportBatch.kind == "objects").order_by(col(ImportBatch.id).desc()).limit(1)
    )
    batch = session.exec(query).first()
    if batch is None or (not batch.counts and now - batch.started_at < _STILL_RUNNING):
        return None
    return batch
