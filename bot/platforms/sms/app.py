"""SMS through any gateway that takes JSON by HTTP, as a :class:`Platform`. What it takes is in the settings."""

from __future__ import annotations

import json
import ssl
from typing import Any

import aiohttp

from bot.core.config_fallback import SmsSettings
from bot.core.ids import sha256_hex
from bot.platforms.answers import read_at_most
from bot.platforms.base import (
    Capabilities,
    CheckResult,
    ErrorClass,
    Limit,
    OutboundMessage,
    PlatformError,
    Scope,
    Sent,
)
from bot.platforms.one_way import OneWay
from bot.platforms.plain import short

PLATFORM = "sms"
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
_MAX_ANSWER = 100_000


class SmsPlatform(OneWay):
    """One gateway. All methods raise PlatformError only."""

    name = PLATFORM

    def __init__(self, settings: SmsSettings, session: aiohttp.ClientSession) -> None:
        self._settings, self._session = settings, session
        self._tls = ssl.create_default_context(cafile=settings.ca_bundle) if settings.ca_bundle else True
        self.capabilities = Capabilities(
            cards=False, card_updates=False, resend_is_safe=settings.repeats_by_id,
            plain_resend_is_safe=settings.repeats_by_id, media=False, max_buttons=1, body_bytes=1000,
            limits=(Limit(Scope.PERSON, 1, 60.0), Limit(Scope.PERSON, 5, 3600.0)),
        )  # fmt: skip

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send one short line. 4xx or a refusal in a 200 is a failure; a lost answer is UNKNOWN."""
        name = message.key or sha256_hex(f"{user_id}{message.title}{message.body}".encode())[:32]
        answer = await self._ask(self._body(user_id, message, name))
        wanted = self._settings.ok_field
        if wanted and str(_inside(answer, wanted)) != self._settings.ok_value:
            advice = f"短信网关没有接受，{wanted} 不是 {self._settings.ok_value}。"
            raise PlatformError(f"sms.{_inside(answer, wanted)}"[:80], cls=ErrorClass.BUG, advice=advice)
        return Sent(ref=name)

    async def check(self) -> list[CheckResult]:
        """Look at the address only: every other question to a gateway costs a message."""
        try:
            async with self._session.head(self._settings.url, ssl=self._tls, allow_redirects=False) as answer:
                return [CheckResult("短信", ok=answer.status < 500, seen=f"网关应答 {answer.status}")]
        except (aiohttp.ClientError, TimeoutError) as error:
            advice = "核对 SUICHA_SMS__URL 和本机网络。"
            return [CheckResult("短信", ok=False, seen=type(error).__name__, advice=advice)]

    def _body(self, mobile: str, message: OutboundMessage, name: str) -> bytes:
        sign = self._settings.signature
        text = sign + short(message, limit=self._settings.max_chars - len(sign))
        tree = _filled(json.loads(self._settings.body), {"{mobile}": mobile, "{text}": text, "{id}": name})
        return json.dumps(tree, ensure_ascii=False).encode()

    async def _ask(self, body: bytes) -> dict[str, Any]:
        s = self._settings
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if s.authorization is not None:
            headers["Authorization"] = s.authorization.get_secret_value()
        limits = aiohttp.ClientTimeout(total=s.timeout, connect=s.timeout / 2)
        try:
            async with self._session.post(
                s.url, data=body, headers=headers, timeout=limits, ssl=self._tls, allow_redirects=False
            ) as answer:
                raw, status = await read_at_most(answer, _MAX_ANSWER), answer.status
        except _NOT_SENT as error:
            raise PlatformError("sms.connect", type(error).__name__, retry_after=10.0) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PlatformError("sms.no_answer", type(error).__name__, cls=ErrorClass.UNKNOWN) from None
        if status == 429 or status >= 500:
            raise PlatformError(f"sms.http_{status}", retry_after=30.0)
        if status >= 300:
            advice = "核对 SUICHA_SMS__URL、SUICHA_SMS__AUTHORIZATION 和 SUICHA_SMS__BODY。"
            raise PlatformError(f"sms.http_{status}", cls=ErrorClass.CHANNEL, advice=advice)
        try:
            tree = json.loads(raw or b"{}")
        except ValueError:
            tree = {}
        return tree if isinstance(tree, dict) else {}


def _filled(tree: Any, places: dict[str, str]) -> Any:
    if isinstance(tree, dict):
        return {key: _filled(value, places) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, places) for value in tree]
    if isinstance(tree, str):
        for place, value in places.items():
            tree = tree.replace(place, value)
    return tree


def _inside(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree
