"""What M1 to M6 count, one statement each. Everything is of one plan year."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.followups.models import FollowUp
from bot.inspection.metrics.formulas import Count, Share, shares, uses_credit_class
from bot.inspection.people.models import Officer, Person, PersonRole, Role
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Task, TaskState, Visit, VisitState
from bot.inspection.tasks.states import SUBMITTED

_NAMED = 50  # what is missing is named up to a page; the figures always count all of it
_NO_TASK = (TaskState.DRAFT, TaskState.CANCELLED)


def metrics(session: Session, *, year: int, profile: Profile) -> tuple[Share, ...]:
    """M1 to M6 of *year*, judged by the profile's targets."""
    counts = {
        "m1": planned_items(session, year=year),
        "m2": joint_tasks(session, year=year),
        "m3": officers_in_library(session),
        **visits(session, year=year),
        "m5": items_drawn_by_class(session, year=year),
        "m6": handled_problems(session, year=year),
    }
    targets: dict[str, Decimal | None] = {key: getattr(profile.targets, key) for key in counts}
    return shares(counts, targets)


def planned_items(session: Session, *, year: int) -> Count:
    """M1. An item is planned when a line of an approved or published plan names any version of it."""
    rows = session.exec(select(Item.id, Item.code, Item.name, Item.active)).all()
    lines = session.exec(
        select(PlanLine.item_ids)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(Plan.year == year, col(Plan.state).in_((PlanState.APPROVED, PlanState.PUBLISHED)))
    )
    ids = {item for line in lines for item in line}
    planned = {code for id_, code, _, _ in rows if id_ in ids}
    active = {code: name for _, code, name, in_use in rows if in_use}
    return _count(
        len(active.keys() & planned), len(active), (n for c, n in active.items() if c not in planned)
    )


def joint_tasks(session: Session, *, year: int) -> Count:
    """M2. A joint task counts once, whatever the number of departments (decision D9)."""
    joint = func.json_array_length(PlanLine.joint_department_ids) > 0
    row = session.exec(
        select(func.count(col(Task.id)), func.coalesce(func.sum(case((joint, 1), else_=0)), 0))
        .join(PlanLine, col(PlanLine.id) == Task.plan_line_id)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(Plan.year == year, Task.source == "RANDOM", col(Task.state).not_in(_NO_TASK))
    ).one()
    return Count(int(row[1]), row[0])


def officers_in_library(session: Session) -> Count:
    """M3. Qualified: active people with the officer's role; in the library: those with a certificate row."""
    rows = session.exec(
        select(Person.name, col(Officer.person_id).is_not(None))
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .join(Officer, col(Officer.person_id) == Person.id, isouter=True)
        .where(PersonRole.role == Role.OFFICER, col(Person.active))
        .order_by(col(Person.id))
    ).all()
    return _count(
        sum(1 for _, inside in rows if inside), len(rows), (name for name, inside in rows if not inside)
    )


def visits(session: Session, *, year: int) -> dict[str, Count]:
    """M4a and M4b. Finished means handed in; an impossible check with its evidence is handed in too (D8)."""
    finished = case((col(Visit.state).in_(SUBMITTED), 1), else_=0)
    published = case((col(Visit.state) == VisitState.PUBLISHED, 1), else_=0)
    drawn, done, public = session.exec(
        select(
            func.count(), func.coalesce(func.sum(finished), 0), func.coalesce(func.sum(published), 0)
        ).where(col(Visit.task_id).in_(_tasks(year)))
    ).one()
    return {"m4a": Count(int(done), drawn), "m4b": Count(int(public), drawn)}


def items_drawn_by_class(session: Session, *, year: int) -> Count:
    """M5. Of the items in locked draws, those whose draw gave the credit classes different ratios."""
    rows = session.exec(
        select(Task.item_ids, PlanLine.ratios)
        .join(Draw, col(Draw.task_id) == Task.id)
        .join(PlanLine, col(PlanLine.id) == Task.plan_line_id)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(Plan.year == year, Draw.state == DrawState.LOCKED, col(Task.state).not_in(_NO_TASK))
    ).all()
    drawn = {item for items, _ in rows for item in items}
    by_class = {item for items, ratios in rows if uses_credit_class(ratios) for item in items}
    return Count(len(by_class), len(drawn))


def handled_problems(session: Session, *, year: int) -> Count:
    """M6. A problem is handled when its follow-up left OPEN with a record; the open ones are named."""
    rows = session.exec(
        select(FollowUp.number, col(FollowUp.handled_at).is_not(None))
        .join(Visit, col(Visit.id) == FollowUp.visit_id)
        .where(col(Visit.task_id).in_(_tasks(year)))
        .order_by(col(FollowUp.id))
    ).all()
    return _count(
        sum(1 for _, done in rows if done), len(rows), (number for number, done in rows if not done)
    )


def _tasks(year: int) -> Any:
    return (
        select(Task.id)
        .join(PlanLine, col(PlanLine.id) == Task.plan_line_id)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(Plan.year == year, col(Task.state).not_in(_NO_TASK))
    )


def _count(done: int, of: int, missing: Iterable[str]) -> Count:
    return Count(done, of, tuple(name for name, _ in zip(missing, range(_NAMED), strict=False)))
