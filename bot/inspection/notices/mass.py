"""Many notices by one person's act wait a little, and that person may stop them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.core.clock import china
from bot.inspection.notices.message import Ask, Content, Kind, Told
from bot.inspection.notices.models import MassTelling, NoticeState, Priority
from bot.inspection.notices.service import enqueue

MASS_FROM = 50  # notices; fewer are nobody's great mistake
UNDO = dt.timedelta(seconds=90)
HELD = "发起人可撤回"


def hold_mass(
    session: Session, rows: list[dict[str, Any]], *, caused_by: int | None, what: str, now: dt.datetime
) -> MassTelling | None:
    """Hold *rows* (of ``service.row``, not yet promised) for ``UNDO`` and give *caused_by* a card with a stop
    button. None where they are few or nobody in particular caused them."""
    if caused_by is None or len(rows) < MASS_FROM:
        return None
    mass = MassTelling(
        caused_by=caused_by, what=what, notices=len(rows), leaves_at=now + UNDO, created_at=now
    )
    session.add(mass)
    session.flush()
    for one in rows:
        one |= {
            "mass_id": mass.id, "state": NoticeState.HELD, "detail": HELD,
            "not_before": max(one["not_before"], mass.leaves_at),
        }  # fmt: skip
    enqueue(
        session, "mass_telling", f"mass:{mass.id}", recipient_id=caused_by, now=now, priority=Priority.URGENT,
        statutory=True, expires_at=mass.leaves_at,
    )  # fmt: skip
    return mass


def mass_telling(session: Session, notice: Told, now: dt.datetime) -> Content:
    """Until when it can be stopped; whether it was."""
    mass = session.get_one(MassTelling, int(notice.subject.partition(":")[2]))
    values = {
        "count": mass.notices, "what": mass.what, "leaves": f"{china(mass.leaves_at):%H:%M:%S}",
        "stopped": mass.stopped_at is not None,
    }  # fmt: skip
    if mass.stopped_at is not None:
        return Content(values, asks=(Ask("仍要发送", "resume_mass"),))
    if now >= mass.leaves_at:
        return Content(values, closed="已发出")
    return Content(values, asks=(Ask("停止发送", "stop_mass", "danger"),))


_SAMPLE = {"count": 231, "what": "检查任务", "leaves": "09:31:30", "stopped": False}
KINDS = (
    Kind(
        "mass_telling",
        mass_telling,
        Content(_SAMPLE, asks=(Ask("停止发送", "stop_mass", "danger"),)),
        card=True,
    ),
)
