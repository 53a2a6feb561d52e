"""The middleware in which requests to the simulated WeCom go wrong: on purpose, or by an ApiError."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

from bot.simulator.faults import Fault, FaultPlan
from bot.simulator.people import World
from bot.simulator.wecom_api import failed
from bot.simulator.wecom_state import ApiError, Ledger

_UNCOUNTED = ("message/send", "auth/getuserinfo", "aibot/response")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def trouble(world: World, faults: FaultPlan, ledger: Ledger) -> Any:
    """A middleware that takes one fault a call from the plan, and dates answers by the world's clock."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = faults.outbound() if "/cgi-bin/" in request.path else None
        if fault is Fault.DEAD_TOKEN:
            ledger.kill_token()
        response = await _spoiled(fault, request, hold=faults.hold)
        if response is None and _over_the_rate(ledger, request.path):
            response = failed(45009, "api freq out of limit")
        if response is None:
            response = await _answered(request, handler)
        if fault is Fault.LATE_ANSWER:
            await asyncio.sleep(faults.hold)
        if fault is Fault.SLOW:
            await asyncio.sleep(faults.hold / 3)
        response.headers["Date"] = formatdate(world.now(), usegmt=True)
        return response

    return middleware


def _over_the_rate(ledger: Ledger, path: str) -> bool:
    """One API and corp: 10,000 a minute, 150,000 an hour. Sends and logins are not counted (sheet 8.1)."""
    api = path.partition("/cgi-bin/")[2]
    if not api or api in _UNCOUNTED or api.startswith("webhook/"):
        return False
    return not ledger.allows(f"api:{api}", minute=10_000, hour=150_000)


async def _spoiled(fault: Fault | None, request: web.Request, *, hold: float) -> web.StreamResponse | None:
    """The answer of a request that is not carried out, or None if it is."""
    if fault is Fault.SERVER_ERROR:
        return web.Response(status=502, text="<html><body>502 Bad Gateway</body></html>")
    if fault is Fault.BUSY:
        return failed(-1, "system busy")
    if fault in (Fault.RATE_LIMIT, Fault.QUOTA_GONE):  # one code for both: sheet section 8.3
        return failed(45009, "api freq out of limit")
    if fault is Fault.LOST:
        await asyncio.sleep(hold)
        return web.Response(status=504)
    if fault is Fault.RESET:
        if request.transport is not None:
            request.transport.close()
        return web.Response()
    return None


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return failed(error.code, error.text)
