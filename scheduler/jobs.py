"""The fixed ticks. Each asks a query what is due; a double is refused by a unique key, so any process may tick."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.metrics import ticks
from bot.inspection.calendar import WorkCalendar
from bot.inspection.followups import service as followups
from bot.inspection.people import certificates
from bot.inspection.profile import Profile
from bot.inspection.publication import service as publication
from bot.inspection.results import service as results
from bot.inspection.tasks import approval
from bot.inspection.tasks import reminders as tasks
from bot.messaging.cards import Cards
from bot.messaging.dispatch import Dispatcher
from bot.messaging.listening import Listeners
from bot.messaging.quotas import Ledger

Job = Callable[[], Awaitable[int]]


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

    def jobs(self) -> dict[str, Job]:
        return {
            "inbox": self.dispatcher.sweep,
            "cards": self.cards.refresh,
            "listening": self.listeners.look,
            "ledger": lambda: self.db.write(self.ledger.write),
            "certificate_warnings": lambda: self._due(certificates.queue_warnings),
            "task_reminders": lambda: self._due(tasks.queue_reminders),
            "approval_reminders": lambda: self._due(approval.queue_approval_reminders),
            "review_reminders": lambda: self._due(results.queue_review_reminders),
            "follow_ups": lambda: self._due(followups.open_for_approved),
            "publish": lambda: self._due(publication.publish_approved),
            "publicity_reminders": lambda: self._due(publication.queue_reminders),
            "correction_reminders": lambda: self._due(followups.queue_reminders),
        }

    async def run(self, name: str) -> int:
        """One tick of one job; returns how much it found."""
        with ticks.labels(name).time():
            return await self.jobs()[name]()

    async def run_all(self) -> int:
        """Every job once."""
        return sum([await self.run(name) for name in self.jobs()])

    async def _due(self, service: Callable[..., int]) -> int:
        """Come again while a batch is full."""
        total = 0
        while True:
            found = await self.db.write(
                service, now=self.clock.now(), profile=self.profile, calendar=self.calendar
            )
            total += found
            if found < 500:  # every service looks at up to 500 rows
                return total
