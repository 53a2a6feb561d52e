"""The clock of a clue: somebody answers within hours, or those above hear of it (YL-3.7.a, escalation)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, select

from bot.core.clock import china_day
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context
from bot.inspection.followups.models import Clue
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.tasks.duties import Looked
from bot.inspection.tasks.models import OfficerState, VisitState

_KIND = "clue"


def clue_duties(session: Session, looked: Looked, context: Context) -> list[Duty]:
    """Until every officer has answered; counted by the hour from the moment they were sent."""
    task, visit = looked.task, looked.visit
    if task.plan_line_id is not None or visit.state != VisitState.ASSIGNED or task.dispatched_at is None:
        return []
    clue = session.exec(select(Clue).where(Clue.task_id == task.id)).one()
    asked = [o for o in looked.officers if o.state == OfficerState.ASSIGNED]
    sent = min((o.assigned_at for o in asked), default=task.dispatched_at)
    due = sent + dt.timedelta(hours=context.profile.clue.accept_hours)
    silent = {o.person_id: Role.OFFICER for o in asked}
    return [
        Duty(_KIND, f"clue:{clue.id}", Span(china_day(due), due_at=due), policy_of(_KIND, context.profile),
             clue.department_id, about=looked.subject, above=f"clue:{clue.id}", people=silent)
    ]  # fmt: skip
