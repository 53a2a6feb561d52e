"""The smart bot's one socket: subscribed, pinged, reopened; each request waits for its acknowledgement.

Who asks over it is in ``aibot``; what the frames mean is in ``aibot_frames``. Sheet sections 4.6 and 4.7.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import secrets
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from weakref import WeakValueDictionary

import aiohttp
import structlog

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.shared import Sole
from bot.platforms.wecom import aibot_frames as frames
from bot.platforms.wecom import codes
from bot.platforms.wecom.aibot_inbound import is_displacement
from bot.platforms.wecom.aibot_pace import USUAL, Times
from bot.platforms.wecom.aibot_relay import Ask, Relay, no_ack, not_connected

log = structlog.get_logger(__name__)

OnFrame = Callable[[frames.Frame], Awaitable[object]]
WAITING = 500  # requests that may wait for an acknowledgement
_NOT_SUBSCRIBED = 846609
AUTH_TRIES = 5  # a refused secret is tried so often and then never again


class _Ended(Exception):  # noqa: N818
    """The connection must not be opened again: displaced, or refused for good."""


class BotSocket:
    """Keeps one subscribed connection while this process is the sole one to have it."""

    def __init__(
        self, settings: WeComSettings, clock: Clock, session: aiohttp.ClientSession, *, sole: Sole, on_frame: OnFrame,
        times: Times = USUAL, relay: Relay | None = None, ask: Ask | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        assert settings.bot is not None
        self._settings, self._bot, self._clock, self._session = settings, settings.bot, clock, session
        self._sole, self._on_frame, self._times, self._jitter = sole, on_frame, times, jitter
        self._relay, self._relayed = relay, ask
        self._ssl = ssl.create_default_context(cafile=settings.ca_bundle) if settings.ca_bundle else True
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._acks: dict[str, asyncio.Future[frames.Frame]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._work: set[asyncio.Task[object]] = set()
        self._task: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()  # subscribed and usable
        self.holding = False  # this process is the one that has, or is opening, the socket
        self._deaf_since: dt.datetime | None = None
        self.settled = asyncio.Event()  # connected, or ended
        self.ended = ""  # why it is not opened any more: displaced | refused

    def deaf_since(self) -> dt.datetime | None:
        """Since when nobody is heard: None while connected, and where another process is the one to listen."""
        return None if self.connected.is_set() or not self.holding else self._deaf_since

    def is_well(self) -> bool:
        """For the health page: connected, or another process is the one to be."""
        return not self.ended and (self.connected.is_set() or not self.holding)

    def start(self) -> bool:
        """Begin to connect, when this process is the one to; False when that was begun before."""
        if self._task is not None:
            return False
        self._task = asyncio.create_task(self._hold(), name="wecom-bot")
        return True

    async def close(self) -> None:
        """Close the socket; what was heard is stored first."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.heard()

    async def heard(self) -> None:
        """Until everything that came in so far has been handed on."""
        while self._work:
            await asyncio.gather(*self._work, return_exceptions=True)

    # -- asking --------------------------------------------------------------------------------------------

    async def ask(self, cmd: str, body: dict[str, object] | None = None, *, req_id: str = "") -> frames.Frame:
        """Send one frame and return its acknowledgement. Those of one *req_id* go out one after the other.

        Raise PlatformError: RETRY if nothing was sent, UNKNOWN if no acknowledgement came, else by code.
        """
        if len(self._acks) >= WAITING:
            raise PlatformError("bot_queue_full", "等待确认的请求过多", cls=ErrorClass.QUOTA, retry_after=5.0)
        req_id = req_id or self._new_id(cmd)
        turn = self._turns.setdefault(req_id, asyncio.Lock())
        text = frames.frame(cmd, req_id, body)
        async with turn:
            answer = await self._exchange(text, req_id, await self._usable())
            if answer.errcode == _NOT_SUBSCRIBED:  # nothing was done: once more, over the next connection
                self._resubscribe()
                answer = await self._exchange(text, req_id, await self._usable())
        if answer.errcode:
            raise codes.error(answer.errcode, answer.errmsg[:300])
        return answer

    async def _usable(self) -> aiohttp.ClientWebSocketResponse:
        """The subscribed connection, waited for while it is being reopened. Raise PlatformError(RETRY)."""
        if self.ended or not self.holding:
            raise not_connected()
        try:
            async with asyncio.timeout(self._times.patience):
                await self.connected.wait()
        except TimeoutError:
            raise not_connected() from None
        if self._socket is None:  # gone again while we were being woken
            raise not_connected()
        return self._socket

    async def _exchange(
        self, text: str, req_id: str, socket: aiohttp.ClientWebSocketResponse
    ) -> frames.Frame:
        if socket.closed:
            raise not_connected()
        future: asyncio.Future[frames.Frame] = asyncio.get_running_loop().create_future()
        self._acks[req_id] = future
        try:
            await socket.send_str(text)
            async with asyncio.timeout(self._times.ack):
                return await future
        except (aiohttp.ClientError, ConnectionError):
            raise not_connected() from None
        except TimeoutError:
            raise no_ack() from None
        finally:
            self._acks.pop(req_id, None)

    def _new_id(self, cmd: str) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1000)
        return frames.request_id(cmd, milliseconds=milliseconds, noise=secrets.token_hex(4))

    def _resubscribe(self) -> None:
        """The server does not know this connection; the next one is opened."""
        if self._socket is not None:
            self.connected.clear()
            self._keep(asyncio.create_task(self._drop(self._socket)))

    # -- staying connected ---------------------------------------------------------------------------------

    async def _hold(self) -> None:
        while True:
            async with self._sole.hold(f"wecom-bot:{self._bot.id}") as lost:
                await self._have(lost)

    async def _have(self, lost: asyncio.Event) -> None:
        """Be the one with the socket until the hold is lost; serve those who are not."""
        async with AsyncExitStack() as stack:
            if self._relay is not None and self._relayed is not None:
                await stack.enter_async_context(self._relay.serve(self._bot.id, self._relayed))
            self.holding, self._deaf_since = True, self._clock.now()
            living = asyncio.create_task(self._stay_connected())
            leaving = asyncio.create_task(lost.wait())
            try:
                await asyncio.wait((living, leaving), return_when=asyncio.FIRST_COMPLETED)
                if living.done():  # ended for good: nobody else of ours may open another one
                    await leaving
            finally:
                self.holding = False
                for task in (living, leaving):
                    task.cancel()
                await asyncio.gather(living, leaving, return_exceptions=True)

    async def _stay_connected(self) -> None:
        losses = refusals = 0
        while True:
            try:
                await self._live()
                losses = refusals = 0
            except _Ended:
                return
            except PlatformError as error:
                log.warning("wecom_bot_refused", code=error.code)
                losses += 1
                refusals += error.cls is ErrorClass.CHANNEL
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.warning("wecom_bot_unreachable", reason=type(error).__name__)
                losses += 1
            if refusals >= AUTH_TRIES:
                self._end("refused")
                return
            await asyncio.sleep(self._times.pause(losses, jitter=self._jitter()))

    async def _live(self) -> None:
        """Open, subscribe, and read until the connection ends. Raise what kept it from being usable."""
        socket = await self._session.ws_connect(
            self._bot.ws_url, ssl=self._ssl, proxy=self._settings.proxy, max_msg_size=frames.MAX_FRAME,
            timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
        )  # fmt: skip
        self._socket = socket
        reading = asyncio.create_task(self._read(socket))
        beating: asyncio.Task[None] | None = None
        try:
            await self._subscribe(socket)
            self.connected.set()
            self.settled.set()
            log.info("wecom_bot_connected")
            beating = asyncio.create_task(self._beat(socket))
            await reading
        finally:
            if self.connected.is_set():
                self._deaf_since = self._clock.now()
            self.connected.clear()
            self._socket = None
            self._forget_acks()
            for task in filter(None, (reading, beating)):
                task.cancel()
            await asyncio.gather(*filter(None, (reading, beating)), return_exceptions=True)
            await self._drop(socket)
        if self.ended:
            raise _Ended

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        req_id = self._new_id(frames.SUBSCRIBE)
        body = {"bot_id": self._bot.id, "secret": self._bot.secret.get_secret_value()}
        answer = await self._exchange(frames.frame(frames.SUBSCRIBE, req_id, body), req_id, socket)
        if answer.errcode:
            raise codes.error(answer.errcode, "订阅被拒绝")

    async def _beat(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ping; two in a row without an answer mean that nobody is there."""
        missed = 0
        while missed < 2:
            await asyncio.sleep(self._times.heartbeat)
            req_id = self._new_id(frames.PING)
            try:
                await self._exchange(frames.frame(frames.PING, req_id), req_id, socket)
                missed = 0
            except PlatformError:
                missed += 1
        log.warning("wecom_bot_silent")
        await self._drop(socket)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
            if self.ended:
                return

    def _take(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except frames.BadFrame as wrong:
            log.warning("wecom_bot_frame", reason=str(wrong))
            return
        if frame.cmd in (frames.MESSAGE, frames.EVENT):
            if frame.cmd == frames.EVENT and is_displacement(frame.body):
                self._end("displaced")
            self._keep(asyncio.create_task(self._hear(frame)))
        elif not frame.cmd and (future := self._acks.get(frame.req_id)) is not None and not future.done():
            future.set_result(frame)

    async def _hear(self, frame: frames.Frame) -> None:
        try:
            await self._on_frame(frame)
        except Exception:  # one message that breaks must not deafen the bot
            log.exception("wecom_bot_broke", cmd=frame.cmd)

    def _end(self, reason: str) -> None:
        self.ended = reason
        self.settled.set()
        log.error("wecom_bot_ended", reason=reason)

    def _forget_acks(self) -> None:
        """The connection is gone: whether what was asked arrived, nobody knows."""
        for future in filter(lambda ack: not ack.done(), self._acks.values()):
            future.set_exception(TimeoutError())

    async def _drop(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            await socket.close()

    def _keep(self, task: asyncio.Task[object] | asyncio.Task[None]) -> None:
        self._work.add(task)
        task.add_done_callback(self._work.discard)
