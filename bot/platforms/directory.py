"""The directory of a chat service's organisation, as far as the app may see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Unit:
    """A department there. ``parent_id`` is empty at the top of what the app may see."""

    unit_id: str
    name: str
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a service's directory. ``mobile`` is empty where the app may not read it."""

    user_id: str
    name: str
    mobile: str = field(default="", repr=False)
    units: tuple[Unit, ...] = ()  # the main one first


@runtime_checkable
class Directory(Protocol):
    """A platform that can read its organisation's directory."""

    async def units(self) -> list[Unit]:
        """Every department the app may see. Raise PlatformError: half of them would look like departments gone."""
        ...

    async def members(self) -> list[Member]:
        """Everybody the app may see. Raise PlatformError: half a directory would look like people who left."""
        ...

    async def member(self, user_id: str) -> Member | None:
        """One person, None when nobody has this id any more. Raise PlatformError."""
        ...
