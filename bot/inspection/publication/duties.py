"""The publicity clock (结果公示期限, C22)."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col

from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import ClockLevel, Role
from bot.inspection.publication.facts import due_of
from bot.inspection.results.service import reviewers_of
from bot.inspection.tasks.duties import Looked
from bot.inspection.tasks.models import Visit, VisitState

WAITING = (VisitState.RECORDED, VisitState.IN_REVIEW, VisitState.APPROVED)


def publicity_duties(session: Session, looked: Looked, context: Context) -> list[Duty]:
    """From the end of the inspection until the result is public; a problem's clock may start with its decision."""
    visit = looked.visit
    if visit.state not in WAITING or visit.ended_on is None:
        return []
    due = due_of(session, visit, profile=context.profile, calendar=context.calendar)
    if due is None:
        return []
    if visit.publish_due is None and context.profile.publicity.level is ClockLevel.TASK:
        _wake_siblings(session, visit)
    visit.publish_due = due.day
    session.add(visit)
    people = {officer.person_id: Role.OFFICER for officer in looked.officers}
    if visit.state == VisitState.IN_REVIEW:
        people |= dict.fromkeys(reviewers_of(session, visit), Role.REVIEWER)
    policy = policy_of("publicity", context.profile, looked.task.policy)
    return [
        Duty("publicity", looked.subject, Span(visit.ended_on, due.day), policy, looked.task.lead_department_id,
             above=looked.above, tag=due.day.isoformat(), generation=visit.generation, people=people)
    ]  # fmt: skip


def _wake_siblings(session: Session, visit: Visit) -> None:
    """The last inspection of the task starts the clock of all of them (D2)."""
    session.execute(
        update(Visit)
        .where(col(Visit.task_id) == visit.task_id, col(Visit.state).in_(WAITING), col(Visit.publish_due).is_(None),
               col(Visit.id) != visit.id)
        .values(reminded_on=None)
    )  # fmt: skip
