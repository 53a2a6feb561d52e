"""A 浙政钉 of a few calls: it checks every signature and drops equal contents of a day without a word."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from aiohttp import web

from bot.platforms.zwdd.crypto import sign
from bot.simulator.dingtalk_wire import day_of
from bot.simulator.people import World

MSG_BYTES, MAX_RECEIVERS = 2048, 1000
NOTICE = "zwdd/notice/"


class ZwddServer:
    """One tenant, one app. Codes are given by :meth:`login_code`."""

    def __init__(self, world: World, *, app_key: str, app_secret: str, tenant_id: str) -> None:
        self._world = world
        self._app_key, self._secret, self._tenant = app_key, app_secret, tenant_id
        self._codes: dict[str, str] = {}
        self._seen: dict[str, str] = {}  # bizMsgId -> msgId
        self.token = "zwdd-token-1"  # noqa: S105 - a simulated one

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/gettoken.json", self._gettoken),
                web.post("/message/workNotification", self._notify),
                web.post("/message/revoke", self._revoke),
                web.post("/rpc/oauth2/dingtalk_app_user.json", self._login),
            ]
        )
        return app

    def login_code(self, account_id: str) -> str:
        code = uuid4().hex
        self._codes[code] = account_id
        return code

    async def _gettoken(self, request: web.Request) -> web.Response:
        params = dict(request.query)
        if not self._is_signed(request, params):
            return _failed("OPF-B001-05-16-0009")
        if (params.get("appkey"), params.get("appsecret")) != (self._app_key, self._secret):
            return _failed("OPF-B001-05-16-0002")
        return _ok({"accessToken": self.token, "expiresIn": 7200})

    async def _notify(self, request: web.Request) -> web.Response:
        params = await self._checked(request)
        if isinstance(params, web.Response):
            return params
        receivers = [one for one in params.get("receiverIds", "").split(",") if one]
        text = params.get("msg", "")
        if params.get("tenantId") != self._tenant or not 0 < len(receivers) <= MAX_RECEIVERS:
            return _failed("400001")
        if len(text.encode()) > MSG_BYTES:
            return _failed("400002")
        known = self._seen.get(params.get("bizMsgId", ""))
        if known:
            return _ok({"msgId": known})
        number = uuid4().hex
        for one in receivers:
            self._show(one, text, number)
        if params.get("bizMsgId"):
            self._seen[params["bizMsgId"]] = number
        return _ok({"msgId": number})

    def _show(self, receiver: str, text: str, number: str) -> None:
        today = f"{NOTICE}{receiver}/{day_of(self._world.now())}"
        seen = self._world.facts.get(today, [])
        if self._world.person("zwdd", receiver) is None or text in seen:
            return
        self._world.remember(today, [*seen, text])
        self._world.post("zwdd", receiver, "action_card", {**json.loads(text), "msgId": number})

    async def _revoke(self, request: web.Request) -> web.Response:
        params = await self._checked(request)
        if isinstance(params, web.Response):
            return params
        shown = [m for m in self._world.messages.values() if m.content.get("msgId") == params.get("msgId")]
        for message in shown:
            self._world.change(message.id, recalled=True)
        return _ok({}) if shown else _failed("400003")

    async def _login(self, request: web.Request) -> web.Response:
        params = await self._checked(request)
        if isinstance(params, web.Response):
            return params
        account = self._codes.pop(params.get("auth_code", ""), "")
        return _ok({"accountId": account, "employeeCode": f"e-{account}"}) if account else _failed("240111")

    async def _checked(self, request: web.Request) -> dict[str, str] | web.Response:
        params = {name: str(value) for name, value in (await request.post()).items()}
        if not self._is_signed(request, params):
            return _failed("OPF-B001-05-16-0009")
        return params if params.get("access_token") == self.token else _failed("240133")

    def _is_signed(self, request: web.Request, params: dict[str, str]) -> bool:
        path = (
            request.path[request.path.index("/", 1) :] if request.path.startswith("/zwdd/") else request.path
        )
        given = request.headers
        wanted = sign(
            self._secret,
            request.method,
            given.get("X-Hmac-Auth-Timestamp", ""),
            given.get("X-Hmac-Auth-Nonce", ""),
            path,
            params,
        )
        return given.get("apiKey") == self._app_key and given.get("X-Hmac-Auth-Signature") == wanted


def _ok(data: dict[str, Any]) -> web.Response:
    return web.json_response({"success": True, "content": {"success": True, "data": data}})


def _failed(code: str) -> web.Response:
    return web.json_response({"success": False, "errorCode": code, "errorMsg": "refused"})
