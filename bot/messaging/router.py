"""One handler per verb and per command; joined in ``handlers.chat`` and called by dispatch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.core.clock import Clock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.links import Links
from bot.inspection.calendar import Calendar
from bot.inspection.profile import Profile
from bot.messaging.actions import Action
from bot.platforms.base import InboundEvent, Platform


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler works with: one event of one known person."""

    event: InboundEvent
    person_id: int
    db: Database
    clock: Clock
    links: Links
    settings: Settings
    platform: Platform
    profile: Profile
    calendar: Calendar
    action: Action | None = None  # for buttons
    words: str = ""  # for text: what followed the command, or the whole text
    talk: dict[str, Any] = field(default_factory=dict)  # for talks: what was kept

    @property
    def subject_id(self) -> int:
        assert self.action is not None
        return self.action.subject_id

    @property
    def talk_key(self) -> str:
        return f"{self.event.platform}:{self.event.user_id}"


@dataclass(frozen=True, slots=True)
class Reply:
    """Words back into the chat (Markdown subset); empty says nothing, the card speaks. ``buttons`` as (text, url)."""

    text: str = ""
    title: str = ""
    links: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Context], Awaitable[Reply]]


@dataclass(slots=True)
class Router:
    """``actions`` by verb, ``commands`` by their first words, ``talks`` by topic."""

    actions: dict[str, Handler] = field(default_factory=dict)
    commands: dict[str, Handler] = field(default_factory=dict)
    talks: dict[str, Handler] = field(default_factory=dict)
    media: dict[str, Handler] = field(default_factory=dict)  # by topic of the open talk: photo, place
    others: dict[str, Handler] = field(default_factory=dict)  # "contact", or why an event cannot be read
    fallback: Handler | None = None  # text nobody understood

    def action(self, verb: str) -> Callable[[Handler], Handler]:
        return _into(self.actions, verb)

    def command(self, *words: str) -> Callable[[Handler], Handler]:
        """Text that begins with one of *words*."""

        def add(handler: Handler) -> Handler:
            for word in words:
                _into(self.commands, word)(handler)
            return handler

        return add

    def talk(self, topic: str) -> Callable[[Handler], Handler]:
        """The next words after ``talks.open(topic)``."""
        return _into(self.talks, topic)

    def photo(self, topic: str) -> Callable[[Handler], Handler]:
        """A photo sent while the talk is open, ``""`` when none is; ``place`` is a position, ``place:<topic>`` in a talk."""
        return _into(self.media, topic)

    def other(self, reason: str) -> Callable[[Handler], Handler]:
        """An event that no person meant for us: a change of the directory, or one that cannot be read."""
        return _into(self.others, reason)

    def find_command(self, text: str) -> tuple[Handler, str] | None:
        """The handler of the longest command that *text* begins with, and the rest of the text."""
        for word in sorted(self.commands, key=len, reverse=True):
            if text.startswith(word):
                return self.commands[word], text[len(word) :].strip()
        return None

    def include(self, other: Router) -> None:
        """Take over another router's handlers; the same verb twice is a bug."""
        for mine, theirs in (
            (self.actions, other.actions), (self.commands, other.commands), (self.talks, other.talks),
            (self.media, other.media), (self.others, other.others),
        ):  # fmt: skip
            for key, handler in theirs.items():
                _into(mine, key)(handler)
        self.fallback = other.fallback or self.fallback


def _into(table: dict[str, Handler], key: str) -> Callable[[Handler], Handler]:
    def add(handler: Handler) -> Handler:
        if key in table:
            raise ValueError(f"two handlers for {key!r}")
        table[key] = handler
        return handler

    return add
