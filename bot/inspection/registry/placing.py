"""Somebody says where one object is; the sheets of the library say it for many."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.coordinates import Point
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.registry.models import InspectionObject
from bot.inspection.registry.places import place_of


def place_object(
    session: Session, *, object_id: int, place: Point | None, now: dt.datetime, actor: int | None = None
) -> bool:
    """Set or take away the registered place of one object; False when it was so before. Raises ``not_found``."""
    target = session.get(InspectionObject, object_id, with_for_update=True)
    if target is None:
        raise Problem("not_found", "没有找到这个检查对象。")
    before = place_of(target)
    if before == place:
        return False
    target.latitude, target.longitude = place or (None, None)
    target.updated_at = now
    session.add(target)
    record(
        session, "object.placed", f"object:{object_id}", now=now, actor=actor,
        before=list(before or ()), place=list(place or ()),
    )  # fmt: skip
    return True
