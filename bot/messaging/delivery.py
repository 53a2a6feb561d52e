"""Journey 2: claim what is due, say what is true now, send, and store every outcome.

No transaction is open over the network. What a killed process left is claimed again when its lease runs out.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.ids import new_id
from bot.core.log import log
from bot.core.metrics import sends
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.message import Content, Kind, Skip
from bot.inspection.notices.models import Notice, NoticeState
from bot.inspection.profile import Profile
from bot.messaging import outbox
from bot.messaging.hours import is_quiet
from bot.messaging.outbox import Earlier, Outcome
from bot.messaging.people import addresses, why_unreachable
from bot.messaging.quotas import limits_set
from bot.messaging.render import Renderer, digest
from bot.messaging.throttle import Throttle, limits_of
from bot.platforms.base import (
    ErrorClass,
    InboundEvent,
    InboundKind,
    OutboundMessage,
    Platform,
    PlatformError,
    Scope,
    Sent,
)

_PARALLEL = 64  # requests under way at once
_BACKOFF = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # seconds; the notice's own expiry ends it
_CHANNEL_PAUSE = 600.0
NO_ADDRESS = "没有可用的聊天账号"
BROKE = "程序错误"


@dataclass(frozen=True, slots=True)
class Job:
    """One message on its way to one account."""

    notice: Notice
    attempt: int
    platform: str
    user_id: str
    message: OutboundMessage


class Delivery:
    """One per process. ``run`` works until it is cancelled; ``wake`` makes it look at once."""

    def __init__(
        self, db: Database, clock: Clock, *, platforms: Mapping[str, Platform], kinds: Mapping[str, Kind],
        renderer: Renderer, profile: Profile, calendar: WorkCalendar, prefer: str, poll: float = 2.0,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.platforms, self.kinds = db, clock, platforms, kinds
        self.renderer, self.profile, self.calendar, self.prefer = renderer, profile, calendar, prefer
        self.worker = new_id()
        self._poll = poll
        self._throttle = Throttle()
        self._limits: dict[str, dict[tuple[str, int], int]] = {}
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._busy = asyncio.Lock()
        db.after_commit.append(self.wake)

    def wake(self) -> None:
        """Look for work now; may be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be woken
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Deliver until cancelled; what was claimed is finished first."""
        while True:
            self._wake.clear()
            try:
                while await asyncio.shield(self.run_once()):
                    pass
            except Exception:  # noqa: BLE001 - logged, and the work goes on
                log.exception("delivery_failed")
                await asyncio.sleep(self._poll)
            try:
                await asyncio.wait_for(self._wake.wait(), self._poll)
            except TimeoutError:
                continue

    async def finish(self) -> None:
        """Wait for a batch that is still on its way."""
        async with self._busy:
            return

    async def run_once(self) -> int:
        """Claim and send one batch; returns how many notices were claimed."""
        async with self._busy:
            now = self.clock.now()
            quiet = is_quiet(self.profile, self.calendar, now=now)
            claimed = await self.db.write(outbox.claim, worker=self.worker, now=now, quiet=quiet)
            if not claimed:
                return 0
            jobs, ended = await self.db.write(self._prepare, claimed, now=now)
            gate = asyncio.Semaphore(_PARALLEL)
            outcomes = [*ended, *await asyncio.gather(*(self._send(job, gate) for job in jobs))]
            await self.db.write(outbox.settle, outcomes, worker=self.worker, now=self.clock.now())
            return len(claimed)

    # -- what is to be said ---------------------------------------------------------------------------

    def _prepare(
        self, session: Session, claimed: Sequence[Notice], *, now: dt.datetime
    ) -> tuple[list[Job], list[Outcome]]:
        jobs: list[Job] = []
        ended: list[Outcome] = []
        self._limits = limits_set(session)
        earlier = outbox.earlier_tries(session, [n.id or 0 for n in claimed])
        book = addresses(
            session, {n.recipient_id for n in claimed}, platforms=list(self.platforms), prefer=self.prefer
        )
        for notice in claimed:
            before = earlier.get(notice.id or 0, Earlier())
            made = self._job(session, notice, book.get(notice.recipient_id, []), before, now)
            if isinstance(made, Job):
                jobs.append(made)
            else:
                ended.append(made)
        return jobs, ended

    def _job(
        self,
        session: Session,
        notice: Notice,
        accounts: list[tuple[str, str]],
        before: Earlier,
        now: dt.datetime,
    ) -> Job | Outcome:
        assert notice.id is not None
        try:
            kind = self.kinds[notice.kind]
            content = kind.content(session, notice, now)
            if isinstance(content, Skip):
                return Outcome(notice.id, "skipped", NoticeState.SKIPPED, detail=content.reason)
            if not accounts:
                return Outcome(
                    notice.id, "failed", NoticeState.FAILED, detail=self._unreachable(session, notice)
                )
            account = _where(notice, accounts)
            return self._begin(session, notice, kind, content, account=account, before=before, now=now)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one notice that cannot be said must not stop the others
            log.exception("message_broke", notice=notice.id, kind=notice.kind)
            return Outcome(notice.id, "failed", NoticeState.FAILED, code=type(error).__name__, detail=BROKE)

    def _begin(
        self, session: Session, notice: Notice, kind: Kind, content: Content, *, account: tuple[str, str],
        before: Earlier, now: dt.datetime,
    ) -> Job | Outcome:  # fmt: skip
        assert notice.id is not None
        name, user_id = account
        platform = self.platforms[name]
        card = kind.card and platform.capabilities.cards
        repeated = before.unknown > 0 and not self._safe_to_repeat(platform, notice, card=card)
        if repeated and before.unknown > 1:
            return Outcome(notice.id, "failed", NoticeState.FAILED, detail="两次发送结果均不明")
        limits = limits_of(platform.capabilities, self._limits.get(name, {}))
        whose = {Scope.PERSON: user_id, Scope.APP: "", Scope.CORP: ""}
        wait = self._throttle.take(name, whose, limits=limits, now=now)
        if wait:
            return Outcome(notice.id, "retry", None, retry_at=now + wait, detail="发送频率已满")
        card_id = outbox.card_for(session, notice, platform=name, user_id=user_id, now=now) if card else ""
        message = self.renderer.message(
            notice.kind, content, subject=notice.subject, generation=notice.generation,
            person_id=notice.recipient_id, capabilities=platform.capabilities, card_id=card_id, repeated=repeated,
            at=before.first_at or now, key=f"n{notice.id}",
        )  # fmt: skip
        outbox.begin(
            session, notice, platform=name, user_id=user_id, card_id=card_id, shown=digest(message),
            repeated=repeated, now=now,
        )  # fmt: skip
        return Job(notice, notice.attempts, name, user_id, message)

    def _unreachable(self, session: Session, notice: Notice) -> str:
        why = why_unreachable(session, notice.recipient_id, platforms=list(self.platforms))
        return f"{NO_ADDRESS}：{why}" if why else NO_ADDRESS

    @staticmethod
    def _safe_to_repeat(platform: Platform, notice: Notice, *, card: bool) -> bool:
        """Whether a message sent twice is shown once; replies go out the cheap way, which no service dedupes."""
        if notice.kind == "reply":
            return False
        able = platform.capabilities
        return able.resend_is_safe if card else able.plain_resend_is_safe

    # -- sending --------------------------------------------------------------------------------------

    async def _send(self, job: Job, gate: asyncio.Semaphore) -> Outcome:
        assert job.notice.id is not None
        try:
            async with gate:
                sent = await self._deliver(job)
        except PlatformError as error:
            outcome = self._failed(job, error)
        except Exception as error:  # noqa: BLE001 - logged, and the work goes on
            log.exception("send_broke", notice=job.notice.id, kind=job.notice.kind)
            outcome = Outcome(
                job.notice.id,
                "failed",
                NoticeState.FAILED,
                attempt=job.attempt,
                code=type(error).__name__,
                detail=BROKE,
            )
        else:
            outcome = Outcome(
                job.notice.id,
                "sent",
                NoticeState.SENT,
                attempt=job.attempt,
                ref=sent.ref,
                card_token=sent.card_token,
            )
        sends.labels(job.platform, job.notice.kind, outcome.result).inc()
        return outcome

    async def _deliver(self, job: Job) -> Sent:
        platform = self.platforms[job.platform]
        data = job.notice.data
        if job.notice.kind != "reply" or (job.platform, job.user_id) != _asked_from(job.notice):
            return await platform.send(job.user_id, job.message)
        event = InboundEvent(
            platform=job.platform, event_id="", kind=InboundKind.TEXT, user_id=job.user_id, at=job.notice.created_at,
            conversation=data.get("conversation", ""), reply_token=data.get("reply_token", ""),
            reply_until=dt.datetime.fromisoformat(data["reply_until"]) if data.get("reply_until") else None,
        )  # fmt: skip
        return await platform.reply(event, job.message)

    def _failed(self, job: Job, error: PlatformError) -> Outcome:
        """One meaning for each class of error; the reason is stored in words a lead understands."""
        notice, now = job.notice, self.clock.now()
        assert notice.id is not None
        log.warning("send_failed", notice=notice.id, platform=job.platform, code=error.code, cls=error.cls)
        pause = error.retry_after or _BACKOFF[min(job.attempt, len(_BACKOFF)) - 1]
        seen = Outcome(
            notice.id, "retry", None, attempt=job.attempt, code=error.code, detail=error.advice or error.detail,
            retry_at=now + dt.timedelta(seconds=pause),
        )  # fmt: skip
        match error.cls:
            case ErrorClass.RECIPIENT:  # the next try takes the person's next account, or says there is none
                return replace(seen, result="failed", retry_at=now, bury=(job.platform, job.user_id))
            case ErrorClass.BUG | ErrorClass.CARD:
                return replace(seen, result="failed", state=NoticeState.FAILED, retry_at=None)
            case ErrorClass.UNKNOWN:
                return replace(seen, result="unknown")
            case ErrorClass.CHANNEL:
                return replace(seen, retry_at=now + dt.timedelta(seconds=error.retry_after or _CHANNEL_PAUSE))
        return seen


def _asked_from(notice: Notice) -> tuple[str, str]:
    """The account a reply answers."""
    return notice.data.get("platform", ""), notice.data.get("user_id", "")


def _where(notice: Notice, accounts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """A reply goes back to where the question came from, everything else to the preferred account."""
    asked_from = _asked_from(notice)
    return asked_from if notice.kind == "reply" and asked_from in accounts else accounts[0]
