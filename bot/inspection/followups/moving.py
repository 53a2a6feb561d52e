"""The one place where a follow-up changes its state."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.audit.service import record
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import NAMES, check_move
from bot.inspection.followups.telling import REMINDERS, subject_of
from bot.inspection.notices.service import supersede
from bot.inspection.tasks.models import Visit


def move(
    session: Session, found: FollowUp, to: FollowUpState, *, now: dt.datetime, actor: int | None
) -> None:
    """Change the state and everything that was told about it. Raises ``wrong_state``."""
    if found.state != to:
        check_move(found.state, to)
    found.state = to
    found.generation += 1
    found.reminded_on = None
    session.add(found)
    visit = session.get_one(Visit, found.visit_id)
    visit.reminded_on = None  # its publicity clock may start with the decision
    session.add(visit)
    record(session, f"followup.{to.lower()}", subject_of(found), now=now, actor=actor)
    supersede(session, subject_of(found), kinds=REMINDERS, reason=NAMES[to], now=now)
