"""An SMS gateway by HTTP: takes ``{"mobile", "content", "id"}`` and keeps what arrived in the simulated world."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from bot.simulator.faults import Fault, FaultPlan
from bot.simulator.people import World


class SmsGateway:
    """Answers ``{"code": 0}``; an id seen before is taken and shown once, as good gateways do."""

    def __init__(self, world: World, faults: FaultPlan, *, authorization: str = "") -> None:
        self._world, self._faults, self._authorization = world, faults, authorization
        self._seen: set[str] = set(world.facts.get("sms/seen", ()))

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/send", self._send)
        return app

    async def _send(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults.outbound()
        if fault is Fault.SERVER_ERROR:
            return web.Response(status=502)
        if fault is Fault.BUSY:
            return web.json_response({"code": 9, "message": "busy"})
        if fault in (Fault.RESET, Fault.LOST):
            return self._cut(request)
        if self._authorization and request.headers.get("Authorization") != self._authorization:
            return web.json_response({"code": 1}, status=401)
        answer = self._take(await request.json())
        if fault is Fault.LATE_ANSWER:
            await asyncio.sleep(self._faults.hold)
        return answer

    def _take(self, body: dict[str, Any]) -> web.Response:
        mobile, text, name = (
            str(body.get("mobile", "")),
            str(body.get("content", "")),
            str(body.get("id", "")),
        )
        if not mobile.isdecimal() or len(mobile) != 11:
            return web.json_response({"code": 2, "message": "号码不对"})
        if name not in self._seen or not name:
            self._seen.add(name)
            self._world.remember("sms/seen", sorted(self._seen))
            self._world.post("sms", mobile, "sms", {"text": text, "id": name})
        return web.json_response({"code": 0})

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=504)
