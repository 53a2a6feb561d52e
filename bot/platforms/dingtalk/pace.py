"""At most so many calls a second to each API of the app; DingTalk refuses more. Sheet: section 10.2."""

from __future__ import annotations

import asyncio


class Pace:
    """``await pace.turn(api)`` before each call. Calls are spread evenly, so that slow ones do not catch up with
    those that follow and arrive as too many at once."""

    def __init__(self, per_second: int) -> None:
        self._gap = 1.0 / per_second
        self._next: dict[str, float] = {}

    async def turn(self, api: str) -> None:
        """Return when the call may begin; first come, first served."""
        loop = asyncio.get_running_loop()
        start = max(loop.time(), self._next.get(api, 0.0))
        self._next[api] = start + self._gap
        if start > loop.time():
            await asyncio.sleep(start - loop.time())
