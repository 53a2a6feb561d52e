"""Access tokens that the tasks of one process share. ``bot.messaging.tokens`` shares them between processes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.core.clock import Clock
from bot.platforms.base import PlatformError
from bot.platforms.shared import Token

EARLY = dt.timedelta(seconds=300)  # before its end at which a token is renewed
SULK = dt.timedelta(
    seconds=60
)  # before a refused secret is tried again: WeCom blocks the address of who insists

Fetch = Callable[[], Awaitable[Token]]


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token and the moment from which it is to be renewed."""

    value: str = field(repr=False)
    renew_at: dt.datetime


def kept(token: Token, *, now: dt.datetime) -> KeptToken:
    """*token* as it is kept: renewed five minutes early, a short-lived one at half its life."""
    return KeptToken(token.value, token.ends_at - min(EARLY, (token.ends_at - now) / 2))


@dataclass(slots=True)
class _Flight:
    refused: str = field(repr=False)
    task: asyncio.Task[KeptToken]


class OwnTokens:
    """Implements ``TokenStore`` for one process: the doctor, tests. Nothing outlives it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, KeptToken] = {}
        self._flights: dict[str, _Flight] = {}
        self._errors: dict[str, tuple[PlatformError, dt.datetime]] = {}

    async def get(self, key: str, *, refused: str, fetch: Fetch) -> str:
        """The living token of *key* that is not *refused*. Whoever asks while it is fetched shares the outcome,
        the failure too. Raise what *fetch* raised; what only a person can mend is not tried again for a minute."""
        while True:
            known = self._known.get(key)
            if known is not None and known.value != refused and self._clock.now() < known.renew_at:
                return known.value
            flight = self._flights.get(key)
            if flight is None:
                return (await asyncio.shield(self._start(key, refused, fetch))).value
            token = await asyncio.shield(flight.task)
            if refused in ("", flight.refused) or token.value != refused:
                return token.value

    async def renew(self, key: str, refused: str, fetch: Fetch) -> KeptToken:
        """Get another token than *refused*; called by one task at a time."""
        del refused  # in one process nobody else can have fetched another
        now = self._clock.now()
        error, until = self._errors.pop(key, (None, now))
        if error is not None and now < until:
            self._errors[key] = (error, until)
            raise error.with_traceback(None)
        try:
            return kept(await fetch(), now=now)
        except PlatformError as failed:
            if failed.permanent:
                self._errors[key] = (failed, now + SULK)
            raise

    def _start(self, key: str, refused: str, fetch: Fetch) -> asyncio.Task[KeptToken]:
        task = asyncio.create_task(self.renew(key, refused, fetch), name="token")
        self._flights[key] = _Flight(refused, task)
        task.add_done_callback(lambda ended: self._land(key, ended))
        return task

    def _land(self, key: str, task: asyncio.Task[KeptToken]) -> None:
        """Keep what was fetched; a failure that nobody waits for any more is nobody's error."""
        del self._flights[key]
        if not task.cancelled() and task.exception() is None:
            self._known[key] = task.result()
