"""Enterprises that joined 上下游: the app is shared to them, and each is sent to with a token of its own. Sheet 7.2.

Their people are ``corp/userid`` everywhere, so nobody of theirs is ever taken for somebody of ours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.shared import Token, TokenStore
from bot.platforms.wecom.client import WeComClient
from bot.platforms.wecom.wire import Wire

_JSON = {"Content-Type": "application/json"}
_BUSINESS = 1  # 上下游; 0 is 企业互联
_PAGE = 100
_FRESH = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SharedCorp:
    """An enterprise, and the app's id inside it."""

    corp_id: str
    name: str
    agent_id: int


class DownstreamClient(WeComClient):
    """Calls for one enterprise, with the token that the app's own token fetches."""

    def __init__(
        self, settings: WeComSettings, clock: Clock, wire: Wire, tokens: TokenStore, *, own: WeComClient, corp: SharedCorp
    ) -> None:  # fmt: skip
        super().__init__(settings, clock, wire, tokens)
        self._key = f"{self._key}:down:{corp.corp_id}"
        self._own, self._corp = own, corp

    async def _fetch(self) -> Token:
        now = self._clock.now()
        body = {"corpid": self._corp.corp_id, "business_type": _BUSINESS, "agentid": self._corp.agent_id}
        data = msgspec.json.encode(body)
        tree = await self._own.call("POST", "corpgroup/corp/gettoken", data=data, headers=_JSON)
        life = dt.timedelta(seconds=float(tree.get("expires_in", 7200)))
        return Token(str(tree.get("access_token", "")), now + life)


class Downstream:
    """The enterprises of one app."""

    def __init__(
        self, settings: WeComSettings, clock: Clock, wire: Wire, tokens: TokenStore, *, own: WeComClient
    ) -> None:
        self._settings, self._clock, self._wire, self._tokens, self._own = settings, clock, wire, tokens, own
        self._corps: dict[str, SharedCorp] = {}
        self._clients: dict[str, DownstreamClient] = {}
        self._until = dt.datetime.min.replace(tzinfo=dt.UTC)

    @property
    def corp_ids(self) -> frozenset[str]:
        """The enterprises known so far."""
        return frozenset(self._corps)

    async def refresh(self) -> list[SharedCorp]:
        """Ask which enterprises have the app now; one that did not confirm its permissions is missing."""
        found: dict[str, SharedCorp] = {}
        cursor = ""
        while True:
            tree = await self._page(cursor)
            for row in tree.get("corp_list") or []:
                corp = SharedCorp(str(row["corpid"]), str(row.get("corp_name", "")), int(row["agentid"]))
                found[corp.corp_id] = corp
            cursor = str(tree.get("next_cursor") or "")
            if tree.get("ending") == 1 or not cursor:
                break
        self._corps, self._until = found, self._clock.now() + _FRESH
        return list(found.values())

    async def client(self, corp_id: str) -> tuple[DownstreamClient, int]:
        """Who calls for this enterprise, and the app's id there. Raise PlatformError(RECIPIENT) when it is gone."""
        if corp_id not in self._corps or self._clock.now() >= self._until:
            await self.refresh()
        corp = self._corps.get(corp_id)
        if corp is None:
            raise PlatformError(
                "downstream", "这个企业没有加入上下游，或没有确认权限", cls=ErrorClass.RECIPIENT,
                advice="管理后台 → 上下游 → 应用，确认已共享给这个企业且对方已确认。",
            )  # fmt: skip
        if corp_id not in self._clients:
            self._clients[corp_id] = DownstreamClient(
                self._settings, self._clock, self._wire, self._tokens, own=self._own, corp=corp
            )
        return self._clients[corp_id], corp.agent_id

    async def _page(self, cursor: str) -> dict[str, Any]:
        body = {
            "agentid": self._settings.agent_id, "business_type": _BUSINESS, "limit": _PAGE, "cursor": cursor,
        }  # fmt: skip
        data = msgspec.json.encode(body)
        return await self._own.call("POST", "corpgroup/corp/list_app_share_info", data=data, headers=_JSON)


def by_corp(user_ids: Sequence[str]) -> dict[str, list[str]]:
    """User ids by their enterprise; empty is our own corp."""
    found: dict[str, list[str]] = {}
    for user_id in user_ids:
        corp, _, _ = user_id.rpartition("/")
        found.setdefault(corp, []).append(user_id)
    return found
