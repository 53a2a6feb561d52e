"""WeCom's server API for one app: token, calls, errors by code. Sheet sections 2.1 and 8."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from bot.core.clock import Clock
from bot.core.config import WeComSettings
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.wecom import codes
from bot.platforms.wecom.wire import Answer, Wire

_EARLY = 300.0  # seconds before its end at which a token is renewed
_SULK = dt.timedelta(seconds=60)  # before a refused secret is tried again: WeCom blocks the IP


class WeComClient:
    """Calls with one app's token. A token serves every task of the process and is fetched by one of them."""

    def __init__(self, settings: WeComSettings, clock: Clock, wire: Wire) -> None:
        self._settings = settings
        self._clock = clock
        self._wire = wire
        self._base = settings.api_base.rstrip("/") + "/cgi-bin/"
        self._token = ""
        self._until = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._refused: PlatformError | None = None
        self._fetching: asyncio.Task[str] | None = None

    async def call(
        self, method: str, path: str, *, lost: ErrorClass = ErrorClass.RETRY, **request: Any
    ) -> dict[str, Any]:
        """Call *path* and return its JSON, whose ``errcode`` is 0. Raise PlatformError by code."""
        answer = await self.download(method, path, lost=lost, **request)
        tree = answer.json()
        if tree is None:
            raise PlatformError("not_json", "回答不是 JSON", cls=lost, retry_after=2.0)
        return tree

    async def download(
        self, method: str, path: str, *, lost: ErrorClass = ErrorClass.RETRY, **request: Any
    ) -> Answer:
        """Call *path* and return the answer as it came, unless it is an error in JSON.

        A dead token is replaced once; the second refusal is final.
        """
        token = await self.token()
        answer = await self._ask(method, path, token, lost=lost, **request)
        if answer.errcode in codes.TOKEN_CODES:
            token = await self.token(dead=token)
            answer = await self._ask(method, path, token, lost=lost, **request)
        if answer.errcode:
            raise codes.error(answer.errcode, _hint(answer, token))
        return answer

    async def token(self, *, dead: str = "") -> str:
        """The app's token; a new one if the old one ends soon or is the one called *dead*.

        Whoever asks while it is being fetched shares the outcome, the failure too.
        """
        if self._token not in ("", dead) and self._clock.now() < self._until:
            return self._token
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(_read_outcome)
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> str:
        now = self._clock.now()
        if self._refused is not None and now < self._until:
            raise self._refused.with_traceback(None)
        self._token, self._refused = "", None
        secret = self._settings.secret.get_secret_value()
        params = {"corpid": self._settings.corp_id, "corpsecret": secret}
        answer = await self._wire.exchange("GET", self._base + "gettoken", params=params)
        tree = answer.json() or {}
        if answer.errcode or not tree.get("access_token"):
            raise self._refusal(
                codes.error(answer.errcode or -1, _hint(answer, secret), asking_for_token=True)
            )
        self._token = str(tree["access_token"])
        life = float(tree.get("expires_in", 7200))
        self._until = now + dt.timedelta(seconds=max(life - _EARLY, life / 2))
        return self._token

    def _refusal(self, error: PlatformError) -> PlatformError:
        """Keep an error that only a person can mend, so that it is not provoked again at once."""
        if error.cls is ErrorClass.CHANNEL:
            self._refused, self._until = error, self._clock.now() + _SULK
        return error

    async def _ask(self, method: str, path: str, token: str, **request: Any) -> Answer:
        params = {**request.pop("params", {}), "access_token": token}
        if callable(request.get("data")):  # a multipart body is used up by one request
            request["data"] = request["data"]()
        return await self._wire.exchange(method, self._base + path, params=params, **request)


def _read_outcome(task: asyncio.Task[str]) -> None:
    """A failure that nobody waits for any more is nobody's error, and asyncio need not warn of it."""
    if not task.cancelled():
        task.exception()


def _hint(answer: Answer, secret: str) -> str:
    """The errmsg, for the operator and WeCom's support; a secret it may repeat is taken out."""
    return str((answer.json() or {}).get("errmsg", "")).replace(secret, "***")[:300]
