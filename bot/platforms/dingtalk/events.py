"""Events of the organisation, by Stream and by HTTP: the directory, read and recalled messages. Pure.

They are hints: their order is not promised, and a nightly comparison catches what got lost.
Sheet: sections 4.5, 6.4 and 8.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.dingtalk.fields import PLATFORM, moment, word, words
from bot.platforms.dingtalk.frames import Frame

CONTACT_PREFIXES = ("user_", "org_", "label_")
RECEIPTS = ("robot_msg_read", "robot_msg_recall")


def stream_event(frame: Frame, *, at: dt.datetime) -> InboundEvent:
    """An event frame: its name, id and time stand in the headers."""
    event_id = frame.headers.get("eventId") or frame.message_id
    return _event(frame.headers.get("eventType", ""), event_id, frame.data, at=at)


def hook_event(data: dict[str, Any], *, fallback_id: str, received: dt.datetime) -> InboundEvent:
    """A decrypted event body, in which name, id and time lie beside the fields."""
    fields = _lower(data)
    event_id = word(fields, "eventid") or word(fields, "bizid") or fallback_id
    at = moment(fields.get("eventtime") or fields.get("timestamp"), received)
    return _event(word(fields, "eventtype"), event_id, data, at=at)


def _event(name: str, event_id: str, data: dict[str, Any], *, at: dt.datetime) -> InboundEvent:
    fields = _lower(data)
    raw: dict[str, Any] = {
        "type": name,
        "user_ids": words(fields.get("userid")),
        "dept_ids": words(fields.get("deptid")),
    }
    if name in RECEIPTS:
        raw["ref"] = word(fields, "processquerykey")
    kind = InboundKind.CONTACT if name.startswith(CONTACT_PREFIXES) else InboundKind.OTHER
    return InboundEvent(platform=PLATFORM, event_id=event_id, kind=kind, user_id="", at=at, raw=raw)


def _lower(data: dict[str, Any]) -> dict[str, Any]:
    """Key case varies per event (``userId``, ``UserId``)."""
    return {key.lower(): value for key, value in data.items()}
