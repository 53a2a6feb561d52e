"""Read the directories that are due and bring them into the people library. One per process, looked at by a tick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from bot.core.clock import Clock
from bot.core.db import Database
from bot.inspection.people.directory import Entry
from bot.inspection.people.reconciling import Due, claim_due, reconcile, unread
from bot.inspection.people.units import Place
from bot.platforms.base import Platform, PlatformError
from bot.platforms.directory import Directory, Member, Unit

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Directories:
    """No transaction is open while a directory is read."""

    db: Database
    clock: Clock
    platforms: Mapping[str, Platform]

    async def look(self) -> int:
        """Returns how many changes were made."""
        names = [name for name, one in self.platforms.items() if isinstance(one, Directory)]
        due = await self.db.write(claim_due, platforms=names, now=self.clock.now())
        return sum([await self._read(one) for one in due])

    async def _read(self, due: Due) -> int:
        platform = self.platforms[due.platform]
        assert isinstance(platform, Directory)
        try:
            places = [place_of(unit) for unit in await platform.units()]
            entries = [entry_of(member) for member in await platform.members()] if due.whole else []
        except PlatformError as error:
            log.warning("directory_unread", platform=due.platform, code=error.code)
            now = self.clock.now()
            await self.db.write(unread, due, code=error.code, advice=error.advice, now=now)
            return 0
        now = self.clock.now()
        return await self.db.write(reconcile, due, places=places, entries=entries, now=now)


def place_of(unit: Unit) -> Place:
    """A department of a service's directory as the people library compares them."""
    return Place(unit.unit_id, unit.name, unit.parent_id)


def entry_of(member: Member) -> Entry:
    """A member of a service's directory as the people library compares them."""
    main = member.units[0] if member.units else Unit("", "")
    return Entry(member.user_id, member.name, member.mobile, main.name, main.unit_id)
