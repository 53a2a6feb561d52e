"""Jobs on their way out: same words to many in one call, one end for each person, every error in words."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter

from bot.core.clock import Clock
from bot.core.log import log
from bot.core.metrics import sends
from bot.inspection.notices.models import NoticeState
from bot.messaging.compose import BROKE, Job
from bot.messaging.outcomes import Outcome
from bot.messaging.routes import asked_from
from bot.messaging.tries import TOGETHER
from bot.platforms.base import (
    ErrorClass,
    InboundEvent,
    InboundKind,
    Limit,
    OutboundMessage,
    Platform,
    PlatformError,
    Receipt,
    Scope,
    Sent,
)

PARALLEL = 64  # requests under way at once
CALLS, PEOPLE = 64, 256  # in a slice: as many as a kill leaves in doubt
REST = 600.0  # seconds a channel rests that only a person can mend
_BACKOFF = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # seconds; the notice's own expiry ends it
_SPLIT = (ErrorClass.RECIPIENT, ErrorClass.BUG)  # one of many may have spoiled the call for all


class Pace:
    """Calls per second to one platform: whoever is too fast waits on the way out."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()
        self._turn = asyncio.Lock()

    async def turn(self, limits: Sequence[Limit]) -> None:
        """Wait until every short window of the app has room."""
        if not limits:
            return
        loop = asyncio.get_running_loop()
        async with self._turn:
            for limit in limits:
                if len(self._calls) >= limit.count:
                    await asyncio.sleep(self._calls[-limit.count] + limit.seconds - loop.time())
            self._calls.append(loop.time())
            while len(self._calls) > max(limit.count for limit in limits):
                self._calls.popleft()


def _together(jobs: list[Job]) -> list[Job]:
    if len(jobs) == 1:
        return jobs
    return [replace(job, begun=replace(job.begun, together=True)) for job in jobs]


def _storable(text: str) -> str:
    """A service's words without what no database takes: they must not cost the outcomes of a whole slice."""
    return text.replace("\x00", "").encode(errors="replace").decode()


# what a person sees of a message: two that look alike can go out in one call
_LOOKS = attrgetter(*(field.name for field in fields(OutboundMessage) if field.name != "key"))


def slices(groups: Iterable[list[Job]]) -> deque[list[list[Job]]]:
    """What leaves together: up to so many calls, which reach up to so many people."""
    cut: deque[list[list[Job]]] = deque()
    people = PEOPLE
    for group in groups:
        people += len(group)
        if people > PEOPLE or len(cut[-1]) == CALLS:
            cut.append([])
            people = len(group)
        cut[-1].append(group)
    return cut


