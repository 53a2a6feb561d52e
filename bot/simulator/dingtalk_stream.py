"""The simulated Stream gateway: tickets, sockets, pings, and pushes that are repeated until acknowledged."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import WSMsgType, web

from bot.simulator.acts import NotDelivered
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.dingtalk_wire import Refused, json_body
from bot.simulator.faults import Fault, FaultPlan

DISCONNECT = {
    "specVersion": "1.0",
    "type": "SYSTEM",
    "headers": {"topic": "disconnect"},
    "data": '{"reason":"connection is expired"}',
}
UNANSWERED = 3  # pings without an answer after which a connection counts as dead
TICKET_SECONDS = 90.0  # of real time: it is a time-out


@dataclass(slots=True, eq=False)
class _Socket:
    """One connection; a draining one was told to disconnect and gets nothing more."""

    web: web.WebSocketResponse
    topics: frozenset[tuple[str, str]]
    draining: bool = False
    heard_at: float = field(default_factory=time.monotonic)


class StreamHub:
    """Hold the connections of the app and push to one of them at random."""

    def __init__(self, faults: FaultPlan, setup: DingTalkSetup) -> None:
        self._faults = faults
        self._credentials = (setup.client_id, setup.client_secret)
        self._ping_every = setup.ping_every
        self._resend_after, self._tries = setup.resend_after, setup.tries
        self._tickets: dict[str, tuple[float, frozenset[tuple[str, str]]]] = {}
        self._sockets: list[_Socket] = []
        self._arrived = asyncio.Event()
        self._acks: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.refuses = False  # the gateway is down

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1.0/gateway/connections/open", self._open),
            web.get("/connect", self._connect, name="connect"),
        ]

    @property
    def connections(self) -> int:
        return sum(not socket.draining for socket in self._sockets)

    async def push(
        self, kind: str, topic: str, data: Mapping[str, Any], *, patience: float, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Push until acknowledged; return the acknowledgement's data. Raise NotDelivered after all tries."""
        fault = self._faults.inbound()
        if fault is Fault.DELAYED:
            await asyncio.sleep(self._faults.delay)
        message_id = uuid4().hex
        known = {"topic": topic, "messageId": message_id, "contentType": "application/json", **headers}
        frame = {"specVersion": "1.0", "type": kind, "headers": known, "data": json.dumps(data)}
        for attempt in range(self._tries):
            if attempt:
                await asyncio.sleep(self._resend_after)
            answer = await self._deliver(frame, copies=2 if fault is Fault.TWICE else 1, patience=patience)
            if answer is not None:
                return answer
        raise NotDelivered(f"{topic}: {self._tries} 次推送都没有确认")

    async def disconnect_all(self, *, linger: float = 10.0) -> None:
        """Announce a disconnect on every socket, and close each *linger* seconds later."""
        for socket in [one for one in self._sockets if not one.draining]:
            socket.draining = True
            await self._send(socket, DISCONNECT)
            task = asyncio.create_task(self._close_later(socket, linger))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def drop_all(self) -> None:
        """Close every socket without a word."""
        for socket in list(self._sockets):
            await socket.web.close()

    async def close(self) -> None:
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self.drop_all()

    async def _open(self, request: web.Request) -> web.Response:
        if self.refuses:
            raise Refused("ServiceUnavailable", status=503)
        asked = await json_body(request)
        if (asked.get("clientId"), asked.get("clientSecret")) != self._credentials:
            raise Refused("invalidClientIdOrSecret", status=401)
        topics = frozenset((str(one["type"]), str(one["topic"])) for one in asked.get("subscriptions", ()))
        ticket = (
            secrets.token_urlsafe(24) + "/="
        )  # no plus: the vendor's own Node SDK does not percent-encode
        self._tickets[ticket] = (time.monotonic() + TICKET_SECONDS, topics)
        endpoint = request.url.join(request.app.router["connect"].url_for()).with_scheme("ws")
        return web.json_response({"endpoint": str(endpoint), "ticket": ticket})

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ends, topics = self._tickets.pop(request.query.get("ticket", ""), (0.0, frozenset()))
        if time.monotonic() >= ends:
            return web.Response(status=401)
        socket = _Socket(web.WebSocketResponse(), topics)
        await socket.web.prepare(request)
        self._sockets.append(socket)
        self._arrived.set()
        pings = asyncio.create_task(self._ping(socket))
        try:
            async for message in socket.web:
                if message.type is WSMsgType.TEXT:
                    socket.heard_at = time.monotonic()
                    self._heard(message.data)
        finally:
            pings.cancel()
            self._sockets.remove(socket)
        return socket.web

    async def _deliver(self, frame: dict[str, Any], *, copies: int, patience: float) -> dict[str, Any] | None:
        message_id = frame["headers"]["messageId"]
        answer = self._acks[message_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience):
                for _ in range(copies):
                    socket = await self._pick(frame["type"], frame["headers"]["topic"])
                    await self._send(socket, frame)
                return _accepted(await answer)
        except TimeoutError:
            return None
        finally:
            del self._acks[message_id]

    async def _pick(self, kind: str, topic: str) -> _Socket:
        """A connection at random, waiting for one if there is none."""
        wanted = (kind, "*" if kind == "EVENT" else topic)
        while True:
            usable = [one for one in self._sockets if not one.draining and wanted in one.topics]
            if usable:
                return secrets.choice(usable)
            self._arrived.clear()
            await self._arrived.wait()

    def _heard(self, text: str) -> None:
        body = _json_object(text)
        headers = _json_object(body.get("headers"))
        waiting = self._acks.get(str(headers.get("messageId", "")))
        if waiting is not None and not waiting.done():
            waiting.set_result(body)

    async def _ping(self, socket: _Socket) -> None:
        while not socket.web.closed:
            if time.monotonic() - socket.heard_at > UNANSWERED * self._ping_every:
                socket.draining = True  # frozen or gone: nothing more is pushed to it
                await self._hang_up(socket)
                return
            headers = {"topic": "ping", "messageId": uuid4().hex, "contentType": "application/json"}
            frame = {"specVersion": "1.0", "type": "SYSTEM", "headers": headers, "data": '{"opaque":"sim"}'}
            await self._send(socket, frame)
            await asyncio.sleep(self._ping_every)

    async def _send(self, socket: _Socket, frame: dict[str, Any]) -> None:
        with suppress(ConnectionError):  # it closed meanwhile: no acknowledgement will come
            await socket.web.send_str(json.dumps(frame))

    async def _hang_up(self, socket: _Socket) -> None:
        """Close without waiting for the other side, which answers nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await socket.web.close()

    async def _close_later(self, socket: _Socket, linger: float) -> None:
        await asyncio.sleep(linger)
        await socket.web.close()


def _accepted(body: dict[str, Any]) -> dict[str, Any] | None:
    """The data of an acknowledgement, or None where it asks for the push again."""
    data = _json_object(body.get("data"))
    return None if body.get("code") != 200 or data.get("status") == "LATER" else data


def _json_object(value: object) -> dict[str, Any]:
    """An object, or the object in a JSON string; anything else acknowledges nothing."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
