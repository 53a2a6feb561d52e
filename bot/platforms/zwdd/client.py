"""HTTP to 浙政钉 and 专有钉钉: every request signed, every answer an object or a PlatformError."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from bot.core.clock import Clock
from bot.core.config_zwdd import ZwddSettings
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.shared import Token, TokenStore
from bot.platforms.zwdd import crypto

PLATFORM = "zwdd"
MAX_ANSWER = 100_000
TOKEN_CODES = ("240133", "OPF-B001-05-16-0001")
CODES: dict[str, tuple[ErrorClass, str]] = {
    "OPF-B001-05-16-0002": (ErrorClass.CHANNEL, "没有订阅这个接口：到开放平台「应用 → 接口权限」申请。"),
    "OPF-B001-05-16-0009": (ErrorClass.CHANNEL, "签名不对：核对应用密钥和服务器时钟。"),
    "240111": (ErrorClass.RECIPIENT, "登录码已用过或已过期，请关闭页面后重新打开。"),
}
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


class ZwddClient:
    """One app. All methods raise PlatformError, which never holds the secret or a token."""

    def __init__(
        self, settings: ZwddSettings, clock: Clock, session: aiohttp.ClientSession, tokens: TokenStore
    ) -> None:
        self._settings = settings
        self._secret = settings.app_secret.get_secret_value()
        self._clock = clock
        self._session = session
        self._tokens = tokens
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout, connect=settings.timeout / 2)
        self._tls = ssl.create_default_context(cafile=settings.ca_bundle) if settings.ca_bundle else True

    async def call(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """POST with an access token; a refused token is refreshed once. Returns ``content``."""
        key = f"{PLATFORM}:{self._settings.app_key}"
        token = await self._tokens.get(key, refused="", fetch=self._fetch)
        try:
            return await self._request("POST", path, {**params, "access_token": token})
        except PlatformError as error:
            if error.cls is not ErrorClass.TOKEN:
                raise
        token = await self._tokens.get(key, refused=token, fetch=self._fetch)
        return await self._request("POST", path, {**params, "access_token": token})

    async def _fetch(self) -> Token:
        params = {"appkey": self._settings.app_key, "appsecret": self._secret}
        try:
            data = (await self._request("GET", "/gettoken.json", params)).get("data")
        except PlatformError as error:
            if error.cls is not ErrorClass.UNKNOWN:
                raise
            raise PlatformError(error.code, "token", retry_after=5.0) from None  # nothing was sent yet
        value = data.get("accessToken") if isinstance(data, dict) else None
        if not isinstance(value, str) or not isinstance(data, dict):
            raise PlatformError("token.missing", retry_after=5.0)
        lasts = data.get("expiresIn")
        seconds = float(lasts) if isinstance(lasts, int | float) else 7200.0
        return Token(value, self._clock.now() + dt.timedelta(seconds=seconds))

    async def _request(self, method: str, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        try:
            async with self._session.request(
                method,
                self._settings.api_base + path,
                params=dict(params) if method == "GET" else None,
                data=dict(params) if method != "GET" else None,
                headers=self._signed(method, path, params),
                timeout=self._timeout,
                ssl=self._tls,
                proxy=self._settings.proxy,
            ) as answer:
                status, raw = answer.status, await answer.content.read(MAX_ANSWER)
        except _NOT_SENT as error:
            raise PlatformError("network.connect", type(error).__name__, retry_after=5.0) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PlatformError("network.outcome", type(error).__name__, cls=ErrorClass.UNKNOWN) from None
        return _content(status, raw)

    def _signed(self, method: str, path: str, params: Mapping[str, str]) -> dict[str, str]:
        now = self._clock.now()
        timestamp, nonce = crypto.timestamp_of(now), crypto.nonce_of(now, secrets.randbelow(10_000))
        return {
            "X-Hmac-Auth-Timestamp": timestamp,
            "X-Hmac-Auth-Version": crypto.VERSION,
            "X-Hmac-Auth-Nonce": nonce,
            "apiKey": self._settings.app_key,
            "X-Hmac-Auth-IP": self._settings.client_ip,
            "X-Hmac-Auth-MAC": self._settings.client_mac,
            "X-Hmac-Auth-Signature": crypto.sign(self._secret, method, timestamp, nonce, path, params),
        }


def _content(status: int, raw: bytes) -> dict[str, Any]:
    """``content`` of a success. An answer that is no JSON is a busy server."""
    try:
        tree = json.loads(raw)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise PlatformError(f"http.{status}", retry_after=5.0)
    content = tree.get("content")
    inner: dict[str, Any] = content if isinstance(content, dict) else {}
    if tree.get("success") is True and inner.get("success", True) is True:
        return inner
    code = str(tree.get("errorCode") or inner.get("responseCode") or tree.get("errorMsg") or f"http.{status}")
    if code in TOKEN_CODES or status == 401:
        raise PlatformError(code, cls=ErrorClass.TOKEN, retry_after=60.0)
    cls, advice = CODES.get(code, (ErrorClass.RETRY if status >= 500 else ErrorClass.BUG, ""))
    raise PlatformError(code, cls=cls, advice=advice, retry_after=5.0 if cls is ErrorClass.RETRY else 0.0)