class Sender:
    """Sends jobs; ``resting`` is shared with the composer, so that a broken channel is left alone."""

    def __init__(
        self, clock: Clock, *, platforms: Mapping[str, Platform], resting: dict[str, tuple[dt.datetime, str]]
    ) -> None:
        self.clock, self.platforms, self.resting = clock, platforms, resting
        self._gate = asyncio.Semaphore(PARALLEL)
        self._pace: defaultdict[str, Pace] = defaultdict(Pace)

    async def send(self, groups: Sequence[list[Job]], limits: Mapping[str, Sequence[Limit]]) -> list[Outcome]:
        """One outcome for each job."""
        fast = {
            name: [x for x in known if x.scope is Scope.APP and x.seconds <= 5.0]
            for name, known in limits.items()
        }
        ends = await asyncio.gather(*(self._group(group, fast) for group in groups))
        return [outcome for group in ends for outcome in group]

    def groups(self, jobs: Sequence[Job]) -> list[list[Job]]:
        """Jobs that one call can carry: the same plain words on a platform with batches."""
        single: list[list[Job]] = []
        same: dict[tuple[object, ...], dict[str, list[Job]]] = {}
        for job in jobs:
            able = self.platforms[job.begun.platform].capabilities
            if able.batch > 1 and not job.begun.card_id and job.notice.kind != "reply":
                alike = same.setdefault((job.begun.platform, *_LOOKS(job.message)), {})
                alike.setdefault(job.begun.target, []).append(job)
            else:
                single.append([job])
        for (name, *_), alike in same.items():
            size = min(self.platforms[str(name)].capabilities.batch, PEOPLE)
            for times in itertools.zip_longest(*alike.values()):  # told the same twice: told in two calls
                group = [job for job in times if job is not None]
                single += [_together(group[i : i + size]) for i in range(0, len(group), size)]
        return single

    async def _group(self, jobs: list[Job], fast: Mapping[str, Sequence[Limit]]) -> list[Outcome]:
        name = jobs[0].begun.platform
        async with self._gate:
            await self._pace[name].turn(fast.get(name, ()))
            ends = await self._ends(name, jobs)
        if len(jobs) > 1 and all(
            isinstance(end, PlatformError) and end.cls in _SPLIT for end in ends.values()
        ):
            middle = len(jobs) // 2
            halves = [await self._group(half, fast) for half in (jobs[:middle], jobs[middle:])]
            return [outcome for half in halves for outcome in half]
        outcomes = [self._outcome(job, ends.get(job.begun.target)) for job in jobs]
        counts = Counter((job.notice.kind, end.result) for job, end in zip(jobs, outcomes, strict=True))
        for (kind, result), n in counts.items():
            sends.labels(name, kind, result).inc(n)
        return outcomes

    async def _ends(self, name: str, jobs: list[Job]) -> Mapping[str, Sent | PlatformError | Exception]:
        platform = self.platforms[name]
        try:
            if len(jobs) > 1:
                return await platform.send_many([job.begun.target for job in jobs], jobs[0].message)
            return {jobs[0].begun.target: await self._one(platform, jobs[0])}
        except PlatformError as error:
            return {job.begun.target: error for job in jobs}
        except Exception as error:  # noqa: BLE001 - logged, and the work goes on
            log.exception("send_broke", notice=jobs[0].begun.notice_id, kind=jobs[0].notice.kind)
            return {job.begun.target: error for job in jobs}

    async def _one(self, platform: Platform, job: Job) -> Sent:
        notice = job.notice
        if job.ask_first:
            seen = (await platform.receipts(job.begun.card_id)).get(job.begun.target)
            if seen in (Receipt.READ, Receipt.UNREAD):
                return Sent(job.begun.card_id, earlier=True)  # the try of unknown outcome had arrived
        if notice.kind != "reply" or job.address != asked_from(notice):
            return await platform.send(job.begun.target, job.message)
        event = InboundEvent(
            platform=platform.name, event_id="", kind=InboundKind.TEXT, user_id=job.begun.target,
            at=notice.created_at, conversation=notice.data.get("conversation", ""),
            reply_token=notice.data.get("reply_token", ""),
            reply_until=(
                dt.datetime.fromisoformat(notice.data["reply_until"]) if notice.data.get("reply_until") else None
            ),
        )  # fmt: skip
        return await platform.reply(event, job.message)

    # -- what an end means ------------------------------------------------------------------------------

    def _outcome(self, job: Job, end: Sent | PlatformError | Exception | None) -> Outcome:
        begun = job.begun
        if isinstance(end, Sent) and not (end.earlier and begun.card):  # a new card cannot be there already
            return Outcome(
                begun.notice_id, "sent", NoticeState.SENT, attempt=begun.n, via=begun.platform,
                card_id=begun.card_id, ref=_storable(end.ref), card_token=_storable(end.card_token),
                still_shows=begun.was_shown if end.earlier and begun.was_shown != begun.shown else None,
            )  # fmt: skip
        base = Outcome(
            begun.notice_id, "failed", NoticeState.FAILED, attempt=begun.n, via=begun.platform,
            card_id=begun.card_id, detail=BROKE, ref=TOGETHER if begun.together else "",
        )  # fmt: skip
        if isinstance(end, PlatformError):
            return self._failed(job, base, end)
        if end is None:  # the platform named everybody but this one
            return self._failed(job, base, PlatformError("not_named", cls=ErrorClass.UNKNOWN))
        return replace(base, code=type(end).__name__)

    def _failed(self, job: Job, base: Outcome, error: PlatformError) -> Outcome:
        """One meaning for each class of error; the reason is stored in words a lead understands."""
        now, begun = self.clock.now(), job.begun
        log.warning(
            "send_failed", notice=begun.notice_id, platform=begun.platform, code=error.code, cls=error.cls
        )
        pause = error.retry_after or _BACKOFF[min(begun.n, len(_BACKOFF)) - 1]
        seen = replace(
            base, result="retry", state=None, code=_storable(error.code),
            detail=_storable(error.advice or error.detail),
            retry_at=now + dt.timedelta(seconds=pause),
        )  # fmt: skip
        match error.cls:
            case ErrorClass.RECIPIENT:  # the next try takes the person's next account, or says there is none
                return replace(
                    seen, result="failed", retry_at=now, bury=job.address, person_id=job.notice.recipient_id
                )
            case ErrorClass.BUG | ErrorClass.CARD:  # another channel may take what this one refuses
                return replace(seen, result="failed", retry_at=now)
            case ErrorClass.UNKNOWN:
                return replace(seen, result="unknown")
            case ErrorClass.CHANNEL:
                return self._rest(seen, begun.platform, error.retry_after or REST)
            case ErrorClass.QUOTA if error.retry_after >= REST:
                return self._rest(seen, begun.platform, error.retry_after)
        return seen

    def _rest(self, seen: Outcome, platform: str, seconds: float) -> Outcome:
        """The platform is left alone for a while; the notice looks for another way at once."""
        now = self.clock.now()
        self.resting[platform] = (now + dt.timedelta(seconds=seconds), seen.detail)
        return replace(seen, retry_at=now, platform=platform)
