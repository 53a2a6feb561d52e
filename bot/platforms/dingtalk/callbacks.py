"""Callbacks of cards that are not answered yet: a card must not be updated inside one. Sheet: section 5.4."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE = 3.0  # seconds; DingTalk itself gives up after two
ARRIVAL = 0.1  # seconds that an answer gets to arrive: an update goes another way and could overtake it


class OpenCallbacks:
    """``with answering(card_id)`` around taking a press and answering it; ``answered`` waits for the end."""

    def __init__(self) -> None:
        self._open: dict[str, list[asyncio.Event]] = {}

    @contextmanager
    def answering(self, card_id: str) -> Iterator[None]:
        ended = asyncio.Event()
        self._open.setdefault(card_id, []).append(ended)
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(ARRIVAL, self._end, card_id, ended)

    async def answered(self, card_id: str) -> None:
        """Wait until no press on this card is unanswered; one that hangs holds nobody for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for ended in tuple(self._open.get(card_id, ())):
                    await ended.wait()

    def _end(self, card_id: str, ended: asyncio.Event) -> None:
        ended.set()
        self._open[card_id].remove(ended)
        if not self._open[card_id]:
            del self._open[card_id]
