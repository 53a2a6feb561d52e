"""Who is there. Each department of a visit comes with its own officers, never fewer than two (行政处罚法 art. 42, C16):
its part opens when they have checked in, whether the others are there or not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet

from sqlmodel import Session, col, select

from bot.inspection.tasks.basics import OfficerRow, TaskRow
from bot.inspection.tasks.models import CheckIn, Task, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import departments_of
from bot.inspection.tasks.states import BEFORE_VISIT


def acts_for(task: Task | TaskRow, officer: VisitOfficer | OfficerRow) -> int:
    """The department of the task that an officer comes for; who was lent by one outside it comes for the lead. Pure."""
    home = officer.department_id
    return home if home is not None and home in departments_of(task) else task.lead_department_id


def departments_short(
    task: Task, officers: Iterable[VisitOfficer], present: AbstractSet[int], *, minimum: int
) -> frozenset[int]:
    """Departments of which fewer than *minimum* of the live *officers* are *present* (person ids). Pure."""
    there: Counter[int] = Counter()
    for officer in officers:
        there[acts_for(task, officer)] += officer.person_id in present
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
