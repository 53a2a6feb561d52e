"""DingTalk's two HTTP APIs as one client: tokens, time-outs, every answer turned into JSON or PlatformError.

A request that may have arrived is ``UNKNOWN``; one that cannot have is ``RETRY``. Errors never carry a URL,
since tokens and sessions stand in URLs. Sheet: sections 4.1, 4.5, 10.2.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from bot.core.clock import Clock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.answers import read_at_most
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.dingtalk.codes import UNCOUNTED, verdict_of
from bot.platforms.dingtalk.fields import PLATFORM
from bot.platforms.dingtalk.pace import Pace
from bot.platforms.dingtalk.text import compact
from bot.platforms.shared import Budget, Meter, Token, TokenStore
from bot.platforms.tokens import OwnTokens

UPLOAD = "/media/upload"
IP_BLOCKED = "1111"  # an address that asks too often gets a page, or JSON with ``punish``
MAX_ANSWER = 100_000  # bytes of an answer that are read
FREE = (  # of the monthly quota: contacts, login, the visible range (section 10.1)
    "/topapi/v2/user/",
    "/topapi/v2/department/",
    "/topapi/user/",
    "/auth/scopes",
    "/v1.0/oauth2/",
    "/v1.0/contact/",
)
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: dict[str, Any] | None  # None: not a JSON object


class DingTalkClient:
    """Speak HTTP to DingTalk for one app. All methods raise PlatformError."""

    def __init__(
        self,
        settings: DingTalkSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        *,
        tokens: TokenStore | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.tokens = tokens or OwnTokens(clock)
        self._meter = meter
        self._pace = Pace(settings.calls_per_second)
        self._secret = settings.client_secret.get_secret_value()
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout, connect=settings.timeout / 2)
        self._tls = ssl.create_default_context(cafile=settings.ca_bundle) if settings.ca_bundle else True

    async def api(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call the new API; a refused token is refreshed once. Values of *query* are encoded here, once."""

        async def attempt(token: str) -> dict[str, Any]:
            header = {"x-acs-dingtalk-access-token": token}
            url = URL(self._settings.api_base + path, encoded=True).update_query(dict(query or {}))
            await self._pace.turn(_api_of(path))
            return self._counted(path, await self._exchange(method, url, body=body, headers=header))

        return await self._with_token("new", self._fetch_new_token, attempt)

    async def oapi(self, method: str, path: str, *, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the old API; a refused token is refreshed once."""

        async def attempt(token: str) -> dict[str, Any]:
            url = URL(self._settings.oapi_base + path).update_query(access_token=token)
            await self._pace.turn(_api_of(path))
            return self._counted(path, await self._exchange(method, url, body=body))

        return await self._with_token("old", self._fetch_old_token, attempt)

    async def upload(self, name: str, body: bytes, *, kind: str) -> str:
        """Upload a file; its ``media_id`` may be used again and again. To upload it twice does no harm."""

        async def attempt(token: str) -> dict[str, Any]:
            url = URL(self._settings.oapi_base + UPLOAD).update_query(access_token=token, type=kind)
            form = aiohttp.FormData(quote_fields=False)
            form.add_field("media", body, filename=re.sub(r'[\x00-\x1f"\\/]', "_", name))
            await self._pace.turn(UPLOAD)
            return self._counted(UPLOAD, await self._exchange("POST", url, body=None, form=form))

        try:
            answer = await self._with_token("old", self._fetch_old_token, attempt)
        except PlatformError as error:
            if error.cls is not ErrorClass.UNKNOWN:
                raise
            raise PlatformError(error.code, error.detail, retry_after=5.0) from None
        if not isinstance(media_id := answer.get("media_id"), str):
            raise PlatformError("media.none", cls=ErrorClass.BUG)
        return media_id

    async def open(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call a new API that takes no token (the Stream gateway)."""
        return self._checked(await self._exchange("POST", self._settings.api_base + path, body=body))

    async def as_user(self, path: str, token: str) -> dict[str, Any]:
        """Ask a new API in the name of a person who signed in."""
        headers = {"x-acs-dingtalk-access-token": token}
        url = self._settings.api_base + path
        return self._checked(await self._exchange("GET", url, body=None, headers=headers))

    async def webhook(self, url: URL, body: dict[str, Any]) -> dict[str, Any]:
        """Post to a robot webhook, whose address is its credential."""
        return self._checked(await self._exchange("POST", url, body=body))

    async def download(self, url: str, *, limit: int) -> tuple[bytes, str]:
        """Fetch a temporary link: bytes and the type it claims. Longer than *limit* bytes is refused."""
        try:
            async with self._session.get(url, **self._options()) as answer:
                if answer.status != 200:
                    raise failure(f"http.{answer.status}", status=answer.status)
                body, kind = await read_at_most(answer, limit + 1), answer.content_type
        except (aiohttp.ClientError, TimeoutError) as error:  # reading again does no harm
            raise PlatformError("network", type(error).__name__, retry_after=5.0) from None
        if len(body) > limit:
            raise PlatformError("media.tooLarge", cls=ErrorClass.BUG, advice="文件太大，请压缩后重发。")
        return body, kind

    def pushed(self) -> None:
        """Note one of the monthly pool that Stream pushes, HTTP pushes and custom robots share."""
        if self._meter is not None:
            self._meter.spent(PLATFORM, Budget.PUSHES)

    def _counted(self, path: str, answer: _Answer) -> dict[str, Any]:
        """Note the call in the ledger, unless DingTalk does not count it: contacts, login, throttled."""
        spends = self._meter is not None and not path.startswith(FREE)
        if spends and _code_in(answer) not in UNCOUNTED and self._meter is not None:
            self._meter.spent(PLATFORM, Budget.CALLS)
        return self._checked(answer)

    async def date(self) -> dt.datetime | None:
        """What DingTalk's clock says, from an answer's Date header; None when it does not say."""
        try:
            async with self._session.get(self._settings.oapi_base + "/gettoken", **self._options()) as answer:
                return parsedate_to_datetime(answer.headers["Date"])
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
            return None

    def _checked(self, answer: _Answer) -> dict[str, Any]:
        """The body of a success."""
        code = _code_in(answer)
        if code:
            raise failure(code, status=answer.status, detail=self._clean(answer.body or {}))
        return answer.body or {}

    async def _with_token(
        self,
        kind: str,
        fetch: Callable[[], Awaitable[Token]],
        attempt: Callable[[str], Awaitable[dict[str, Any]]],
    ) -> dict[str, Any]:
        key = f"{PLATFORM}:{self._settings.client_id}:{kind}"
        value = await self.tokens.get(key, refused="", fetch=fetch)
        try:
            return await attempt(value)
        except PlatformError as error:
            if error.cls is not ErrorClass.TOKEN:
                raise
        return await attempt(await self.tokens.get(key, refused=value, fetch=fetch))

    async def _fetch_new_token(self) -> Token:
        keys = {"appKey": self._settings.client_id, "appSecret": self._secret}
        url = self._settings.api_base + "/v1.0/oauth2/accessToken"
        answer = await self._fetch_token("POST", URL(url), body=keys)
        return self._token_in(answer, "accessToken", seconds="expireIn")

    async def _fetch_old_token(self) -> Token:
        keys = {"appkey": self._settings.client_id, "appsecret": self._secret}
        url = URL(self._settings.oapi_base + "/gettoken").update_query(keys)
        answer = await self._fetch_token("GET", url, body=None)
        return self._token_in(answer, "access_token", seconds="expires_in")

    def _token_in(self, answer: dict[str, Any], name: str, *, seconds: str) -> Token:
        value, lifetime = answer.get(name), answer.get(seconds)
        if not isinstance(value, str) or not value:
            raise PlatformError("token.missing", cls=ErrorClass.RETRY, retry_after=5.0)
        lasts = float(lifetime) if isinstance(lifetime, int | float) else 7200.0
        return Token(value, self._clock.now() + dt.timedelta(seconds=lasts))

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
        form: aiohttp.FormData | None = None,
    ) -> _Answer:
        sent = form if form is not None else None if body is None else compact(body).encode()
        accept = {"Accept": "application/json"}
        if form is None:
            accept["Content-Type"] = "application/json; charset=utf-8"
        try:
            async with self._session.request(
                method, url, data=sent, headers={**accept, **(headers or {})}, **self._options()
            ) as answer:
                return _Answer(answer.status, _json_object(await read_at_most(answer, MAX_ANSWER)))
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


def _api_of(path: str) -> str:
    """The API behind a path: its first and last parts, between which ids may stand."""
    parts = path.split("/")
    return "/".join([*parts[:4], parts[-1]])


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


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
