"""DingTalk's two HTTP APIs as one client: tokens, time-outs, every answer turned into JSON or PlatformError.

A request that may have arrived is ``UNKNOWN``; one that cannot have is ``RETRY``. Errors never carry a URL,
since tokens and sessions stand in URLs. Sheet: sections 4.1, 4.5, 10.2.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from bot.core.clock import Clock
from bot.core.config import DingTalkSettings
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.dingtalk.codes import verdict_of
from bot.platforms.dingtalk.text import compact

IP_BLOCKED = "1111"  # an address that asks too often gets a page, or JSON with ``punish``
MAX_ANSWER = 100_000  # bytes of an answer that are read
TOKEN_MARGIN = 300.0  # seconds before its end at which a token is no longer used
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: dict[str, Any] | None  # None: not a JSON object


class _Token:
    """One access token, fetched by whoever needs it first while the others wait."""

    def __init__(self, fetch: Callable[[], Awaitable[tuple[str, float]]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value = ""
        self._ends = dt.datetime.min.replace(tzinfo=dt.UTC)

    async def get(self, *, refused: str = "") -> str:
        """A token that is not *refused*."""
        async with self._lock:
            if not self._value or self._value == refused or self._clock.now() >= self._ends:
                self._value, seconds = await self._fetch()
                self._ends = self._clock.now() + dt.timedelta(seconds=max(seconds - TOKEN_MARGIN, 0))
            return self._value


class DingTalkClient:
    """Speak HTTP to DingTalk for one app. All methods raise PlatformError."""

    def __init__(self, settings: DingTalkSettings, clock: Clock, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._secret = settings.client_secret.get_secret_value()
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout, connect=settings.timeout / 2)
        self._tls = ssl.create_default_context(cafile=settings.ca_bundle) if settings.ca_bundle else True
        self._new_token = _Token(self._fetch_new_token, clock)
        self._old_token = _Token(self._fetch_old_token, clock)

    async def api(self, method: str, path: str, *, body: dict[str, Any]) -> dict[str, Any]:
        """Call the new API; a refused token is refreshed once."""

        async def attempt(token: str) -> dict[str, Any]:
            header = {"x-acs-dingtalk-access-token": token}
            url = self._settings.api_base + path
            return self._checked(await self._exchange(method, url, body=body, headers=header))

        return await self._with_token(self._new_token, attempt)

    async def oapi(self, method: str, path: str, *, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the old API; a refused token is refreshed once."""

        async def attempt(token: str) -> dict[str, Any]:
            url = URL(self._settings.oapi_base + path).update_query(access_token=token)
            return self._checked(await self._exchange(method, url, body=body))

        return await self._with_token(self._old_token, attempt)

    async def open(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call a new API that takes no token (the Stream gateway)."""
        return self._checked(await self._exchange("POST", self._settings.api_base + path, body=body))

    async def webhook(self, url: URL, body: dict[str, Any]) -> dict[str, Any]:
        """Post to a robot webhook, whose address is its credential."""
        return self._checked(await self._exchange("POST", url, body=body))

    async def download(self, url: str, *, limit: int) -> tuple[bytes, str]:
        """Fetch a temporary link: bytes and the type it claims. Longer than *limit* bytes is refused."""
        try:
            async with self._session.get(url, **self._options()) as answer:
                if answer.status != 200:
                    raise failure(f"http.{answer.status}", status=answer.status)
                body, kind = await _read(answer, limit + 1), answer.content_type
        except (aiohttp.ClientError, TimeoutError) as error:  # reading again does no harm
            raise PlatformError("network", type(error).__name__, retry_after=5.0) from None
        if len(body) > limit:
            raise PlatformError("media.tooLarge", cls=ErrorClass.BUG, advice="文件太大，请压缩后重发。")
        return body, kind

    def _checked(self, answer: _Answer) -> dict[str, Any]:
        """The body of a success."""
        code = _code_in(answer)
        if code:
            raise failure(code, status=answer.status, detail=self._clean(answer.body or {}))
        return answer.body or {}

    async def _with_token(
        self, token: _Token, attempt: Callable[[str], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        value = await token.get()
        try:
            return await attempt(value)
        except PlatformError as error:
            if error.cls is not ErrorClass.TOKEN:
                raise
        return await attempt(await token.get(refused=value))

    async def _fetch_new_token(self) -> tuple[str, float]:
        keys = {"appKey": self._settings.client_id, "appSecret": self._secret}
        url = self._settings.api_base + "/v1.0/oauth2/accessToken"
        answer = await self._fetch_token("POST", URL(url), body=keys)
        return _token_in(answer, "accessToken", seconds="expireIn")

    async def _fetch_old_token(self) -> tuple[str, float]:
        keys = {"appkey": self._settings.client_id, "appsecret": self._secret}
        url = URL(self._settings.oapi_base + "/gettoken").update_query(keys)
        answer = await self._fetch_token("GET", url, body=None)
        return _token_in(answer, "access_token", seconds="expires_in")

    async def _fetch_token(self, method: str, url: URL, *, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            return self._checked(await self._exchange(method, url, body=body))
        except PlatformError as error:
            if error.cls is not ErrorClass.UNKNOWN:
                raise
            # The send itself has not left yet, so its outcome is known: nothing was sent.
            raise PlatformError(error.code, "token", cls=ErrorClass.RETRY, retry_after=5.0) from None

    async def _exchange(
        self,
        method: str,
        url: str | URL,
        *,
        body: dict[str, Any] | None,
        headers: dict[str, str] | None = None,
    ) -> _Answer:
        sent = None if body is None else compact(body).encode()
        accept = {"Accept": "application/json", "Content-Type": "application/json; charset=utf-8"}
        try:
            async with self._session.request(
                method, url, data=sent, headers={**accept, **(headers or {})}, **self._options()
            ) as answer:
                return _Answer(answer.status, _json_object(await _read(answer, MAX_ANSWER)))
        except _NOT_SENT as error:
            raise PlatformError("network.connect", type(error).__name__, retry_after=5.0) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PlatformError("network.outcome", type(error).__name__, cls=ErrorClass.UNKNOWN) from None

    def connection_options(self) -> dict[str, Any]:
        """How to reach DingTalk from here: also for the Stream socket."""
        return {"ssl": self._tls, "proxy": self._settings.proxy}

    def _options(self) -> dict[str, Any]:
        return {"timeout": self._timeout, **self.connection_options()}

    def _clean(self, body: dict[str, Any]) -> str:
        """What DingTalk says about the error, without our secret should it be quoted."""
        text = str(body.get("sub_msg") or body.get("errmsg") or body.get("message") or "")[:200]
        request = str(body.get("requestid") or body.get("request_id") or "")[:64]
        text = text.replace(self._secret, "***")
        return f"{text} requestid={request}" if request else text


def failure(code: str, *, status: int = 200, detail: str = "") -> PlatformError:
    """The PlatformError for a DingTalk *code*."""
    found = verdict_of(code, status)
    return PlatformError(code, detail, cls=found.cls, retry_after=found.retry_after, advice=found.advice)


def _code_in(answer: _Answer) -> str:
    """The error code, empty for a success: ``code`` with HTTP 4xx/5xx, or ``errcode``, mostly with a 200."""
    body, status = answer.body, answer.status
    if body is None:
        return IP_BLOCKED if status < 400 else f"http.{status}"
    if "punish" in body:
        return IP_BLOCKED
    code = str(body.get("errcode", 0))
    if code == "88":
        code = str(body.get("sub_code") or code)
    if code == "0":
        code = str(body.get("code") or f"http.{status}") if status >= 400 else ""
    return code


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body up to *limit* bytes; the stream gives it in pieces."""
    pieces, size = [], 0
    while size < limit and (piece := await answer.content.read(limit - size)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _token_in(answer: dict[str, Any], name: str, *, seconds: str) -> tuple[str, float]:
    value, lifetime = answer.get(name), answer.get(seconds)
    if not isinstance(value, str) or not value:
        raise PlatformError("token.missing", cls=ErrorClass.RETRY, retry_after=5.0)
    return value, float(lifetime) if isinstance(lifetime, int | float) else 7200.0


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
