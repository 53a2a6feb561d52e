"""A result was corrected: what was no problem after all is ended, what became one gets its follow-up (C21, C23)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, String, and_, cast, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from bot.inspection.followups.models import FollowUp, FollowUpState, Transfer
from bot.inspection.followups.moving import move
from bot.inspection.followups.rules import CORRECTED, PROBLEMS
from bot.inspection.followups.telling import tell_lifted
from bot.inspection.followups.transfers import CRIME_RUNS
from bot.inspection.results.models import ItemResult
from bot.inspection.tasks.models import Visit

S = FollowUpState
_UNDECIDED = (S.OPEN, S.ORDERED, S.RECHECK_DUE)  # the handler ends a case, a transfer and a crime


def end_corrected(session: Session, *, now: dt.datetime, limit: int = 500) -> int:
    """End up to *limit* follow-ups whose finding was taken back; who was ordered to correct something is told."""
    crime = exists().where(col(Transfer.follow_up_id) == col(FollowUp.id), CRIME_RUNS)
    mine = and_(ItemResult.visit_id == FollowUp.visit_id, ItemResult.item_id == FollowUp.item_id)  # type: ignore[arg-type]
    query = (
        select(FollowUp, ItemResult.at)
        .join(ItemResult, mine)
        .where(col(FollowUp.state).in_(_UNDECIDED), _corrected(problem=False), ~crime)
        .order_by(col(FollowUp.id))
        .limit(limit)
        .with_for_update(skip_locked=True, of=FollowUp)
    )
    rows = session.exec(query).all()
    for found, corrected_at in rows:
        ordered = found.state != S.OPEN
        found.closing_note, found.closed_at = CORRECTED, corrected_at
        found.handled_at = found.handled_at or corrected_at
        move(session, found, S.CLOSED, now=now, actor=None)
        if ordered:
            tell_lifted(session, found, now=now)
    return len(rows)


def newly_found() -> ColumnElement[bool]:
    """Of a visit: a correction made an item a problem that has no follow-up, or only one ended by a correction."""
    handled = exists().where(
        col(FollowUp.visit_id) == col(ItemResult.visit_id),
        col(FollowUp.item_id) == col(ItemResult.item_id),
        col(FollowUp.closing_note) != CORRECTED,
    )
    return exists().where(col(ItemResult.visit_id) == col(Visit.id), _corrected(problem=True), ~handled)


def _corrected(*, problem: bool) -> ColumnElement[bool]:
    """The standing result of an item, a later version than the first, is a *problem* or is none."""
    later = aliased(ItemResult)
    newest = ~exists().where(
        col(later.visit_id) == col(ItemResult.visit_id),
        col(later.item_id) == col(ItemResult.item_id),
        col(later.version) > col(ItemResult.version),
    )
    codes = cast(col(ItemResult.codes), String)
    bad = or_(*(codes.contains(f'"{code}"') for code in PROBLEMS))
    return and_(col(ItemResult.version) > 1, newest, bad if problem else ~bad)
