"""How the simulated DingTalk answers at all: error shapes, tokens, the monthly quota, faults on purpose."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any
from uuid import uuid4

from aiohttp import web

from bot.simulator.faults import Fault, FaultPlan
from bot.simulator.people import World

TOKEN_SECONDS = 7200
COUNTED = ("/v1.0/robot/", "/v1.0/card/", "/v1.0/todo/", "/topapi/message/")  # against the monthly quota
NEEDS_TOKEN = (*COUNTED, "/auth/scopes", "/topapi/", "/v1.0/oauth2/jsapiTickets")
TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105 - the name of a header

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):  # noqa: N818 - it is what DingTalk does
    """A refusal. A word is the new API's ``code``; a number the old one's ``errcode``, which has HTTP 200."""

    def __init__(self, code: str | int, message: str = "", *, status: int = 400) -> None:
        super().__init__(str(code))
        self.code = code
        self.message = message or str(code)
        self.status = status

    def answer(self) -> web.Response:
        if isinstance(self.code, int):
            body: dict[str, Any] = {"errcode": self.code, "errmsg": self.message, "request_id": uuid4().hex}
            return web.json_response(body)
        body = {"code": self.code, "message": self.message, "requestid": uuid4().hex}
        return web.json_response(body, status=self.status)


_DONE_ALL_THE_SAME = (Fault.LATE_ANSWER, Fault.SLOW)


def _refusal(fault: Fault, *, old: bool) -> Refused:
    """Too fast just now, or the month's calls are used up. Sheet sections 10.1 and 10.2."""
    if fault is Fault.RATE_LIMIT:
        return (
            Refused(90018) if old else Refused("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", status=403)
        )
    return Refused(90020) if old else Refused("Forbidden.AccessDenied.ApiCountLimitForOrg", status=403)


class Tokens:
    """The access tokens of both APIs by the world's clock: the same one is given out until it ends or is killed.

    The real service takes one for the other; here each API wants its own, so that a mix-up is seen.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, tuple[str, float]] = {}

    def current(self, kind: str) -> str:
        token, _ = self._known.get(kind, ("", 0.0))
        if not self.good(kind, token):
            token = f"sim-{kind}-{uuid4().hex}"
            self._known[kind] = token, self._world.now() + TOKEN_SECONDS
        return token

    def good(self, kind: str, token: str) -> bool:
        known, ends = self._known.get(kind, ("", 0.0))
        return token != "" and token == known and self._world.now() < ends

    def kill(self, token: str) -> None:
        self._known = {kind: known for kind, known in self._known.items() if known[0] != token}


class Gate:
    """The middleware before every API call: faults, then the token, then the quota, then the call."""

    def __init__(
        self,
        world: World,
        faults: FaultPlan,
        tokens: Tokens,
        *,
        monthly_limit: int | None,
        per_second: int | None,
    ) -> None:
        self._world = world
        self._faults = faults
        self._tokens = tokens
        self._limit = monthly_limit
        self._per_second = per_second
        self._begun: dict[str, deque[float]] = {}
        self._calls = int(world.facts.get("dingtalk/calls", 0))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.endswith("/connect"):
            return await handler(request)
        fault = self._faults.outbound()
        if fault is Fault.DEAD_TOKEN:
            self._tokens.kill(_token_of(request))
        elif fault is not None and fault not in _DONE_ALL_THE_SAME:
            return await self._fail(request, fault)
        response = await self._serve(request, handler)
        if not response.prepared:
            response.headers["Date"] = formatdate(self._world.now(), usegmt=True)
        if fault in _DONE_ALL_THE_SAME:
            await asyncio.sleep(self._faults.hold / (3 if fault is Fault.SLOW else 1))
        return response

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._admit(request)
            return await handler(request)
        except Refused as refusal:
            return refusal.answer()

    def _admit(self, request: web.Request) -> None:
        if any(part in request.path for part in NEEDS_TOKEN) and not self._tokens.good(
            "old" if _is_old(request) else "new", _token_of(request)
        ):
            raise Refused(40014 if _is_old(request) else "InvalidAuthentication", "不合法的access_token")
        self._keep_pace(request)
        if self._limit is None or not any(part in request.path for part in COUNTED):
            return
        if self._calls >= self._limit:
            code = "Forbidden.AccessDenied.ApiCountLimitForOrg"
            raise Refused(90020, "API 调用次数已达上限") if _is_old(request) else Refused(code, status=403)
        self._calls += 1
        self._world.remember("dingtalk/calls", self._calls)

    def _keep_pace(self, request: web.Request) -> None:
        """So many calls a second for each API; what is refused does not count against the month."""
        if self._per_second is None or not any(part in request.path for part in NEEDS_TOKEN):
            return
        begun = self._begun.setdefault(request.path, deque(maxlen=self._per_second))
        now = time.monotonic()
        if len(begun) == self._per_second and now - begun[0] < 1.0:
            if _is_old(request):
                raise Refused(90018, "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了")
            raise Refused("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", status=403)
        begun.append(now)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault is Fault.SERVER_ERROR:
            page = "<html><h1>502 Bad Gateway</h1></html>"
            return web.Response(status=502, text=page, content_type="text/html")
        if fault in (Fault.RATE_LIMIT, Fault.QUOTA_GONE):
            return _refusal(fault, old=_is_old(request)).answer()
        if fault is Fault.BUSY:
            return (Refused(-1) if _is_old(request) else Refused("system.busy", status=500)).answer()
        if fault is Fault.LOST:
            await asyncio.sleep(self._faults.hold)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=504)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request (``\\uXXXX`` and raw UTF-8 alike). Raise Refused."""
    try:
        value = json.loads(await request.text())
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused(40035 if _is_old(request) else "InvalidParameter", "不合法的参数")
    return value


def day_of(moment: float) -> str:
    """The day in China."""
    return dt.datetime.fromtimestamp(moment, dt.timezone(dt.timedelta(hours=8))).date().isoformat()


def _token_of(request: web.Request) -> str:
    return request.headers.get(TOKEN_HEADER) or request.query.get("access_token", "")


def _is_old(request: web.Request) -> bool:
    return "/v1.0/" not in request.path
