"""Journey 2: claim what is due, say what is true now, send, and store every outcome.

Five numbered steps: 1 claim (a lease) · 2 compose (what, to which account, or why not) · 3 begin (each attempt is
noted) · 4 send · 5 settle. No transaction is open over the network, and only 1, 3 and 5 write. What a killed
process left is claimed again when its lease runs out. Several batches are under way at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from bot.core.clock import Clock, china, china_day
from bot.core.db import Database
from bot.core.ids import new_id
from bot.core.log import log
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.message import Kind
from bot.inspection.notices.models import NoticeState
from bot.inspection.people.alarms import tell_administrators
from bot.inspection.profile import Profile
from bot.messaging import calm, outbox, outcomes
from bot.messaging.compose import Composer
from bot.messaging.hours import is_quiet, quiet_ends
from bot.messaging.outcomes import Outcome
from bot.messaging.quotas import Ledger, Spends, add
from bot.messaging.render import Renderer
from bot.messaging.sending import Sender
from bot.messaging.unreached import NO_ANSWER, tell_leads
from bot.platforms.base import Platform
from bot.platforms.shared import Budget

_LANES = 3  # batches under way at once: one is composed while others wait for the network
_SETTLE = (
    0.0,
    0.5,
    2.0,
    5.0,
    10.0,
    20.0,
)  # seconds; what was sent must not be forgotten for a locked database


class Delivery:
    """One per process. ``run`` works until it is cancelled; ``wake`` makes it look at once."""

    def __init__(
        self, db: Database, clock: Clock, *, platforms: Mapping[str, Platform], kinds: Mapping[str, Kind],
        renderer: Renderer, profile: Profile, calendar: WorkCalendar, prefer: str, poll: float = 2.0,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.profile, self.calendar = db, clock, profile, calendar
        self.worker = new_id()
        self.ledger = Ledger(clock)
        self.composer = Composer(platforms=platforms, kinds=kinds, renderer=renderer, prefer=prefer)
        self.sender = Sender(clock, platforms=platforms, resting=self.composer.resting)
        self._poll = poll
        self._look_again = clock.now()  # when it is time again for what has become useless and what can merge
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._lanes = asyncio.Semaphore(_LANES)
        self._under_way: set[asyncio.Task[None]] = set()
        db.after_commit.append(self.wake)

    def wake(self) -> None:
        """Look for work now; may be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be woken
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Deliver until cancelled; what was claimed is finished first."""
        while True:
            self._wake.clear()
            self._look_again = self.clock.now()
            try:
                while await asyncio.shield(self._next_batch()):
                    pass
            except Exception:  # noqa: BLE001 - logged, and the work goes on
                log.exception("delivery_failed")
                await asyncio.sleep(self._poll)
            with contextlib.suppress(
                TimeoutError
            ):  # wait_for() can lose a cancellation that comes with a wake-up
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()

    async def finish(self) -> None:
        """Wait for batches that are still on their way."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def run_once(self) -> int:
        """Claim and send one batch; returns how many notices were claimed."""
        self._look_again = self.clock.now()
        claimed = await self._claim()
        if claimed:
            await self._carry(claimed)
        return len(claimed)

    async def _next_batch(self) -> int:
        """Claim one batch and send it beside those under way; waits while all lanes are taken."""
        await self._lanes.acquire()
        try:
            claimed = await self._claim()
        except BaseException:
            self._lanes.release()
            raise
        if not claimed:
            self._lanes.release()
            return 0
        task = asyncio.create_task(self._in_lane(claimed), name="delivery:batch")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return len(claimed)

    async def _in_lane(self, claimed: Sequence[int]) -> None:
        try:
            await self._carry(claimed)
        except Exception:  # noqa: BLE001 - the rows are leased, not lost
            log.exception("delivery_failed")
        finally:
            self._lanes.release()
            self._wake.set()

    # -- the steps ----------------------------------------------------------------------------------------

    async def _claim(self) -> list[int]:
        return await self.db.write(self._step1, now=self.clock.now())

    def _step1(self, session: Session, *, now: dt.datetime) -> list[int]:
        quiet = is_quiet(self.profile, self.calendar, now=now)
        metered = self._metered()
        if quiet:
            outbox.hold(session, now=now, until=quiet_ends(self.profile, self.calendar, now=now))
        if now >= self._look_again:
            outbox.expire(session, now=now, metered=metered)
            if not quiet:
                calm.merge(session, now=now, most=calm.MOST_WHEN_LOW if self.composer.low else calm.MOST)
            self._look_again = now + dt.timedelta(seconds=self._poll)
        return outbox.claim(session, worker=self.worker, now=now, quiet=quiet, metered=metered)

    def _metered(self) -> list[str]:
        """Platforms whose calls an organisation's edition counts."""
        return [
            name
            for name, platform in self.composer.platforms.items()
            if Budget.CALLS in dict(platform.capabilities.budgets)
        ]

    async def _carry(self, claimed: Sequence[int]) -> None:
        now = self.clock.now()
        made = await self.db.read(self.composer.compose, claimed, now=now)
        groups = self.sender.groups(made.jobs)
        if groups:
            begun = [job.begun for group in groups for job in group]
            await self.db.write(outbox.begin, begun, now=now)
        ended = made.ended + await self.sender.send(groups, self.composer.limits)
        await self._settle(ended)

    async def _settle(self, ended: Sequence[Outcome]) -> None:
        spent = self.ledger.take()
        for pause in _SETTLE:
            await asyncio.sleep(pause)
            try:
                await self.db.write(self._step5, ended, spent, now=self.clock.now())
            except DBAPIError:  # locked, full, restarted
                log.exception("settle_failed", notices=len(ended))
            else:
                return
        self.ledger.give_back(spent)

    def _step5(self, session: Session, ended: Sequence[Outcome], spent: Spends, *, now: dt.datetime) -> None:
        outcomes.settle(session, ended, worker=self.worker, now=now)
        add(session, spent)
        lost = [o.notice_id for o in ended if o.state is NoticeState.FAILED or o.detail == NO_ANSWER]
        tell_leads(session, lost, now=now)
        for platform, (until, why) in self.composer.resting.items():
            if until > now and any(o.platform == platform for o in ended):
                tell_administrators(session, platform=platform, slot=f"rest:{china_day(now)}", now=now,
                                    text=f"暂停向这个平台发送，{china(until):%m月%d日 %H:%M} 再试。",
                                    advice=why or "见 suicha doctor。")  # fmt: skip
