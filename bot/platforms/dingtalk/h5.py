"""Pages inside DingTalk: who opened them, and the right to ask the phone for its place. Sheet: section 7."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from yarl import URL

from bot.core.clock import Clock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import PlatformError
from bot.platforms.dingtalk.client import DingTalkClient, failure
from bot.platforms.dingtalk.crypto import jsapi_sign
from bot.platforms.dingtalk.fields import nested, word
from bot.platforms.shared import Token, TokenStore

JS_API = ("getLocation", "chooseImage")
TICKET_SECONDS = 7200.0


class H5:
    """All methods raise PlatformError; a code that was used, expired or made up is one of its kind."""

    def __init__(
        self, settings: DingTalkSettings, clock: Clock, client: DingTalkClient, tokens: TokenStore
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client
        self._tokens = tokens

    async def user_of(self, code: str) -> str:
        """The user id behind what ``dd.requestAuthCode`` gave: five minutes, once."""
        answer = await self._client.oapi("POST", "/topapi/v2/user/getuserinfo", body={"code": code})
        return _found(nested(answer.get("result")), "userid")

    async def config(self, url: str) -> dict[str, Any]:
        """What ``dd.config`` wants for the page at *url*, which is signed un-encoded and without its fragment."""
        ticket = await self._tokens.get(
            f"dingtalk:{self._settings.client_id}:jsapi", refused="", fetch=self._ticket
        )
        nonce, timestamp = secrets.token_hex(8), str(int(self._clock.now().timestamp() * 1000))
        return {
            "agentId": str(self._settings.agent_id),
            "corpId": self._settings.corp_id,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "signature": jsapi_sign(ticket, nonce=nonce, timestamp=timestamp, url=url),
            "type": 0,
            "jsApiList": list(JS_API),
        }

    def login_url(self, *, back: str, state: str) -> str:
        """Where a browser outside DingTalk signs in; it comes back with ``authCode`` and ``state``."""
        query = {
            "redirect_uri": back,
            "response_type": "code",
            "client_id": self._settings.client_id,
            "scope": "openid",
            "state": state,
            "prompt": "consent",
        }
        return str(URL(f"{self._settings.login_base}/oauth2/auth").with_query(query))

    async def browser_user(self, code: str) -> str:
        """The user id behind an ``authCode``; an internal app lets in members of its own organisation only."""
        body = {
            "clientId": self._settings.client_id,
            "clientSecret": self._settings.client_secret.get_secret_value(),
            "code": code,
            "grantType": "authorization_code",
        }
        token = _found(await self._client.open("/v1.0/oauth2/userAccessToken", body), "accessToken")
        union_id = _found(await self._client.as_user("/v1.0/contact/users/me", token), "unionId")
        answer = await self._client.oapi("POST", "/topapi/user/getbyunionid", body={"unionid": union_id})
        result = nested(answer.get("result"))
        if word(result, "contact_type") not in ("", "0"):  # 1: an external contact
            raise failure("60121")
        return _found(result, "userid")

    async def _ticket(self) -> Token:
        answer = await self._client.api("POST", "/v1.0/oauth2/jsapiTickets", body={})
        value, lasts = _found(answer, "jsapiTicket"), answer.get("expireIn")
        seconds = float(lasts) if isinstance(lasts, int | float) else TICKET_SECONDS
        return Token(value, self._clock.now() + dt.timedelta(seconds=seconds))


def _found(answer: dict[str, Any], name: str) -> str:
    value = word(answer, name)
    if not value:
        raise PlatformError("login.answer", f"no {name}")
    return value
