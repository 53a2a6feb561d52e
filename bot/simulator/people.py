"""The simulated world: who exists on which platform, and what stands in their chats.

Every change is one line in a journal file, so a world whose process is killed comes back as it was: the real
services do not forget either. Bodies of photos lie beside it (``media.py``). Nothing here is known to the
adapters; they see HTTP and sockets.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.simulator.media import MediaShelf, TypeAndName

SERIALS = 1000  # ids are reserved in blocks of so many, so that not every id needs a line in the journal


@dataclass(slots=True)
class SimPerson:
    """Somebody with a phone. ``user_id`` is their id on ``platform`` (``wecom`` or ``dingtalk``)."""

    platform: str
    user_id: str
    name: str
    mobile: str = ""
    role: str = ""  # shown on the page only
    department: str = ""


@dataclass(slots=True)
class SimMessage:
    """A bubble in a chat. ``content`` is what the platform was asked to show, unchanged."""

    id: str
    platform: str
    user_id: str  # whose chat (for groups: the group's id)
    kind: str  # text | markdown | textcard | template_card | action_card | card | image | file | group
    content: dict[str, Any]
    at: float  # simulated time, Unix seconds
    mine: bool = False  # the person said it
    card_id: str = ""  # task_id or outTrackId
    closed: str = ""  # text shown in place of the buttons
    versions: int = 1  # how often its content was set
    pressed: list[str] = field(default_factory=list)
    read: bool = False
    recalled: bool = False


class World:
    """People and their chats; ``journal`` keeps it over a kill. ``now`` is the simulated clock."""

    def __init__(self, *, now: Callable[[], float], journal: Path | None = None) -> None:
        self.now = now
        self.people: dict[tuple[str, str], SimPerson] = {}
        self.messages: dict[str, SimMessage] = {}
        self.chats: dict[tuple[str, str], list[str]] = {}  # (platform, user id) -> message ids, oldest first
        self.facts: dict[str, Any] = {}  # anything else that must outlive a kill (clock, counters, cards)
        self.media = MediaShelf(
            None if journal is None else journal.with_name(journal.name + ".media"), self._record_media
        )
        self.changed = asyncio.Event()  # set at each change; a page that waits clears it
        self.revision = 0  # counts the changes since the world began
        self._serial = 0
        self._reserved = 0
        self._journal = None
        if journal is not None:
            self._replay(journal)
            self._journal = journal.open("a", encoding="utf-8", buffering=1)

    # -- what platform servers call -------------------------------------------------------------------

    def next_id(self, prefix: str) -> str:
        """A new id, unique in this world over restarts."""
        self._serial += 1
        if self._serial > self._reserved:
            self._record("serials", {"until": self._serial + SERIALS})
        return f"{prefix}{self._serial:08d}"

    def add_person(self, person: SimPerson) -> None:
        self._record("person", {k: getattr(person, k) for k in SimPerson.__slots__})

    def person(self, platform: str, user_id: str) -> SimPerson | None:
        return self.people.get(_key(platform, user_id))

    def post(
        self, platform: str, user_id: str, kind: str, content: dict[str, Any], **more: Any
    ) -> SimMessage:
        """Put a bubble into a chat and return it. ``more``: ``mine``, ``card_id``, ``closed``."""
        message_id = more.pop("id", "") or self.next_id("m")
        self._record(
            "message",
            {
                "id": message_id,
                "platform": platform,
                "user_id": user_id,
                "kind": kind,
                "content": content,
                "at": self.now(),
                **more,
            },
        )
        return self.messages[message_id]

    def change(self, message_id: str, **fields: Any) -> SimMessage:
        """Change a bubble: ``content``, ``closed``, ``read``, ``recalled``, ``pressed``."""
        self._record("change", {"id": message_id, **fields})
        return self.messages[message_id]

    def remember(self, key: str, value: Any) -> None:
        """Keep a JSON-able fact over a kill."""
        self._record("fact", {"key": key, "value": value})

    def chat(self, platform: str, user_id: str) -> list[SimMessage]:
        return [self.messages[i] for i in self.chats.get(_key(platform, user_id), [])]

    def card(self, platform: str, user_id: str, card_id: str) -> SimMessage | None:
        """The newest bubble in this chat that shows the card."""
        return next((m for m in reversed(self.chat(platform, user_id)) if m.card_id == card_id), None)

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    # -- the journal ------------------------------------------------------------------------------------

    def _record(self, what: str, data: dict[str, Any]) -> None:
        """Apply a change and note it. Applied is what a replay would read, never a caller's own dict."""
        line = json.dumps([what, data], ensure_ascii=False)
        self._apply(*json.loads(line))
        if self._journal is not None:
            self._journal.write(line + "\n")
        self.changed.set()

    def _record_media(self, media_id: str, kind: TypeAndName) -> None:
        self._record("media", {"id": media_id, "kind": kind})

    def _apply(self, what: str, data: dict[str, Any]) -> None:
        match what:
            case "person":
                person = SimPerson(**data)
                self.people[_key(person.platform, person.user_id)] = person
            case "message":
                message = SimMessage(**data)
                self.messages[message.id] = message
                self.chats.setdefault(_key(message.platform, message.user_id), []).append(message.id)
            case "change":
                self._apply_change(**data)
            case "fact":
                self.facts[data["key"]] = data["value"]
            case "media":
                self.media.note(data["id"], (data["kind"][0], data["kind"][1]))
            case "serials":
                self._reserved = data["until"]
        self.revision += 1

    def _apply_change(self, id: str, **fields: Any) -> None:  # noqa: A002 - the journal's word
        message = self.messages[id]
        for name, value in fields.items():
            setattr(message, name, value)
        if "content" in fields or "closed" in fields:
            message.versions += 1

    def _replay(self, journal: Path) -> None:
        """Read the journal; a last line that a kill cut short (even inside a character) is taken off."""
        if not journal.exists():
            return
        *whole, cut = journal.read_bytes().split(b"\n")  # not splitlines(): U+2028 in a text is no line's end
        for line in whole:
            self._apply(*json.loads(line))
        self._serial = self._reserved
        if cut:
            os.truncate(journal, journal.stat().st_size - len(cut))


def _key(platform: str, user_id: str) -> tuple[str, str]:
    """WeCom takes user ids in any case."""
    return platform, user_id.lower() if platform == "wecom" else user_id
