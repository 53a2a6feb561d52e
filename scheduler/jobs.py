"""The fixed ticks. Each asks a query what is due; a double is refused by a unique key, so any process may tick."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.metrics import ticks
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.calendar_years import refresh_calendar
from bot.inspection.deadlines.late import tick_reminders
from bot.inspection.deadlines.self_audit import audit_is_due, run_self_audit
from bot.inspection.deadlines.sources import derive_stale
from bot.inspection.draws import batches
from bot.inspection.duties import SOURCES
from bot.inspection.followups import clues, credit
from bot.inspection.followups import service as followups
from bot.inspection.metrics.bulletins import draft_due
from bot.inspection.metrics.morning import queue_mornings
from bot.inspection.profile import Profile
from bot.inspection.publication import service as publication
from bot.inspection.results import queue
from bot.inspection.tasks.training import remind_absentees
from bot.messaging.budgets import Budgets
from bot.messaging.cards import Cards
from bot.messaging.chase import Chase
from bot.messaging.directories import Directories
from bot.messaging.dispatch import Dispatcher
from bot.messaging.group_posts import GroupPosts
from bot.messaging.listening import Listeners
from bot.messaging.lost import LostEvents
from bot.messaging.quotas import Ledger

Job = Callable[[], Awaitable[int]]
_DERIVED = 200  # rows whose clocks are derived in one transaction


@dataclass(frozen=True, slots=True)
class Ticks:
    """The jobs by name, in the order in which one makes work for the next."""

    db: Database
    clock: Clock
    profile: Profile
    calendar: WorkCalendar
    dispatcher: Dispatcher
    cards: Cards
    ledger: Ledger
    listeners: Listeners
    chase: Chase
    budgets: Budgets
    directories: Directories
    lost: LostEvents
    group_posts: GroupPosts

    def jobs(self) -> dict[str, Job]:
        return {
            "calendar": self._calendar,
            "inbox": self.dispatcher.sweep,
            "cards": self.cards.refresh,
            "listening": self.listeners.look,
            "ledger": lambda: self.ledger.flush(self.db),
            "budgets": self.budgets.look,
            "directories": self.directories.look,
            "lost_events": self.lost.look,
            "unanswered": self.chase.look,
            "review_queues": lambda: self._due(queue.queue_review_cards),
            "credit_warnings": lambda: self._due(credit.warn_of_changes),
            "clues": lambda: self._due(clues.open_received),
            "absentees": lambda: self._due(remind_absentees),
            "batches": lambda: self._due(batches.open_batches),
            "follow_ups": lambda: self._due(followups.open_for_approved),
            "publish": lambda: self._due(publication.publish_approved),
            "bulletins": lambda: self._once(draft_due),
            "group_posts": self.group_posts.look,
            "mornings": lambda: self._once(queue_mornings),
            "self_audit": self._self_audit,
            "clocks": self._derive,
            "reminders": lambda: self._due(tick_reminders, full=1),
        }

    async def run(self, name: str) -> int:
        """One tick of one job; returns how much it found."""
        with ticks.labels(name).time():
            return await self.jobs()[name]()

    async def run_all(self) -> int:
        """Every job once."""
        return sum([await self.run(name) for name in self.jobs()])

    async def _derive(self) -> int:
        """The clocks of everything that changed, slice by slice."""
        return sum(
            [
                await self._due(partial(derive_stale, source=source, limit=_DERIVED), full=_DERIVED)
                for source in SOURCES
            ]
        )

    async def _calendar(self) -> int:
        """Holidays that were imported since, by this process or another."""
        return int(await self.db.read(refresh_calendar, calendar=self.calendar))

    async def _self_audit(self) -> int:
        """Once a night, by whichever process comes first; returns how many gaps it found."""
        if not await self.db.write(audit_is_due, now=self.clock.now()):
            return 0
        found = await asyncio.to_thread(
            run_self_audit,
            self.db,
            SOURCES,
            now=self.clock.now(),
            profile=self.profile,
            calendar=self.calendar,
        )
        return len(found.differences) + len(found.missing) + found.silent

    async def _once(self, service: Callable[..., int]) -> int:
        return await self.db.write(
            service, now=self.clock.now(), profile=self.profile, calendar=self.calendar
        )

    async def _due(self, service: Callable[..., int], *, full: int = 500) -> int:
        """Come again while a batch is full."""
        total = 0
        while True:
            found = await self.db.write(
                service, now=self.clock.now(), profile=self.profile, calendar=self.calendar
            )
            total += found
            if found < full:
                return total
