"""Who is there. Each department of a visit comes with its own officers, never fewer than two (行政处罚法 art. 42, C16):
its part opens when they have checked in, whether the others are there or not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet

from sqlmodel import Session, col, select

from bot.inspection.tasks.models import CheckIn, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.states import BEFORE_VISIT


def departments_short(
    officers: Iterable[VisitOfficer], present: AbstractSet[int], *, minimum: int
) -> frozenset[int | None]:
    """Departments of which fewer than *minimum* of the live *officers* are *present* (person ids). Pure."""
    there: Counter[int | None] = Counter()
    for officer in officers:
        there[officer.department_id] += officer.person_id in present
    return frozenset(department for department, count in there.items() if count < minimum)


def may_step_back(visit: Visit, person_id: int, present: Collection[int]) -> bool:
    """Whether somebody else can still be drawn in this officer's place: until they were there themselves. Pure."""
    return visit.state in BEFORE_VISIT or (visit.state == VisitState.ON_SITE and person_id not in present)


def present_at(session: Session, visit_ids: Collection[int]) -> dict[int, set[int]]:
    """Person ids of everybody who has checked in, by visit."""
    there: dict[int, set[int]] = defaultdict(set)
    query = select(CheckIn.visit_id, CheckIn.person_id).where(col(CheckIn.visit_id).in_(visit_ids))
    for visit_id, person_id in session.exec(query):
        there[visit_id].add(person_id)
    return there
