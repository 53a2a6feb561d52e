"""Look at follow-ups: by number, those not closed, and how far a suspected crime is."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.followups.models import FollowUp, FollowUpState, TransferState
from bot.inspection.followups.transfers import NAMES, crime_running


def by_number(session: Session, number: str) -> FollowUp:
    """Raises ``not_found``."""
    found = session.exec(select(FollowUp).where(FollowUp.number == number.strip())).first()
    if found is None:
        raise Problem("not_found", "没有这项后续处置。", 编号=number)
    return found


def open_ones(session: Session, *, limit: int) -> list[FollowUp]:
    """The first *limit* of those not closed; what is due first comes first."""
    query = select(FollowUp).where(FollowUp.state != FollowUpState.CLOSED)
    first = query.order_by(col(FollowUp.due_on).is_(None), col(FollowUp.due_on), col(FollowUp.id))
    return list(session.exec(first.limit(limit)))


def crime_words(session: Session, found: FollowUp) -> str:
    """What a suspected crime waits for, which comes before any other handling; empty when there is none."""
    running = crime_running(session, found)
    return f"涉嫌犯罪，{NAMES[TransferState(running.state)]}" if running else ""
