"""Enterprises of the simulated WeCom: those that joined 上下游, and group robots they added themselves. Sheet 7."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from bot.simulator.people import World
from bot.simulator.wecom_api import ok, read_json
from bot.simulator.wecom_state import ApiError, Ledger

_TOKEN_LIFE = 7200


class Downstream:
    """``world.facts["wecom:downstream"]``: corp id -> name, agent and members of each enterprise."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/cgi-bin/corpgroup/corp/list_app_share_info", self.shared),
            web.post("/cgi-bin/corpgroup/corp/gettoken", self.token),
        ]

    def corp_of(self, token: str) -> str:
        """The enterprise a token is for; empty for the app's own."""
        known = self._world.facts.get(f"wecom:downtoken:{token}")
        return str(known["corp"]) if known and known["until"] > self._world.now() else ""

    def agent_of(self, corp: str) -> int:
        return int(self._corps()[corp]["agentid"])

    def receiver(self, corp: str, user_id: str) -> bool:
        return user_id.lower() in (member.lower() for member in self._corps()[corp]["members"])

    async def shared(self, request: web.Request) -> web.Response:
        """A page of at most ``limit`` enterprises; those that did not confirm permissions are missing."""
        self._ledger.check_token(request.query.get("access_token", ""))
        body = read_json(await request.read())
        rows = [
            {"corpid": corp, "corp_name": about["name"], "agentid": about["agentid"]}
            for corp, about in self._corps().items()
        ]
        start, limit = int(body.get("cursor") or 0), int(body.get("limit") or 100)
        end = start + limit
        more: dict[str, Any] = {
            "ending": int(end >= len(rows)),
            "next_cursor": str(end) if end < len(rows) else "",
        }
        return ok(corp_list=rows[start:end], **more)

    async def token(self, request: web.Request) -> web.Response:
        self._ledger.check_token(request.query.get("access_token", ""))
        body = read_json(await request.read())
        about = self._corps().get(str(body.get("corpid")))
        if about is None or about["agentid"] != body.get("agentid"):
            raise ApiError(2000002, "invalid corpid")
        value = "down-" + secrets.token_urlsafe(24)
        until = self._world.now() + _TOKEN_LIFE
        self._world.remember(f"wecom:downtoken:{value}", {"corp": body["corpid"], "until": until})
        return ok(access_token=value, expires_in=_TOKEN_LIFE)

    def _corps(self) -> dict[str, dict[str, Any]]:
        corps: dict[str, dict[str, Any]] = self._world.facts.get("wecom:downstream", {})
        return corps
