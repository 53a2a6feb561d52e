"""At most so many calls a second to each API of the app; DingTalk refuses more. Sheet: section 10.2."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

SECOND = 1.0


class Pace:
    """``await pace.turn(api)`` before each call; who comes too early waits, first come first served."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._begun: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=per_second))

    async def turn(self, api: str) -> None:
        """Return when the call may begin: the one *per_second* before it began a second ago."""
        loop = asyncio.get_running_loop()
        begun = self._begun[api]
        start = loop.time()
        if len(begun) == self._per_second:
            start = max(start, begun[0] + SECOND)
        begun.append(start)
        if start > loop.time():
            await asyncio.sleep(start - loop.time())
