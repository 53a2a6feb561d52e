"""The directory of the organisation, as far as the app may see it. Free of quota, not of pace. Sheet: section 8."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.platforms.base import PlatformError
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.codes import THROTTLED
from bot.platforms.dingtalk.fields import items, nested, word
from bot.platforms.dingtalk.pace import Pace
from bot.platforms.directory import Member, Unit

PAGE = 100  # people in one answer
PER_SECOND = 10  # of all contact calls together: a naive sync was throttled (section 8)
PATIENCE = 5  # times that a throttled call is repeated
ROOT = 1
NOBODY = ("33012", "60121")
HIDDEN = ("50002", "50004")  # outside what the app may see


class Contacts:
    """Reads; a page that is throttled is asked for again, so the sync goes on where it was."""

    def __init__(self, client: DingTalkClient) -> None:
        self._client = client
        self._pace = Pace(PER_SECOND)

    async def units(self) -> list[Unit]:
        """Every department in the visible range; the root of the organisation has no name and is left out."""
        return [unit for unit in (await self._units(await self._scopes())).values() if unit.name]

    async def members(self) -> list[Member]:
        """Everybody in the visible range, each once, with their departments."""
        scopes = await self._scopes()
        units = await self._units(scopes)
        found: dict[str, Member] = {}
        for unit in units.values():
            for row in await self._people(int(unit.unit_id)):
                _add(found, row, unit)
        for user_id in items(scopes.get("authed_user")):
            if str(user_id) not in found and (one := await self._member(str(user_id), units)) is not None:
                found[one.user_id] = one
        return list(found.values())

    async def member(self, user_id: str) -> Member | None:
        """One person; None when nobody has this id any more, or the app may not see them."""
        return await self._member(user_id, {})

    async def _member(self, user_id: str, units: dict[str, Unit]) -> Member | None:
        """With the departments that are among *units*, or all of them by their numbers where none are known."""
        try:
            answer = await self._ask("POST", "/topapi/v2/user/get", {"userid": user_id})
        except PlatformError as error:
            if error.code in (*NOBODY, *HIDDEN):
                return None
            raise
        row = nested(answer.get("result"))
        ids = [str(one) for one in items(row.get("dept_id_list")) if one != ROOT]
        mine = tuple(units.get(one, Unit(one, "")) for one in ids if not units or one in units)
        active = row.get("active") is not False
        return Member(user_id, word(row, "name"), word(row, "mobile"), mine) if active else None

    async def _scopes(self) -> dict[str, Any]:
        return nested((await self._ask("GET", "/auth/scopes")).get("auth_org_scopes"))

    async def _units(self, scopes: dict[str, Any]) -> dict[str, Unit]:
        """By number: every department below the roots of the visible range, and the roots themselves."""
        units: dict[str, Unit] = {}
        waiting = [int(one) for one in items(scopes.get("authed_dept"))]
        while waiting:
            number = waiting.pop()
            above = units.setdefault(str(number), Unit(str(number), ""))
            for row in items((await self._ask_visible("listsub", number)).get("result")):
                below = row.get("dept_id") if isinstance(row, dict) else None
                if isinstance(below, int) and str(below) not in units:
                    parent = above.unit_id if above.name else ""
                    units[str(below)] = Unit(str(below), word(row, "name"), parent)
                    waiting.append(below)
        return units

    async def _people(self, department: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor = 0
        while True:
            body = {"dept_id": department, "cursor": cursor, "size": PAGE}
            page = nested((await self._ask("POST", "/topapi/v2/user/list", body)).get("result"))
            rows += [row for row in items(page.get("list")) if isinstance(row, dict)]
            following = page.get("next_cursor")
            if page.get("has_more") is not True or not isinstance(following, int) or following <= cursor:
                return rows
            cursor = following

    async def _ask_visible(self, what: str, department: int) -> dict[str, Any]:
        try:
            return await self._ask("POST", f"/topapi/v2/department/{what}", {"dept_id": department})
        except PlatformError as error:
            if error.code in HIDDEN:
                return {}
            raise

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        for _ in range(PATIENCE):
            await self._pace.turn("contacts")
            try:
                return await self._client.oapi(method, path, body=body)
            except PlatformError as error:
                if error.code not in THROTTLED:
                    raise
                await asyncio.sleep(error.retry_after)
        await self._pace.turn("contacts")
        return await self._client.oapi(method, path, body=body)


def _add(found: dict[str, Member], row: dict[str, Any], unit: Unit) -> None:
    user_id = word(row, "userid")
    if not user_id or row.get("active") is False:
        return
    before = found.get(user_id)
    units = (*(before.units if before else ()), *([unit] if unit.name else ()))
    found[user_id] = Member(user_id, word(row, "name"), word(row, "mobile"), tuple(dict.fromkeys(units)))
