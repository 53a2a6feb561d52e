"""Record what becomes of a problem, whichever of the ways it is (C23). Chat and the command line call this."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.calendar import Calendar
from bot.inspection.followups.crime import propose
from bot.inspection.followups.models import FollowUp
from bot.inspection.followups.rules import Handling, term_in
from bot.inspection.followups.service import get_follow_up, handle, order
from bot.inspection.profile import Profile


def record_handling(
    session: Session, *, follow_up_id: int, person_id: int, handling: Handling, note: str, now: dt.datetime,
    profile: Profile, calendar: Calendar,
) -> FollowUp:  # fmt: skip
    """An order takes its term from *note*, a suspected crime goes to the head, the rest is recorded as said.

    Raises ``forbidden``, ``text_missing``, ``term_past``, ``wrong_state``.
    """
    if handling is Handling.CRIME:
        propose(session, follow_up_id=follow_up_id, person_id=person_id, note=note, now=now, profile=profile)
        return get_follow_up(session, follow_up_id)
    if handling is Handling.ORDER:
        due = term_in(note, now=now, calendar=calendar)
        return order(session, follow_up_id=follow_up_id, person_id=person_id, text=note, due_on=due, now=now)
    return handle(
        session, follow_up_id=follow_up_id, person_id=person_id, handling=handling, note=note, now=now
    )
