"""WeCom's server API for one app: token, calls, errors by code. Sheet sections 2.1 and 8."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.shared import Token, TokenStore
from bot.platforms.wecom import codes
from bot.platforms.wecom.wire import Answer, Wire


class WeComClient:
    """Calls with one app's token, which *tokens* shares with whoever else uses the app."""

    def __init__(self, settings: WeComSettings, clock: Clock, wire: Wire, tokens: TokenStore) -> None:
        self._settings = settings
        self._clock = clock
        self._wire = wire
        self._tokens = tokens
        self._key = f"wecom:{settings.corp_id}:{settings.agent_id}"
        self._base = settings.api_base.rstrip("/") + "/cgi-bin/"

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
        """The app's token, another one than *dead*. Raise PlatformError."""
        return await self._tokens.get(self._key, refused=dead, fetch=self._fetch)

    async def _fetch(self) -> Token:
        now = self._clock.now()
        secret = self._settings.secret.get_secret_value()
        params = {"corpid": self._settings.corp_id, "corpsecret": secret}
        answer = await self._wire.exchange("GET", self._base + "gettoken", params=params)
        tree = answer.json() or {}
        if answer.errcode or not tree.get("access_token"):
            raise codes.error(answer.errcode or -1, _hint(answer, secret), asking_for_token=True)
        life = dt.timedelta(seconds=float(tree.get("expires_in", 7200)))
        return Token(str(tree["access_token"]), now + life)

    async def _ask(self, method: str, path: str, token: str, **request: Any) -> Answer:
        params = {**request.pop("params", {}), "access_token": token}
        if callable(request.get("data")):  # a multipart body is used up by one request
            request["data"] = request["data"]()
        return await self._wire.exchange(method, self._base + path, params=params, **request)


def _hint(answer: Answer, secret: str) -> str:
    """The errmsg, for the operator and WeCom's support; a secret it may repeat is taken out."""
    return str((answer.json() or {}).get("errmsg", "")).replace(secret, "***")[:300]
