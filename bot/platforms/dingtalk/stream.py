"""The Stream sockets: DingTalk's pushes, each acknowledged only once it is stored. Sheet: section 3.

:class:`StreamClient` keeps so many connections for ever; DingTalk picks one of them for each push. When the server
announces a disconnect, the next socket is opened before the old one is closed, so nothing falls between them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable

import aiohttp
import structlog

from bot.core.clock import Clock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import InboundEvent
from bot.platforms.dingtalk.callbacks import OpenCallbacks
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.connection import Answer, Connection, open_connection
from bot.platforms.dingtalk.frames import CARD_TOPIC, Frame, ack, ask_again, refuse
from bot.platforms.dingtalk.inbound import event_of

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between attempts to connect

OnEvent = Callable[[InboundEvent], Awaitable[object]]


def pause_before(attempt: int, *, jitter: float) -> float:
    """Seconds before the *attempt*-th repeat (from 0): doubling, capped, spread by *jitter* in 0..1."""
    return float(min(FIRST_PAUSE * 2 ** min(attempt, 10), LONGEST_PAUSE)) * (0.5 + jitter / 2)


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
        callbacks: OpenCallbacks,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._session = session
        self._on_event = on_event
        self._client = client
        self._clock = clock
        self._callbacks = callbacks
        self._jitter = jitter
        self._lines: list[asyncio.Task[None]] = []
        self._readers: dict[Connection, asyncio.Task[None]] = {}
        self._usable = 0
        self.connected = asyncio.Event()  # set while a usable socket stands
        self.deaf_since: dt.datetime | None = None  # since when none does; None also before the start

    def start(self) -> None:
        """Begin connecting; ``connected`` tells when it is done."""
        if not self._lines:
            self.deaf_since = self._clock.now()
            count = self._settings.stream_connections
            self._lines = [asyncio.create_task(self._stay_connected()) for _ in range(count)]

    async def close(self) -> None:
        """Stop receiving; pushes in hand are stored and acknowledged first."""
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        self._lines = []
        await asyncio.gather(*(self._retire(one) for one in list(self._readers)))
        self._usable, self.deaf_since = 0, None
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

    async def _try_to_connect(self) -> Connection | None:
        try:
            return await self._connect()
        except Exception as error:  # noqa: BLE001 - whatever it was, a bot that stops trying is deaf
            reason = getattr(error, "code", type(error).__name__)
            log.warning("dingtalk_stream_refused", reason=str(reason))
            return None

    async def _live_on(self, connection: Connection, *, instead_of: Connection | None) -> bool:
        """Use *connection* until it is spent; tell whether it lasted."""
        self._count(+1)
        try:
            if instead_of is not None:
                await self._retire(instead_of)
            await connection.spent.wait()
        finally:
            self._count(-1)
        return connection.was_steady

    def _count(self, change: int) -> None:
        self._usable += change
        if self._usable:
            self.connected.set()
            self.deaf_since = None
        else:
            self.connected.clear()
            self.deaf_since = self._clock.now()

    async def _connect(self) -> Connection:
        url = await open_connection(self._settings, self._client)
        async with asyncio.timeout(self._settings.timeout):
            socket = await self._session.ws_connect(url, **self._client.connection_options())
        connection = Connection(socket, self._handle)
        self._readers[connection] = asyncio.create_task(connection.read(self._settings.idle_after))
        return connection

    async def _retire(self, connection: Connection) -> None:
        reader = self._readers[connection]
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await connection.finish()
        self._readers.pop(connection, None)  # only now: a close() meanwhile must find it

    async def _handle(self, frame: Frame, answer: Answer) -> None:
        """Store what *frame* brought and acknowledge it; a card is left alone until that is done."""
        self._client.pushed()
        with self._callbacks.answering(
            str(frame.data.get("outTrackId")) if frame.topic == CARD_TOPIC else ""
        ):
            await answer(await self._stored(frame))

    async def _stored(self, frame: Frame) -> str:
        """The acknowledgement."""
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
