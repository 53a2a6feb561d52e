"""Fetch the events that a platform tried in vain to deliver: once after a start, then every hour, by one process.

Each question is a call of the organisation's monthly budget, so it is not asked more often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import structlog
from sqlmodel import Session

from bot.core.clock import Clock
from bot.core.db import Database
from bot.inspection.deadlines.models import Heartbeat, first_beat
from bot.messaging.dispatch import Dispatcher
from bot.platforms.base import InboundEvent, Platform, PlatformError

log = structlog.get_logger(__name__)
EVERY = dt.timedelta(hours=1)


@runtime_checkable
class KeepsLost(Protocol):
    """A platform that keeps what it could not deliver."""

    @property
    def keeps_lost(self) -> bool: ...

    async def lost(self) -> list[InboundEvent]: ...


@dataclass(frozen=True, slots=True)
class LostEvents:
    """One per process, looked at by a tick. An event that was stored before is stored no second time."""

    db: Database
    clock: Clock
    platforms: Mapping[str, Platform]
    dispatcher: Dispatcher

    async def look(self) -> int:
        """Returns how many were new."""
        new = 0
        for name, platform in self.platforms.items():
            if not isinstance(platform, KeepsLost) or not platform.keeps_lost:
                continue
            if not await self.db.write(_is_due, name=f"lost:{name}", now=self.clock.now()):
                continue
            try:
                events = await platform.lost()
            except PlatformError as error:  # asked again in an hour
                log.warning("lost_events_unread", platform=name, code=error.code)
                continue
            new += sum([await self.dispatcher.take(event) for event in events])
        return new


def _is_due(session: Session, *, name: str, now: dt.datetime) -> bool:
    """The process that marks the hour asks."""
    beat = session.get(Heartbeat, name, with_for_update=True)
    if beat is None:
        first_beat(session, name, now=now)
        return True
    if now - beat.at < EVERY:
        return False
    beat.at = now
    session.add(beat)
    return True
