"""Journey 2: claim what is due, say what is true now, send, and store every outcome.

Five numbered steps: 1 claim (a lease) · 2 compose (what, to which account, or why not) · 3 begin (each attempt is
noted) · 4 send · 5 settle. No transaction is open over the network, and only 1, 3 and 5 write. What a killed
process left is claimed again when its lease runs out. Several batches are under way at once. A batch is about half
a second's work and leaves in slices: only a slice is in doubt after a kill, and settling it begins the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
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
from bot.messaging.compose import Composer, Job
from bot.messaging.hours import is_quiet, quiet_ends
from bot.messaging.outbox import Begun
from bot.messaging.outcomes import Outcome, put_back
from bot.messaging.quotas import Ledger, Spends, add
from bot.messaging.render import Renderer
from bot.messaging.sending import Sender, slices
from bot.messaging.unreached import NO_ANSWER, tell_leads
from bot.platforms.base import Platform
from bot.platforms.shared import Budget

_LANES = 3  # batches under way at once: one is composed while others wait for the network
_MOST = 512  # notices in a batch: more would keep the writer from what people press
_WORK = 0.5  # seconds of it in a batch: what is urgent, and other processes, wait no longer for a lane
_FRESH = dt.timedelta(
    seconds=5
)  # after which what was composed is not begun any more: it may have become untrue
_SETTLE = (
    0.0,
    0.5,
    2.0,
    5.0,
    10.0,
    20.0,
)  # seconds; what was sent must not be forgotten for a locked database


def batch_after(done: int, seconds: float) -> int:
    """How many to claim next, when so many took so long: about half a second's work."""
    return min(max(round(done * _WORK / max(seconds, 0.001)), outbox.BATCH), _MOST)


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
        self._size = outbox.BATCH
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
        return outbox.claim(
            session, worker=self.worker, now=now, quiet=quiet, limit=self._size, metered=metered
        )

    def _metered(self) -> list[str]:
        """Platforms whose calls an organisation's edition counts."""
        return [
            name
            for name, platform in self.composer.platforms.items()
            if Budget.CALLS in dict(platform.capabilities.budgets)
        ]

    async def _carry(self, claimed: Sequence[int]) -> None:
        now, began = self.clock.now(), self._loop.time()
        made = await self.db.read(self.composer.compose, claimed, now=now)
        ended, kept = made.ended, list[list[Job]]()
        waiting = slices(self.sender.groups(made.jobs))
        while waiting and self.clock.now() < now + _FRESH:
            groups, resting = self._sorted_out(waiting.popleft())
            kept += resting
            if groups:
                await self._begin([job.begun for group in groups for job in group], ended, now=now)
                ended = await self.sender.send(groups, self.composer.limits)
        kept += itertools.chain.from_iterable(waiting)
        await self._settle(
            [*ended, *(put_back(job.begun.notice_id, now=now) for group in kept for job in group)]
        )
        self._size = batch_after(len(claimed), self._loop.time() - began)

    def _sorted_out(self, groups: Sequence[list[Job]]) -> tuple[list[list[Job]], list[list[Job]]]:
        """Calls that may go out, and those to a platform that has come to rest since they were composed."""
        now = self.clock.now()
        resting = {name for name, (until, _) in self.composer.resting.items() if until > now}
        out: tuple[list[list[Job]], list[list[Job]]] = ([], [])
        for group in groups:
            out[group[0].begun.platform in resting].append(group)
        return out

    async def _begin(self, begun: Sequence[Begun], ended: Sequence[Outcome], *, now: dt.datetime) -> None:
        """Note a slice before it leaves, in the transaction that stores how the one before ended; where that fails,
        what was sent is stored first, and with more patience."""
        try:
            await self._store(ended, begun, composed=now)
        except DBAPIError:
            if not ended:
                raise
            await self._settle(ended)
            await self._store((), begun, composed=now)

    async def _settle(self, ended: Sequence[Outcome]) -> None:
        for pause in _SETTLE:
            await asyncio.sleep(pause)
            try:
                await self._store(ended)
            except DBAPIError:  # locked, full, restarted
                log.exception("settle_failed", notices=len(ended))
            else:
                return

    async def _store(
        self, ended: Sequence[Outcome], begun: Sequence[Begun] = (), *, composed: dt.datetime | None = None
    ) -> None:
        now = self.clock.now()

        def steps(session: Session, spent: Spends) -> None:
            outbox.begin(session, begun, now=composed or now)
            add(session, spent)
            if ended:  # at the end: it locks the end of the audit chain, which every process writes
                self._step5(session, ended, now=now)

        with self.ledger.taken() as spent:
            await self.db.write(steps, spent)

    def _step5(self, session: Session, ended: Sequence[Outcome], *, now: dt.datetime) -> None:
        outcomes.settle(session, ended, worker=self.worker, now=now)
        lost = [o.notice_id for o in ended if o.state is NoticeState.FAILED or o.detail == NO_ANSWER]
        tell_leads(session, lost, now=now)
        for platform, (until, why) in self.composer.resting.items():
            if until > now and any(o.platform == platform for o in ended):
                tell_administrators(session, platform=platform, slot=f"rest:{china_day(now)}", now=now,
                                    text=f"暂停向这个平台发送，{china(until):%m月%d日 %H:%M} 再试。",
                                    advice=why or "见 suicha doctor。")  # fmt: skip
