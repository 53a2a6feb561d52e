"""The simulated DingTalk's HTTP mode: it posts what happens to the addresses of the app, signed and sealed."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import web

from bot.platforms.dingtalk.crypto import Envelope, robot_sign, timestamp_sign
from bot.simulator.acts import NotDelivered
from bot.simulator.dingtalk_setup import DingTalkSetup, HookPlan
from bot.simulator.dingtalk_wire import Refused, json_body
from bot.simulator.faults import Fault, FaultPlan
from bot.simulator.people import World

FAILED = "dingtalk/failed"  # fact: events that could not be delivered
MOST_FAILED = 200
ROUTE = "dingtalk/route/"  # facts: where a callbackRouteKey leads, and the secret that signs it


class HookPusher:
    """Post, read the answer, and post again where none came: robots and cards a few times, events twice more."""

    def __init__(self, world: World, faults: FaultPlan, setup: DingTalkSetup) -> None:
        self._world = world
        self._faults = faults
        self._app_secret = setup.client_secret
        self._resend_after, self._tries = setup.resend_after, setup.tries
        self.is_used = setup.hooks is not None
        self._point_at(setup.hooks or HookPlan())

    def save(self, plan: HookPlan) -> None:
        """Type *plan* into the console: from now on robot messages and events come by HTTP."""
        self.is_used = True
        self._point_at(plan)

    def _point_at(self, plan: HookPlan) -> None:
        self._plan = plan
        self._envelope = (
            Envelope(plan.event_token, plan.event_aes_key, plan.receive_id) if plan.event_token else None
        )

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1.0/card/callbacks/register", self._register),
            web.get("/call_back/get_call_back_failed_result", self._failed),
        ]

    async def robot(self, payload: Mapping[str, Any], *, patience: float) -> dict[str, Any]:
        """A message to the robot; the answer is a webhook message or empty."""
        timestamp = str(int(self._world.now() * 1000))
        headers = {"timestamp": timestamp, "sign": robot_sign(self._app_secret, timestamp)}
        return await self._push(self._plan.robot_url, payload, headers=headers, patience=patience)

    async def card(self, route: str, payload: Mapping[str, Any], *, patience: float) -> dict[str, Any]:
        """A press, to where the card's route leads."""
        url, secret = self._world.facts.get(ROUTE + route, ("", ""))
        timestamp = str(int(self._world.now() * 1000))
        headers = {
            "x-ddpaas-signature-timestamp": timestamp,
            "x-ddpaas-signature": timestamp_sign(secret, timestamp),
        }
        return await self._push(url, payload, headers=headers, patience=patience)

    async def event(self, data: Mapping[str, Any], *, patience: float) -> None:
        """An event; what could not be delivered is kept until it is asked for."""
        try:
            await self._event(data, patience=patience)
        except NotDelivered:
            name = str(data["EventType"])
            inner = {key: value for key, value in data.items() if key not in ("EventType", "EventTime")}
            entry = {"call_back_tag": name, "event_time": int(self._world.now() * 1000), name: inner}
            self._world.remember(FAILED, [*self._world.facts.get(FAILED, []), entry])
            raise

    async def _event(self, data: Mapping[str, Any], *, patience: float) -> None:
        """Sealed; the answer must be the sealed word ``success``."""
        assert self._envelope is not None
        timestamp, nonce = str(int(self._world.now() * 1000)), secrets.token_hex(4)
        text = json.dumps(data, ensure_ascii=False)
        sealed = self._envelope.seal(text, timestamp=timestamp, nonce=nonce, random16=secrets.token_bytes(16))
        query = {"msg_signature": sealed["msg_signature"], "timestamp": timestamp, "nonce": nonce}
        body = {"encrypt": sealed["encrypt"]}
        answer = await self._push(self._plan.event_url, body, query=query, patience=patience)
        opened = self._envelope.open(
            str(answer.get("encrypt", "")),
            signature=str(answer.get("msg_signature", "")),
            timestamp=str(answer.get("timeStamp", "")),
            nonce=str(answer.get("nonce", "")),
        )
        if opened != "success":
            raise NotDelivered("HTTP请求结果校验返回字段值失败")

    async def save_address(self) -> None:
        """What the console does when the event address is saved."""
        await self.event({"EventType": "check_url"}, patience=2.5)

    async def _push(
        self,
        url: str,
        body: Mapping[str, Any],
        *,
        patience: float,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        if not url:
            raise NotDelivered("没有填写回调地址")
        fault = self._faults.inbound()
        if fault is Fault.DELAYED:
            await asyncio.sleep(self._faults.delay)
        timeout = aiohttp.ClientTimeout(total=patience)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            for attempt in range(self._tries):
                if attempt:
                    await asyncio.sleep(self._resend_after)
                for _ in range(2 if fault is Fault.TWICE else 1):
                    answer = await _post(http, url, body, headers=headers, query=query)
                if answer is not None:
                    return answer
        raise NotDelivered(f"{self._tries} 次推送都没有应答")

    async def _failed(self, _request: web.Request) -> web.Response:
        """Up to two hundred, gone once they were fetched."""
        kept = self._world.facts.get(FAILED, [])
        self._world.remember(FAILED, kept[MOST_FAILED:])
        more = len(kept) > MOST_FAILED
        return web.json_response(
            {"errcode": 0, "errmsg": "ok", "failed_list": kept[:MOST_FAILED], "has_more": more}
        )

    async def _register(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        route, url, secret = (
            str(body.get(name, "")) for name in ("callbackRouteKey", "callbackUrl", "apiSecret")
        )
        if not route or not url.startswith("http"):
            raise Refused("param.error", "callbackRouteKey, callbackUrl")
        if ROUTE + route in self._world.facts and body.get("forceUpdate") is not True:
            raise Refused("param.callbackRouteKeyExist")
        self._world.remember(ROUTE + route, [url, secret])
        return web.json_response({"success": True, "requestId": uuid4().hex})


async def _post(
    http: aiohttp.ClientSession,
    url: str,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None,
    query: Mapping[str, str] | None,
) -> dict[str, Any] | None:
    """The JSON of a 200, or None."""
    try:
        async with http.post(url, json=body, headers=headers, params=query) as answer:
            value = await answer.json(content_type=None) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    return value if isinstance(value, dict) else None
