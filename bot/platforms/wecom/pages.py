"""H5 pages inside WeCom: the silent login and the JS-SDK's signatures. The pure parts need no network. Sheet 5."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from yarl import URL

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
from bot.platforms.shared import Token, TokenStore
from bot.platforms.wecom.client import WeComClient


@dataclass(frozen=True, slots=True)
class Signature:
    """What ``ww.register`` asks for."""

    timestamp: int
    nonce: str
    signature: str

    def as_json(self) -> dict[str, Any]:
        return {"timestamp": self.timestamp, "nonceStr": self.nonce, "signature": self.signature}


def sign_page(ticket: str, url: str, *, nonce: str, timestamp: int) -> Signature:
    """Sign a page's address, which is the one in the address bar without its fragment, not encoded again."""
    page = url.partition("#")[0]
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={page}"
    return Signature(timestamp, nonce, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def login_url(settings: WeComSettings, *, back: str, state: str, inside: bool) -> str:
    """Where to send somebody who has to say who they are: *inside* WeCom silently, on a desktop by a QR code."""
    if not inside:
        return str(
            URL(settings.sso_url).update_query(
                login_type="CorpApp", appid=settings.corp_id, agentid=str(settings.agent_id), redirect_uri=back,
                state=state,
            )
        )  # fmt: skip
    url = URL(settings.oauth_url).update_query(
        appid=settings.corp_id, redirect_uri=back, response_type="code", scope="snsapi_base", state=state,
        agentid=str(settings.agent_id),
    )  # fmt: skip
    return str(url.with_fragment("wechat_redirect"))


class Pages:
    """What pages ask the server API, for one app. Raise PlatformError."""

    def __init__(
        self, settings: WeComSettings, clock: Clock, client: WeComClient, tokens: TokenStore
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._client = client
        self._tokens = tokens

    async def user_of(self, code: str) -> str:
        """The member a login's code is for, in lower case; empty for somebody who is no member. One use."""
        path = "user/getuserinfo" if self.settings.legacy_userinfo else "auth/getuserinfo"
        tree = await self._client.call("GET", path, params={"code": code})
        user_id = str(tree.get("userid") or tree.get("UserId") or "")
        corp, slash, member = user_id.rpartition("/")
        return f"{corp}{slash}{member.lower()}"

    async def signatures(self, url: str) -> dict[str, Any]:
        """The corp's and the app's signature of a page, as its script hands them to the SDK."""
        now, nonce = int(self._clock.now().timestamp()), secrets.token_hex(8)
        corp, app = await self._ticket("corp"), await self._ticket("app")
        return {
            "corpId": self.settings.corp_id,
            "agentId": self.settings.agent_id,
            "config": sign_page(corp, url, nonce=nonce, timestamp=now).as_json(),
            "agentConfig": sign_page(app, url, nonce=nonce, timestamp=now).as_json(),
        }

    async def _ticket(self, kind: str) -> str:
        """Tickets are rationed (400 and 100 an hour) and shared like tokens."""
        key = f"wecom:{self.settings.corp_id}:{self.settings.agent_id}:ticket:{kind}"
        fetch = self._fetch_corp if kind == "corp" else self._fetch_app
        return await self._tokens.get(key, refused="", fetch=fetch)

    async def _fetch_corp(self) -> Token:
        return self._token(await self._client.call("GET", "get_jsapi_ticket"))

    async def _fetch_app(self) -> Token:
        return self._token(await self._client.call("GET", "ticket/get", params={"type": "agent_config"}))

    def _token(self, tree: dict[str, Any]) -> Token:
        life = dt.timedelta(seconds=float(tree.get("expires_in", 7200)))
        return Token(str(tree.get("ticket", "")), self._clock.now() + life)
