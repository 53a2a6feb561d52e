"""Notice that nothing can come in any more from a chat service, and tell the administrators by the ways left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.clock import Clock, china
from bot.core.db import Database
from bot.core.log import log
from bot.inspection.people.alarms import tell_administrators

_ADVICE = "发出消息仍然照常。请检查服务器网络、应用凭证和平台公告；恢复后会自动接上，不需要重启。"


@dataclass(frozen=True, slots=True)
class Listener:
    """One socket (or several) of a platform: since when none stands, and for how long that is normal."""

    platform: str
    label: str  # zh-CN
    deaf_since: Callable[[], dt.datetime | None]
    patience: dt.timedelta


class Listeners:
    """What ``suicha serve`` listens with, looked at by a tick. One alarm for each silence."""

    def __init__(self, db: Database, clock: Clock, listeners: dict[str, Listener]) -> None:
        self._db = db
        self._clock = clock
        self._listeners = listeners

    async def look(self) -> int:
        """Returns how many people are told."""
        now, told = self._clock.now(), 0
        for one in self._listeners.values():
            since = one.deaf_since()
            if since is None or now - since < one.patience:
                continue
            log.error("platform_silent", platform=one.platform, since=since.isoformat())
            told += await self._db.write(
                tell_administrators,
                platform=one.platform,
                slot=f"deaf:{since.isoformat()}",
                text=f"{one.label}已中断，从 {china(since):%m月%d日 %H:%M} 起收不到消息。",
                advice=_ADVICE,
                now=now,
            )
        return told
