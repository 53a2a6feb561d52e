"""Stop a mass telling while it still waits, or send it after all."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update
from sqlmodel import Session, col

from bot.core.errors import Problem
from bot.core.writers import WAKE
from bot.inspection.audit.service import record
from bot.inspection.notices.mass import HELD
from bot.inspection.notices.models import MassTelling, Notice, NoticeState
from bot.inspection.notices.service import touch_cards

_STOPPED = "发起人停止发送"


def stop_mass(session: Session, *, mass_id: int, by: int, now: dt.datetime) -> int:
    """Withdraw what has not left. Raise ``Problem`` unless *by* caused it and it still waits."""
    mass = _mine(session, mass_id, by)
    if mass.stopped_at is not None:
        return 0
    if now >= mass.leaves_at:
        raise Problem("too_late", "已经发出，不能停止了。")
    mass.stopped_at = now
    return _move(session, mass, NoticeState.HELD, NoticeState.WITHDRAWN, _STOPPED, now=now)


def resume_mass(session: Session, *, mass_id: int, by: int, now: dt.datetime) -> int:
    """Send after all what was stopped, at once."""
    mass = _mine(session, mass_id, by)
    if mass.stopped_at is None:
        return 0
    mass.stopped_at, mass.leaves_at = None, now
    session.info[WAKE] = True
    return _move(session, mass, NoticeState.WITHDRAWN, NoticeState.QUEUED, "", now=now)


def _mine(session: Session, mass_id: int, by: int) -> MassTelling:
    mass = session.get(MassTelling, mass_id, with_for_update=True)
    if mass is None or mass.caused_by != by:
        raise Problem("forbidden", "只有发起人可以停止这次发送。")
    return mass


def _move(
    session: Session, mass: MassTelling, old: NoticeState, new: NoticeState, detail: str, *, now: dt.datetime
) -> int:
    session.add(mass)
    ended = now if new is NoticeState.WITHDRAWN else None
    result = session.execute(
        update(Notice)
        .where(
            col(Notice.mass_id) == mass.id,
            col(Notice.state) == old,
            col(Notice.detail).in_((HELD, _STOPPED)),
        )
        .values(state=new, detail=detail, done_at=ended)
    )
    many = int(result.rowcount)  # type: ignore[attr-defined]
    touch_cards(session, f"mass:{mass.id}", now=now)
    action = "mass.stopped" if ended else "mass.resumed"
    record(session, action, f"mass:{mass.id}", now=now, actor=mass.caused_by, notices=many)
    return many
