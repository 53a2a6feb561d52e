"""The webhook mode of the simulated smart bot: encrypted JSON out, the sealed answer back. Sheet 4.3, 4.5."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import aiohttp
from aiohttp import web

from bot.platforms.wecom.crypto import CallbackError, open_envelope, seal, signature
from bot.simulator.acts import NotDelivered
from bot.simulator.people import World
from bot.simulator.wecom_api import ok, read_json
from bot.simulator.wecom_bot_answers import Answers
from bot.simulator.wecom_bot_state import BotAccount, BotLedger
from bot.simulator.wecom_state import ApiError

_TRIES = 3
_POLLS = 400


class Webhook:
    """Pushes to the bot's address, and takes what comes to a message's ``response_url``."""

    def __init__(
        self, world: World, account: BotAccount, answers: Answers, memory: BotLedger, *, base_url: str, patience: float
    ) -> None:  # fmt: skip
        self._world, self._account, self._answers, self._memory = world, account, answers, memory
        self._base_url, self._patience = base_url, patience
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, req_id: str, message: dict[str, Any]) -> None:
        """Push one message and carry out what the response says. Raise NotDelivered after three tries."""
        code = secrets.token_urlsafe(16)
        until = self._world.now() + 3600
        self._world.remember(f"wecom:bot:url:{code}", {"req": req_id, "until": until})
        message = message | {"response_url": f"{self._base_url}/cgi-bin/aibot/response?response_code={code}"}
        answer = await self._push(message)
        for _ in range(_POLLS):
            if not answer:
                return
            await self._carry_out(req_id, answer)
            if answer.get("msgtype") != "stream" or answer["stream"].get("finish"):
                return
            answer = await self._push(
                message | {"msgtype": "stream", "stream": {"id": answer["stream"]["id"]}}
            )

    async def verify(self) -> None:
        """Do what saving the form does. Raise NotDelivered."""
        echo = str(secrets.randbelow(10**19)).encode()
        encrypt, query = self._sealed(echo)
        if await self._request("GET", params=query | {"echostr": encrypt}) != echo:
            raise NotDelivered("URL 校验未通过")

    async def response_url(self, request: web.Request) -> web.Response:
        """One use within the hour; a card update is refused here."""
        body = read_json(await request.read())
        key = f"wecom:bot:url:{request.query.get('response_code', '')}"
        known = self._world.facts.get(key)
        if not known or known["until"] < self._world.now():
            raise ApiError(60140, "invalid response_code")
        if body.get("msgtype") not in ("markdown", "template_card"):
            raise ApiError(40008, "invalid message type")
        about = self._world.facts[f"wecom:bot:req:{known['req']}"]
        self._answers.show(about["chat"], body)
        self._world.remember(key, None)
        return ok()

    async def _carry_out(self, req_id: str, answer: dict[str, Any]) -> None:
        kind = self._world.facts[f"wecom:bot:req:{req_id}"]["kind"]
        try:
            if kind == "card":
                self._answers.update(req_id, answer)
            elif kind == "enter":
                self._answers.welcome(req_id, answer)
            else:
                self._answers.respond(req_id, answer)
        except ApiError as error:
            raise NotDelivered(f"回答被拒绝：{error.code} {error.text}") from None

    async def _push(self, message: dict[str, Any]) -> dict[str, Any] | None:
        plaintext = json.dumps(message, ensure_ascii=False).encode()
        for again in range(1, _TRIES + 1):
            encrypt, query = self._sealed(plaintext)
            body = await self._request("POST", params=query, data=json.dumps({"encrypt": encrypt}))
            if body is not None:
                return self._opened(body) if body else None
            if again < _TRIES:
                await asyncio.sleep(self._patience)
        raise NotDelivered("服务没有确认收到")

    async def _request(self, method: str, **request: Any) -> bytes | None:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        timeout = aiohttp.ClientTimeout(total=self._patience)
        try:
            async with self._session.request(
                method, self._account.callback_url, timeout=timeout, **request
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return None
        return body if answer.status == 200 else None

    def _sealed(self, plaintext: bytes) -> tuple[str, dict[str, str]]:
        prefix = secrets.token_bytes(16)
        encrypt = seal(plaintext, aes_key=self._account.aes_key, receive_id="", prefix=prefix)
        timestamp, nonce = str(int(self._world.now())), str(secrets.randbelow(10**9))
        signed = signature(self._account.token, timestamp, nonce, encrypt)
        return encrypt, {"msg_signature": signed, "timestamp": timestamp, "nonce": nonce}

    def _opened(self, body: bytes) -> dict[str, Any]:
        try:
            outer = json.loads(body)
            if not isinstance(outer["timestamp"], int):
                raise TypeError
            plaintext = open_envelope(
                outer["encrypt"], token=self._account.token, aes_key=self._account.aes_key, receive_id="",
                msg_signature=outer["msgsignature"], timestamp=str(outer["timestamp"]), nonce=outer["nonce"],
            )  # fmt: skip
            answer = json.loads(plaintext)
        except (ValueError, KeyError, TypeError, CallbackError) as wrong:
            raise NotDelivered(f"回答解不开：{type(wrong).__name__}") from wrong
        return dict(answer)
