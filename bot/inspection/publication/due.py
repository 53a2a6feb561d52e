"""Which visits may be published now, and which public records are no longer the newest truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, literal, or_
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.followups.models import FollowUp
from bot.inspection.followups.rules import PENDING_UNTIL_HANDLED, PROBLEMS
from bot.inspection.notices.models import Notice
from bot.inspection.profile import Profile
from bot.inspection.profile.terms import ClockStart
from bot.inspection.publication.models import Publication, Withholding
from bot.inspection.tasks.models import Task, Visit, VisitState


def ready_to_publish(session: Session, *, now: dt.datetime, profile: Profile, limit: int) -> Sequence[Visit]:
    """Approved visits, oldest first, but those blocked today and those somebody asks not to publish.

    Where the clock of a problem starts with its handling, a problem waits until every follow-up of the visit
    has a recorded handling (SC-4.3.1.c).
    """
    query = (
        select(Visit)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(
            Visit.state == VisitState.APPROVED, col(Task.plan_line_id).is_not(None), ~_blocked(col(Visit.id), now),
            ~_withheld(col(Visit.id)),
        )
    )  # fmt: skip
    if profile.publicity.start_problem is ClockStart.HANDLING_DECIDED:
        mine = col(FollowUp.visit_id) == col(Visit.id)
        handled = and_(
            exists().where(mine),
            ~exists().where(mine, col(FollowUp.handled_at).is_(None)),
        )
        query = query.where(or_(col(Visit.outcome).not_in([code.value for code in PROBLEMS]), handled))
    return session.exec(
        query.order_by(col(Visit.id)).limit(limit).with_for_update(skip_locked=True, of=Visit)
    ).all()


def ready_to_keep_back(session: Session, *, limit: int) -> Sequence[Visit]:
    """Approved visits of clues: what they found is handled by law, it is no result of a random inspection."""
    query = (
        select(Visit)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(Visit.state == VisitState.APPROVED, col(Task.plan_line_id).is_(None))
    )
    return session.exec(
        query.order_by(col(Visit.id)).limit(limit).with_for_update(skip_locked=True, of=Visit)
    ).all()


def ready_to_update(
    session: Session, *, now: dt.datetime, profile: Profile, limit: int
) -> Sequence[Publication]:
    """Newest versions that a handling or a closure has overtaken."""
    later = Publication.__table__.alias("later")  # type: ignore[attr-defined]
    newest = ~exists().where(
        later.c.visit_id == col(Publication.visit_id), later.c.version > col(Publication.version)
    )
    since = col(FollowUp.handled_at) > col(Publication.published_at)
    if profile.publicity.publish_handling:
        since = or_(since, col(FollowUp.closed_at) > col(Publication.published_at))
    else:
        since = and_(
            since, or_(*(col(FollowUp.codes).contains(code.value) for code in PENDING_UNTIL_HANDLED))
        )
    query = select(Publication).where(
        newest,
        col(Publication.withdrawn).is_(False),
        ~_blocked(col(Publication.visit_id), now),
        ~_withheld(col(Publication.visit_id)),
        exists().where(col(FollowUp.visit_id) == col(Publication.visit_id), since),
    )
    return session.exec(query.order_by(col(Publication.id)).limit(limit)).all()


def _withheld(visit_id: Any) -> ColumnElement[bool]:
    """Somebody asked for 不予公示 or 撤回, nobody has decided."""
    return exists().where(col(Withholding.visit_id) == visit_id, col(Withholding.decided_at).is_(None))


def _blocked(visit_id: Any, now: dt.datetime) -> ColumnElement[bool]:
    """Refused by the guard today: tried again tomorrow, or when a coordinator presses."""
    return exists().where(
        col(Notice.kind) == "publication_blocked",
        col(Notice.subject) == literal("visit:") + cast(visit_id, String),
        col(Notice.slot) == china_day(now).isoformat(),
    )
