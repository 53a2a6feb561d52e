"""Who may go on: one after the other for each key, and few together while something more urgent waits."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Turns:
    """``async with turns.of(key)`` waits until everybody who asked for the same key before is done; a key nobody waits
    for is forgotten."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._users[key] += 1
        try:
            async with lock:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._locks[key], self._users[key]


class Gate:
    """``async with gate.passage()``: at most *many* inside, first come first served, and one while ``urgent()``. One
    always may, so that nobody starves, and whoever leaves looks whether more may come in."""

    def __init__(self, many: int, *, urgent: Callable[[], bool]) -> None:
        self._many, self._urgent = many, urgent
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    async def _enter(self) -> None:
        if not self._waiting and self._has_room():
            self._inside += 1
            return
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(admitted)
        try:
            await admitted
        except asyncio.CancelledError:
            if not admitted.cancelled():  # let in, and gone at the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        self._inside -= 1
        while self._waiting and self._has_room():
            admitted = self._waiting.popleft()
            if not admitted.done():
                admitted.set_result(None)
                self._inside += 1

    def _has_room(self) -> bool:
        return self._inside < (1 if self._urgent() else self._many)
