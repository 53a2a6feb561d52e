"""The corp's departments and members, as far as the app may see them. Sheet section 6."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.platforms.base import ErrorClass, Member, PlatformError
from bot.platforms.wecom.client import WeComClient

_NO_SUCH_NUMBER, _NO_SUCH_MEMBER = "46004", "60111"
_LEFT = (2, 5)  # disabled, left


class Contacts:
    """Reads only. Raise PlatformError: half a directory would look like people who left."""

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def members(self) -> list[Member]:
        """Everybody in the visible range, each once. Apps made after June 2022 are given no mobile numbers."""
        names = await self._departments()
        found: dict[str, Member] = {}
        for department in names:
            tree = await self._client.call("GET", "user/list", params={"department_id": department})
            for row in _rows(tree, "userlist"):
                member = _member(row, names)
                if member is not None:
                    found[member.user_id] = member
        return list(found.values())

    async def member(self, user_id: str) -> Member | None:
        """One person; None for who left, was disabled, or is outside the visible range."""
        try:
            row = await self._client.call("GET", "user/get", params={"userid": user_id})
        except PlatformError as error:
            if error.code == _NO_SUCH_MEMBER:
                return None
            raise
        return _member(row, await self._departments())

    async def user_of_mobile(self, mobile: str) -> str:
        """The member with this number; empty when there is none. Ask rarely: misses block the call for a day."""
        try:
            tree = await self._client.call(
                "POST", "user/getuserid", data=msgspec.json.encode({"mobile": mobile}),
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
        except PlatformError as error:
            if error.code == _NO_SUCH_NUMBER:
                return ""
            raise
        return str(tree.get("userid", "")).lower()

    async def _departments(self) -> dict[str, str]:
        """Names by id of every department the app may see."""
        rows = _rows(await self._client.call("GET", "department/list"), "department")
        return {str(row["id"]): str(row.get("name") or row["id"]) for row in rows if "id" in row}


def _member(row: dict[str, Any], names: dict[str, str]) -> Member | None:
    user_id = str(row.get("userid") or "").lower()
    if not user_id or row.get("status") in _LEFT:
        return None
    ids = row.get("department")
    departments = tuple(names[str(i)] for i in ids if str(i) in names) if isinstance(ids, list) else ()
    return Member(user_id, str(row.get("name") or user_id), str(row.get("mobile") or ""), departments)


def _rows(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = tree.get(name)
    if not isinstance(rows, list):
        raise PlatformError("contacts", f"回答里没有 {name}", cls=ErrorClass.BUG)
    return [row for row in rows if isinstance(row, dict)]
