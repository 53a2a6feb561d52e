"""At most so many calls a second to each API of the app; DingTalk refuses more. Sheet: section 10.2."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Pace:
    """``await pace.turn(api)`` before each call. Each begins a moment after the one before really began: a process
    that stood still does not catch up in a burst."""

    def __init__(self, per_second: int) -> None:
        self.gap = 1.0 / per_second
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._begun: dict[str, float] = {}

    async def turn(self, api: str) -> None:
        """Return when the call may begin; first come, first served."""
        loop = asyncio.get_running_loop()
        async with self._locks[api]:
            wait = self._begun.get(api, float("-inf")) + self.gap - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._begun[api] = loop.time()
