"""One Stream socket: its address, its frames, and the acknowledgement of each push. Sheet: sections 3.1 to 3.4."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
import structlog
from yarl import URL

from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import PlatformError
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.frames import SUBSCRIPTIONS, Frame, FrameError, ack, parse_frame

log = structlog.get_logger(__name__)

GATEWAY = "/v1.0/gateway/connections/open"
STEADY = 10.0  # seconds after which a lost connection is replaced without a pause, however often
FINISH = 10.0  # seconds that pushes in hand get when a connection is closed

Answer = Callable[[str], Awaitable[None]]
OnPush = Callable[[Frame, Answer], Awaitable[None]]  # stores what was pushed, then answers


async def open_connection(settings: DingTalkSettings, client: DingTalkClient) -> URL:
    """Ask the gateway for an address; its ticket works once, within 90 s. Raise PlatformError."""
    asked = {
        "clientId": settings.client_id,
        "clientSecret": settings.client_secret.get_secret_value(),
        "ua": "suicha",
        "subscriptions": SUBSCRIPTIONS,
    }
    answer = await client.open(GATEWAY, asked)
    endpoint, ticket = answer.get("endpoint"), answer.get("ticket")
    if not isinstance(endpoint, str) or not isinstance(ticket, str):
        raise PlatformError("gateway.answer", retry_after=5.0)
    return URL(endpoint).update_query(ticket=ticket)


class Connection:
    """One socket. ``spent`` is set when it brings nothing more: announced, closed or silent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, on_push: OnPush) -> None:
        self.spent = asyncio.Event()
        self._opened = asyncio.get_running_loop().time()
        self._socket = socket
        self._on_push = on_push
        self._pushes: set[asyncio.Task[None]] = set()

    @property
    def was_steady(self) -> bool:
        """Whether it lasted long enough to show that the service is well."""
        return asyncio.get_running_loop().time() - self._opened >= STEADY

    async def read(self, idle_after: float) -> None:
        """Read until the socket ends or is silent for *idle_after* seconds: half-open ones look healthy."""
        try:
            while True:
                async with asyncio.timeout(idle_after):
                    message = await self._socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                await self._take(message.data)
        except TimeoutError:
            log.warning("dingtalk_stream_silent", seconds=idle_after)
        finally:
            self.spent.set()

    async def finish(self) -> None:
        """Let pushes in hand be stored and acknowledged, then close."""
        if self._pushes:
            _, late = await asyncio.wait(self._pushes, timeout=FINISH)
            for task in late:  # not acknowledged, so it is delivered again
                task.cancel()
        await self._socket.close()

    async def _take(self, text: str) -> None:
        try:
            frame = parse_frame(text)
        except FrameError as error:
            log.warning("dingtalk_frame_unreadable", reason=str(error))
            return
        if frame.type != "SYSTEM":
            task = asyncio.create_task(self._push(frame))
            self._pushes.add(task)
            task.add_done_callback(self._pushes.discard)
        elif frame.topic == "ping":
            await self._answer(ack(frame))
        elif frame.topic == "disconnect":
            self.spent.set()

    async def _push(self, frame: Frame) -> None:
        await self._on_push(frame, self._answer)

    async def _answer(self, text: str) -> None:
        # A socket that died meanwhile: the push is delivered again and recognised as a repeat.
        with suppress(aiohttp.ClientError, ConnectionError):
            await self._socket.send_str(text)
