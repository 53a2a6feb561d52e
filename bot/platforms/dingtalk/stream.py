"""The Stream socket: DingTalk's pushes, each acknowledged only once it is stored. Sheet: section 3.

:class:`StreamClient` keeps one connection for ever. When the server announces a disconnect, the next one is
opened before the old one is closed, so nothing falls between them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
import structlog
from yarl import URL

from bot.core.clock import Clock
from bot.core.config import DingTalkSettings
from bot.platforms.base import InboundEvent, PlatformError
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.frames import (
    SUBSCRIPTIONS,
    Frame,
    FrameError,
    ack,
    ask_again,
    parse_frame,
    refuse,
)
from bot.platforms.dingtalk.inbound import event_of

log = structlog.get_logger(__name__)

GATEWAY = "/v1.0/gateway/connections/open"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between attempts to connect
STEADY = 10.0  # seconds after which a lost connection is replaced without a pause, however often
FINISH = 10.0  # seconds that pushes in hand get when a connection is closed

OnEvent = Callable[[InboundEvent], Awaitable[object]]
OnPush = Callable[[Frame], Awaitable[str]]  # stores what was pushed, gives the acknowledgement


def pause_before(attempt: int, *, jitter: float) -> float:
    """Seconds before the *attempt*-th repeat (from 0): doubling, capped, spread by *jitter* in 0..1."""
    return float(min(FIRST_PAUSE * 2 ** min(attempt, 10), LONGEST_PAUSE)) * (0.5 + jitter / 2)


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


class _Connection:
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
        await self._answer(await self._on_push(frame))

    async def _answer(self, text: str) -> None:
        # A socket that died meanwhile: the push is delivered again and recognised as a repeat.
        with suppress(aiohttp.ClientError, ConnectionError):
            await self._socket.send_str(text)


class StreamClient:
    """Receive pushes until closed. ``on_event`` must have stored the event durably when it returns."""

    def __init__(
        self,
        settings: DingTalkSettings,
        session: aiohttp.ClientSession,
        on_event: OnEvent,
        *,
        client: DingTalkClient,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._session = session
        self._on_event = on_event
        self._client = client
        self._clock = clock
        self._jitter = jitter
        self._task: asyncio.Task[None] | None = None
        self._readers: dict[_Connection, asyncio.Task[None]] = {}
        self.connected = asyncio.Event()  # set while a usable socket stands

    def start(self) -> None:
        """Begin connecting; ``connected`` tells when it is done."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        """Stop receiving; pushes in hand are stored and acknowledged first."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await asyncio.gather(*(self._retire(one) for one in list(self._readers)))
        self.connected.clear()

    async def _stay_connected(self) -> None:
        losses, old = 0, None
        while True:
            steady = False
            connection = await self._try_to_connect()
            if connection is not None:
                steady = await self._live_on(connection, instead_of=old)
                old = connection
            losses = 0 if steady else losses + 1
            if losses > 1 or connection is None:  # the first loss is repaired at once
                await asyncio.sleep(pause_before(losses - 1, jitter=self._jitter()))

    async def _try_to_connect(self) -> _Connection | None:
        try:
            return await self._connect()
        except Exception as error:  # noqa: BLE001 - whatever it was, a bot that stops trying is deaf
            reason = getattr(error, "code", type(error).__name__)
            log.warning("dingtalk_stream_refused", reason=str(reason))
            return None

    async def _live_on(self, connection: _Connection, *, instead_of: _Connection | None) -> bool:
        """Use *connection* until it is spent; tell whether it lasted."""
        self.connected.set()
        if instead_of is not None:
            await self._retire(instead_of)
        await connection.spent.wait()
        self.connected.clear()
        return connection.was_steady

    async def _connect(self) -> _Connection:
        url = await open_connection(self._settings, self._client)
        async with asyncio.timeout(self._settings.timeout):
            socket = await self._session.ws_connect(url, **self._client.connection_options())
        connection = _Connection(socket, self._handle)
        self._readers[connection] = asyncio.create_task(connection.read(self._settings.idle_after))
        return connection

    async def _retire(self, connection: _Connection) -> None:
        reader = self._readers[connection]
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await connection.finish()
        self._readers.pop(connection, None)  # only now: a close() meanwhile must find it

    async def _handle(self, frame: Frame) -> str:
        """Store what *frame* brought and return the acknowledgement."""
        try:
            event = event_of(frame, received=self._clock.now())
            if event is None:
                return refuse(frame, code=404)
            if not event.event_id:
                return refuse(frame, code=400)
            await self._on_event(event)
        except Exception:  # whatever went wrong, DingTalk is asked to deliver again
            log.exception("dingtalk_event_not_stored", message_id=frame.message_id)
            return ask_again(frame)
        return ack(frame)
