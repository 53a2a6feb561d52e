"""What the smart bot hears, as InboundEvents. Pure; the same JSON comes by socket and by webhook. Sheet 4.1, 4.2.

A file is only an address with a key here, good for five minutes: :class:`Attachment` names it, and whoever
receives fetches it at once and puts the id it was kept under into the event.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.wecom.fields import Malformed

SOCKET, WEBHOOK, RESPONSE_URL = "bot:", "hook:", "url:"  # how a reply_token begins
REPLY_LIFE = dt.timedelta(hours=24)
_FILES = {"image": InboundKind.IMAGE, "file": InboundKind.OTHER, "video": InboundKind.OTHER}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to fetch now. ``key`` is base64, empty in webhook mode, where the bot's own key opens it."""

    url: str = field(repr=False)
    key: str = field(default="", repr=False)
    kind: str = "image"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event, and the file that belongs to it."""

    event: InboundEvent
    attachment: Attachment | None = None


def decode(
    body: dict[str, Any], *, platform: str, received: dt.datetime, reply_token: str, bot_name: str = ""
) -> list[Heard]:
    """Turn one message or event into what a person did; a mixed message is several. Raise Malformed.

    *reply_token* answers it; for a button it is what updates the card.
    """
    common = _Common(body, platform, received, reply_token)
    kind = _word(body, "msgtype")
    if kind == "event":
        return [Heard(common.event("", **_event(_part(body, "event"), reply_token)))]
    if kind == "mixed":
        return list(_mixed(_part(body, "mixed"), common, bot_name))
    return [_one(kind, body, common, "", bot_name)]


def kept(heard: Heard, media_id: str, *, is_picture: bool) -> InboundEvent:
    """The event with the id its file was kept under; a picture sent as a file is a picture."""
    event = heard.event
    kind = InboundKind.IMAGE if is_picture else event.kind
    return structs.replace(event, media_id=media_id, kind=kind)


def is_displacement(body: dict[str, Any]) -> bool:
    """Whether another connection took over: the one event after which one does not come back."""
    event = body.get("event")
    return isinstance(event, dict) and event.get("eventtype") == "disconnected_event"


def is_enter(body: dict[str, Any]) -> bool:
    event = body.get("event")
    return isinstance(event, dict) and event.get("eventtype") == "enter_chat"


class _Common:
    """What every event of one body shares."""

    def __init__(self, body: dict[str, Any], platform: str, received: dt.datetime, reply_token: str) -> None:
        group = _word(body, "chattype") == "group"
        self._id = _word(body, "msgid")
        if not self._id:
            raise Malformed
        self._fields: dict[str, Any] = {
            "platform": platform,
            "user_id": _word(_part(body, "from"), "userid").lower(),
            "at": _moment(body.get("create_time"), received),
            "conversation": _word(body, "chatid") if group else "",
            "reply_token": reply_token,
            "reply_until": received + REPLY_LIFE,
        }

    def event(self, suffix: str, **fields: Any) -> InboundEvent:
        identity = hashlib.sha256(f"bot\x1f{self._id}\x1f{suffix}".encode()).hexdigest()
        return InboundEvent(**(self._fields | {"event_id": identity} | fields))


def _one(kind: str, body: dict[str, Any], common: _Common, suffix: str, bot_name: str) -> Heard:
    part = _part(body, kind) if kind else {}
    if kind in ("text", "voice"):  # a voice comes as its transcript
        words = _without_name(_word(part, "content"), bot_name)
        return Heard(common.event(suffix, kind=InboundKind.TEXT, text=words))
    if kind in _FILES:
        file = Attachment(_word(part, "url"), _word(part, "aeskey"), kind)
        return Heard(common.event(suffix, kind=_FILES[kind], raw={"msgtype": kind}), file)
    return Heard(common.event(suffix, kind=InboundKind.OTHER, raw={"msgtype": kind}))


def _mixed(part: dict[str, Any], common: _Common, bot_name: str) -> Iterator[Heard]:
    items = part.get("msg_item")
    if not isinstance(items, list) or not items or len(items) > 50:
        raise Malformed
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise Malformed
        yield _one(_word(item, "msgtype"), item, common, str(number), bot_name)


def _event(event: dict[str, Any], reply_token: str) -> dict[str, Any]:
    name = _word(event, "eventtype")
    if name == "enter_chat":
        return {"kind": InboundKind.ENTER}
    if name != "template_card_event":
        return {"kind": InboundKind.OTHER, "raw": {"event": name}}
    nested = event.get(name)  # the vendor's types have the fields flat, its pages nested: both are read
    flat = {**event, **(nested if isinstance(nested, dict) else {})}
    chosen = _chosen(flat.get("selected_items"))
    return {
        "kind": InboundKind.BUTTON,
        "action": _word(flat, "event_key"),
        "card_id": _word(flat, "task_id"),
        "card_token": reply_token,
        "raw": {"selected": chosen} if chosen else {},
    }


def _chosen(selected: Any) -> dict[str, list[str]]:
    """What was selected, by question; the lists may be single objects."""
    found: dict[str, list[str]] = {}
    for item in _listed(selected, "selected_item"):
        if isinstance(item, dict):
            options = _listed(item.get("option_ids"), "option_id")
            found[_word(item, "question_key")] = [option for option in options if isinstance(option, str)]
    return found


def _listed(holder: Any, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else [] if value is None else [value]


def _without_name(words: str, bot_name: str) -> str:
    """The text without our own ``@name``; what others are called stays."""
    words = words.strip()
    if bot_name and words.startswith(f"@{bot_name}"):
        return words.removeprefix(f"@{bot_name}").strip()
    return words


def _part(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise Malformed
    return value


def _word(part: dict[str, Any], name: str) -> str:
    value = part.get(name, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Malformed
    text = str(value)
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise Malformed
    return text


def _moment(seconds: Any, received: dt.datetime) -> dt.datetime:
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return received
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return received
