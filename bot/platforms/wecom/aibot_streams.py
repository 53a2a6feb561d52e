"""One answer to each message: a line at once when the real one takes long, and its place taken by the real one.

A stream that was opened must be finished, or its bubble spins for six minutes. Sheet sections 4.4 and 4.7.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bot.platforms.base import PlatformError
from bot.platforms.wecom import aibot_frames as frames

Respond = Callable[[str, dict[str, Any]], Awaitable[object]]  # req_id, body
WORKING, TAKEN = "正在办理，请稍候…", "已收到。"
PATIENCE, GIVE_UP = 2.0, 20.0  # seconds


class Streams:
    """The open streams by the request they answer. Frames of one request are sent one after the other by *respond*."""

    def __init__(self, respond: Respond, *, patience: float = PATIENCE, give_up: float = GIVE_UP) -> None:
        self._respond = respond
        self._patience, self._give_up = patience, give_up
        self._open: dict[str, str] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}

    def expect(self, req_id: str) -> None:
        """Somebody waits for an answer to this message."""
        timer = asyncio.create_task(self._entertain(req_id), name="wecom-bot-stream")
        self._timers[req_id] = timer
        timer.add_done_callback(lambda _: self._timers.pop(req_id, None))

    def answer(self, req_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """The frame's body that says *body* for good: an open stream is continued, so that one bubble stays."""
        if (timer := self._timers.pop(req_id, None)) is not None:
            timer.cancel()
        if body.get("msgtype") != "stream":
            return body
        stream_id = self._open.pop(req_id, "") or body["stream"]["id"]
        return {**body, "stream": {**body["stream"], "id": stream_id}}

    async def close(self) -> None:
        """Finish what is open."""
        for timer in list(self._timers.values()):
            timer.cancel()
        for req_id in list(self._open):
            await self._finish(req_id)

    async def _entertain(self, req_id: str) -> None:
        await asyncio.sleep(self._patience)
        stream_id = new_stream_id()
        self._open[req_id] = stream_id
        try:
            await self._respond(req_id, frames.stream(stream_id, WORKING, finish=False))
        except PlatformError:
            self._open.pop(req_id, None)
            return
        await asyncio.sleep(self._give_up)
        await self._finish(req_id)

    async def _finish(self, req_id: str) -> None:
        if (stream_id := self._open.pop(req_id, None)) is not None:
            with suppress(PlatformError):
                await self._respond(req_id, frames.stream(stream_id, TAKEN, finish=True))


def new_stream_id() -> str:
    return f"s-{secrets.token_hex(8)}"
