"""The clocks of a task and its visits: libraries, answers, the day of the visit, the end of the window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, cast, exists, literal
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.models import Deadline
from bot.inspection.deadlines.policy import Policy, policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.models import OfficerState, Task, TaskState, Visit, VisitOfficer
from bot.inspection.tasks.presence import acts_for, departments_short, present_at
from bot.inspection.tasks.states import BEFORE_RECORD, LIVE


@dataclass(frozen=True, slots=True)
class Looked:
    """A visit with what its clocks rest on."""

    visit: Visit
    task: Task
    officers: Sequence[VisitOfficer]
    present: AbstractSet[int]  # person ids of those who have checked in

    @property
    def subject(self) -> str:
        return f"visit:{self.visit.id}"

    @property
    def above(self) -> str:
        return f"task:{self.task.id}"


def look_at(session: Session, visit_ids: Ids) -> list[Looked]:
    """The visits with their tasks and live officers, in four queries."""
    visits = session.exec(select(Visit).where(col(Visit.id).in_(visit_ids)).order_by(col(Visit.id))).all()
    tasks = {
        task.id: task
        for task in session.exec(select(Task).where(col(Task.id).in_({visit.task_id for visit in visits})))
    }
    officers: dict[int, list[VisitOfficer]] = defaultdict(list)
    mine = select(VisitOfficer).where(
        col(VisitOfficer.visit_id).in_(visit_ids), col(VisitOfficer.state).in_(LIVE)
    )
    for officer in session.exec(mine.order_by(col(VisitOfficer.id))):
        officers[officer.visit_id].append(officer)
    there = present_at(session, visit_ids)
    return [
        Looked(visit, tasks[visit.task_id], officers[visit.id or 0], there[visit.id or 0]) for visit in visits
    ]


def visit_duties(looked: Looked, context: Context) -> list[Duty]:
    """What runs until there is a record: each officer's answer, the day planned, the window.

    Of a joint visit one department may have begun while another is still awaited: its officers are asked on.
    """
    visit, officers = looked.visit, looked.officers
    if visit.state not in BEFORE_RECORD or not officers:
        return []
    shared: dict[str, Any] = {"department_id": looked.task.lead_department_id, "generation": visit.generation,
              "about": looked.subject, "above": looked.above}  # fmt: skip
    answers, day, window = (
        policy_of(kind, context.profile, looked.task.policy)
        for kind in ("assignment", "visit_day", "visit_window")
    )
    duties = _answers(officers, answers, shared)
    started = china_day(min(o.assigned_at for o in officers))
    if awaited := _awaited(looked, context):
        span = Span(min(started, visit.planned_on), visit.planned_on)
        duties.append(Duty("visit_day", looked.subject, span, day, **shared, people=awaited))
    duties.append(
        Duty("visit_window", looked.subject, Span(started, visit.due_on), window, **shared,
             tag=visit.due_on.isoformat(), people={o.person_id: Role.OFFICER for o in officers})
    )  # fmt: skip
    return duties


def _answers(officers: Sequence[VisitOfficer], policy: Policy, shared: Mapping[str, Any]) -> list[Duty]:
    """收到 of each who has not answered; partners hear of it where the locality wants it."""
    partners = any(Role.PARTNER in step.who for step in policy.steps)
    beside = {o.person_id: Role.PARTNER for o in officers} if partners else {}
    return [
        Duty("assignment", f"officer:{o.id}", Span(china_day(o.assigned_at)), policy, **shared,
             people={**beside, o.person_id: Role.OFFICER})
        for o in officers if o.state == OfficerState.ASSIGNED
    ]  # fmt: skip


def _awaited(looked: Looked, context: Context) -> dict[int, Role]:
    """Who accepted, is not there, and whose department lacks people on the day."""
    short = departments_short(
        looked.task, looked.officers, looked.present, minimum=context.profile.draw.officers_min
    )
    return {
        o.person_id: Role.OFFICER
        for o in looked.officers
        if o.state == OfficerState.ACCEPTED
        and acts_for(looked.task, o) in short
        and o.person_id not in looked.present
    }


_ROOT = literal("task:") + cast(col(Task.id), String)
_UNCONFIRMED = col(Task.state) == TaskState.APPROVED


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    """Tasks that wait for their libraries without a clock, and clocks of tasks that no longer wait."""
    mine = (col(Deadline.kind) == "libraries", col(Deadline.closed_at).is_(None), col(Deadline.root) == _ROOT)
    waiting = select(Task.id).where(_UNCONFIRMED, ~exists().where(*mine)).limit(limit)
    roots = select(Deadline.root).where(Deadline.kind == "libraries", col(Deadline.closed_at).is_(None))
    running = [int(root.partition(":")[2]) for root in session.exec(roots)]
    over = session.exec(select(Task.id).where(col(Task.id).in_(running), ~_UNCONFIRMED)).all()
    return [task for task in (*session.exec(waiting).all(), *over) if task is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    """Both libraries are to be confirmed before the draw (YL-3.3.b)."""
    policy = policy_of("libraries", context.profile)
    found: dict[str, list[Duty]] = {f"task:{task}": [] for task in ids}
    for task in session.exec(select(Task).where(col(Task.id).in_(ids), _UNCONFIRMED)):
        root = f"task:{task.id}"
        span = Span(china_day(task.created_at))
        found[root].append(Duty("libraries", root, span, policy, task.lead_department_id))
    return found


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    query = select(Task.id).where(_UNCONFIRMED, col(Task.id) > after).order_by(col(Task.id)).limit(limit)
    return [task for task in session.exec(query) if task is not None]


LIBRARIES = Source("task", _stale, _derive, _running)


def stale_visits(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001
    """Visits that changed since their clocks were derived."""
    query = (
        select(Visit.id).where(col(Visit.reminded_on).is_(None)).order_by(col(Visit.id)).limit(limit)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    return [visit for visit in session.exec(query) if visit is not None]


def running_visits(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    """Visits somebody still has something to do about."""
    ended = ("PUBLISHED", "NON_PUBLIC")
    query = select(Visit.id).where(col(Visit.state).not_in(ended), col(Visit.id) > after)
    return [visit for visit in session.exec(query.order_by(col(Visit.id)).limit(limit)) if visit is not None]
