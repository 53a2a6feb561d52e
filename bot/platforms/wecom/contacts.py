"""The corp's departments and members, as far as the app may see them. Sheet section 6."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.directory import Member, Unit
from bot.platforms.wecom.client import WeComClient

_NO_SUCH_NUMBER, _NO_SUCH_MEMBER = "46004", "60111"
_LEFT = (2, 5)  # disabled, left


class Contacts:
    """Reads only. Raise PlatformError: half a directory would look like people who left."""

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def units(self) -> list[Unit]:
        """Every department the app may see, each once."""
        rows = _rows(await self._client.call("GET", "department/list"), "department")
        rows = [row for row in rows if "id" in row]
        ids = {str(row["id"]) for row in rows}
        return list({unit.unit_id: unit for unit in (_unit(row, ids) for row in rows)}.values())

    async def members(self) -> list[Member]:
        """Everybody in the visible range, each once. Apps made after June 2022 are given no mobile numbers."""
        units = {unit.unit_id: unit for unit in await self.units()}
        found: dict[str, Member] = {}
        for unit_id in units:
            tree = await self._client.call("GET", "user/list", params={"department_id": unit_id})
            for row in _rows(tree, "userlist"):
                member = _member(row, units)
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
        return _member(row, {unit.unit_id: unit for unit in await self.units()})

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


class WithDirectory:
    """A platform whose directory is that of its app. Raise PlatformError."""

    contacts: Contacts

    async def units(self) -> list[Unit]:
        """Every department in the app's visible range."""
        return await self.contacts.units()

    async def members(self) -> list[Member]:
        """Everybody in the app's visible range."""
        return await self.contacts.members()

    async def member(self, user_id: str) -> Member | None:
        """One person of the directory."""
        return await self.contacts.member(user_id)

    async def user_of_mobile(self, mobile: str) -> str:
        """Whose number this is; empty when it is nobody's. Rationed by whoever asks."""
        return await self.contacts.user_of_mobile(mobile)


def _member(row: dict[str, Any], units: dict[str, Unit]) -> Member | None:
    user_id = str(row.get("userid") or "").lower()
    if not user_id or row.get("status") in _LEFT:
        return None
    ids = row.get("department")
    main = str(row.get("main_department"))
    named = sorted(map(str, ids), key=lambda unit_id: unit_id != main) if isinstance(ids, list) else []
    mine = tuple(units[unit_id] for unit_id in named if unit_id in units)
    return Member(user_id, str(row.get("name") or user_id), str(row.get("mobile") or ""), mine)


def _unit(row: dict[str, Any], ids: set[str]) -> Unit:
    unit_id, parent_id = str(row["id"]), str(row.get("parentid"))
    return Unit(unit_id, str(row.get("name") or unit_id), parent_id if parent_id in ids else "")


def _rows(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = tree.get(name)
    if not isinstance(rows, list):
        raise PlatformError("contacts", f"回答里没有 {name}", cls=ErrorClass.BUG)
    return [row for row in rows if isinstance(row, dict)]
