"""The clock of a clue: somebody answers within hours, or those above hear of it (YL-3.7.a, escalation)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import String, cast, exists, literal
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.deadlines.models import Deadline
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.followups.models import Clue
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.models import OfficerState, Task, Visit, VisitState
from bot.inspection.tasks.queries import live_officers

_KIND = "clue"
_ROOT = literal("clue:") + cast(col(Clue.id), String)
_UNANSWERED = (col(Visit.task_id) == col(Clue.task_id), col(Visit.state) == VisitState.ASSIGNED)


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    """Clues nobody has answered and that have no clock, and clocks of clues that are answered."""
    running = (col(Deadline.kind) == _KIND, col(Deadline.closed_at).is_(None))
    unclocked = select(Clue.id).join(Visit, col(Visit.task_id) == Clue.task_id)
    unclocked = unclocked.where(
        Visit.state == VisitState.ASSIGNED, ~exists().where(*running, col(Deadline.root) == _ROOT)
    )
    roots = [int(root.partition(":")[2]) for root in session.exec(select(Deadline.root).where(*running))]
    answered = select(Clue.id).where(col(Clue.id).in_(roots), ~exists().where(*_UNANSWERED))
    return [c for q in (unclocked.limit(limit), answered) for c in session.exec(q) if c is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    policy = policy_of(_KIND, context.profile)
    duties: dict[str, list[Duty]] = {f"clue:{clue}": [] for clue in ids}
    query = (
        select(Clue.id, Clue.department_id, Visit.id, Task.dispatched_at)
        .join(Visit, col(Visit.task_id) == Clue.task_id)
        .join(Task, col(Task.id) == Clue.task_id)
        .where(col(Clue.id).in_(ids), Visit.state == VisitState.ASSIGNED)
    )
    for clue, department, visit, sent in session.exec(query):
        due = sent + dt.timedelta(hours=context.profile.clue.accept_hours) if sent else context.now
        silent = {
            o.person_id: Role.OFFICER
            for o in live_officers(session, visit or 0)
            if o.state == OfficerState.ASSIGNED
        }
        duties[f"clue:{clue}"].append(
            Duty(_KIND, f"clue:{clue}", Span(china_day(due), due_at=due), policy, department, about=f"visit:{visit}",
                 above=f"clue:{clue}", people=silent)
        )  # fmt: skip
    return duties


def _running(session: Session, context: Context, after: int, limit: int) -> Ids:  # noqa: ARG001
    query = select(Clue.id).where(col(Clue.id) > after, exists().where(*_UNANSWERED))
    return [clue for clue in session.exec(query.order_by(col(Clue.id)).limit(limit)) if clue is not None]


SOURCE = Source("clue", _stale, _derive, _running)
