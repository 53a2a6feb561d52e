"""The reviewer's clock (C21)."""

from __future__ import annotations

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from bot.inspection.results.service import reviewers_of
from bot.inspection.tasks.duties import Looked
from bot.inspection.tasks.models import VisitState


def review_duties(session: Session, looked: Looked, context: Context) -> list[Duty]:
    """A result that was handed in waits for the reviewers who were asked."""
    visit = looked.visit
    if visit.state != VisitState.IN_REVIEW or visit.submitted_at is None:
        return []
    policy = policy_of("review", context.profile, looked.task.policy)
    people = dict.fromkeys(reviewers_of(session, visit), Role.REVIEWER)
    return [
        Duty("review", looked.subject, Span(china_day(visit.submitted_at)), policy, looked.task.lead_department_id,
             above=looked.above, tag=str(visit.generation), generation=visit.generation, people=people)
    ]  # fmt: skip
