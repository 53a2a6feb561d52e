"""The directory of the organisation, as far as the app may see it. Free of quota, not of pace. Sheet: section 8."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.platforms.base import Member, PlatformError
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.codes import THROTTLED
from bot.platforms.dingtalk.fields import items, nested, word
from bot.platforms.dingtalk.pace import Pace

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

    async def members(self) -> list[Member]:
        """Everybody in the visible range, each once, with the names of their departments."""
        scopes = nested((await self._ask("GET", "/auth/scopes")).get("auth_org_scopes"))
        departments = await self._departments([int(one) for one in items(scopes.get("authed_dept"))])
        found: dict[str, Member] = {}
        for number, name in departments.items():
            for row in await self._people(number):
                _add(found, row, name)
        for user_id in items(scopes.get("authed_user")):
            if str(user_id) not in found and (one := await self.member(str(user_id))) is not None:
                found[one.user_id] = one
        return list(found.values())

    async def member(self, user_id: str) -> Member | None:
        """One person; None when nobody has this id any more, or the app may not see them."""
        try:
            answer = await self._ask("POST", "/topapi/v2/user/get", {"userid": user_id})
        except PlatformError as error:
            if error.code in (*NOBODY, *HIDDEN):
                return None
            raise
        row = nested(answer.get("result"))
        return (
            Member(user_id, word(row, "name"), word(row, "mobile"))
            if row.get("active") is not False
            else None
        )

    async def _departments(self, roots: list[int]) -> dict[int, str]:
        """Number and name of every department below *roots*, and the roots themselves."""
        names: dict[int, str] = {}
        waiting = list(roots)
        while waiting:
            number = waiting.pop()
            names.setdefault(number, "")
            for row in items((await self._ask_visible("listsub", number)).get("result")):
                below = row.get("dept_id") if isinstance(row, dict) else None
                if isinstance(below, int) and below not in names:
                    names[below] = word(row, "name")
                    waiting.append(below)
        return names

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


def _add(found: dict[str, Member], row: dict[str, Any], department: str) -> None:
    user_id = word(row, "userid")
    if not user_id or row.get("active") is False:
        return
    before = found.get(user_id)
    names = (*(before.departments if before else ()), *([department] if department else ()))
    found[user_id] = Member(user_id, word(row, "name"), word(row, "mobile"), tuple(dict.fromkeys(names)))
