"""What both simulated services offer the page and the people: how a bubble looks, and what one can do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from bot.simulator.people import SimMessage


@dataclass(frozen=True, slots=True)
class SimButton:
    """``key`` calls back, ``url`` opens a page."""

    text: str
    key: str = ""
    url: str = ""
    style: str = "default"


@dataclass(frozen=True, slots=True)
class SimChoice:
    """A question on a card: ``options`` as (id, text), which of them are chosen, and whether several may be."""

    key: str
    title: str
    options: tuple[tuple[str, str], ...]
    chosen: tuple[str, ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class MessageView:
    """A bubble as a phone shows it. ``body`` is Markdown; ``closed`` stands where the buttons were."""

    title: str
    body: str
    facts: tuple[tuple[str, str], ...] = ()
    buttons: tuple[SimButton, ...] = ()
    closed: str = ""
    source: str = ""
    image: str = ""
    tables: bool = False  # the body may hold them
    note: str = ""  # under the title
    headline: str = ""  # a figure in large type, and what it counts
    headline_note: str = ""
    quote: str = ""
    pictures: tuple[str, ...] = ()  # addresses on other servers, which the page names and does not load
    choices: tuple[SimChoice, ...] = ()
    menu: tuple[SimButton, ...] = ()  # behind the three dots


class PlatformServer(Protocol):
    """One simulated chat service: its HTTP side, and the people's fingers on it.

    The acts return when the service under test acknowledged the event, or raise ``NotDelivered`` after the
    platform's own number of tries.
    """

    name: str

    def app(self) -> web.Application: ...

    def view(self, message: SimMessage) -> MessageView: ...

    async def press(self, user_id: str, message_id: str, key: str) -> None: ...

    async def say(self, user_id: str, text: str) -> None: ...

    async def send_photo(self, user_id: str, body: bytes, media_type: str) -> None: ...

    async def send_place(self, user_id: str, latitude: float, longitude: float, label: str) -> None: ...

    async def open_chat(self, user_id: str) -> None: ...

    async def close(self) -> None: ...


class NotDelivered(Exception):  # noqa: N818 - it is what happened
    """The service under test never acknowledged."""
