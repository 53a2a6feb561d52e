"""WeCom callbacks as InboundEvents. Pure. Sheet sections 1.2 to 1.10.

Order matters: size, outer envelope, signature, time, decryption, receive id, inner message.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.wecom.crypto import CallbackError, open_envelope
from bot.platforms.wecom.fields import Fields, Malformed, read

_MESSAGE_KEY = ("ToUserName", "AgentID", "FromUserName", "MsgId")
_EVENT_KEY = (
    "ToUserName", "AgentID", "FromUserName", "CreateTime",
    "Event", "ChangeType", "EventKey", "TaskId", "UserID", "Id", "JobId",
)  # fmt: skip
_MESSAGES = {"text": InboundKind.TEXT, "image": InboundKind.IMAGE, "location": InboundKind.LOCATION}
_EVENTS = {
    "template_card_event": InboundKind.BUTTON,
    "enter_agent": InboundKind.ENTER,
    "change_contact": InboundKind.CONTACT,
}


class Stale(CallbackError):  # noqa: N818 - it is what the callback is
    """Signed at a time too far from ours: a replay, or a clock that is wrong."""


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """What one callback URL was configured with. ``window``: seconds a callback's timestamp may be off."""

    receive_id: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    window: float = 3600.0


def verify_and_open(
    keys: CallbackKeys, query: Mapping[str, str], *, body: bytes, now: dt.datetime
) -> InboundEvent:
    """Turn one POST into an event. Raise CallbackError, whose ``status`` is to be answered."""
    encrypt = read(body).get("Encrypt")
    return decode(_open(keys, query, encrypt, now))


def answer_echo(keys: CallbackKeys, query: Mapping[str, str], *, now: dt.datetime) -> bytes:
    """The exact body that answers the URL verification GET. Raise CallbackError."""
    return _open(keys, query, query.get("echostr", "").replace(" ", "+"), now)


def decode(message: bytes) -> InboundEvent:
    """Turn a decrypted message into an event; what is not known becomes OTHER. Raise Malformed."""
    fields = read(message)
    kind = _kind(fields)
    return InboundEvent(
        platform="wecom",
        event_id=_event_id(fields),
        kind=kind,
        user_id="" if kind is InboundKind.CONTACT else fields.get("FromUserName").lower(),
        at=_moment(fields.get("CreateTime")),
        **_details(fields, kind),
    )


def _open(keys: CallbackKeys, query: Mapping[str, str], encrypt: str, now: dt.datetime) -> bytes:
    timestamp = query.get("timestamp", "")
    message = open_envelope(
        encrypt,
        token=keys.token,
        aes_key=keys.aes_key,
        receive_id=keys.receive_id,
        msg_signature=query.get("msg_signature", ""),
        timestamp=timestamp,
        nonce=query.get("nonce", ""),
    )
    if abs((now - _moment(timestamp)).total_seconds()) > keys.window:
        raise Stale
    return message


def _kind(fields: Fields) -> InboundKind:
    if fields.get("MsgType") == "event":
        return _EVENTS.get(fields.get("Event"), InboundKind.OTHER)
    return _MESSAGES.get(fields.get("MsgType"), InboundKind.OTHER)


def _event_id(fields: Fields) -> str:
    """Stable over redelivery: MsgId alone and sender + second alone have both collided in the field."""
    names = _MESSAGE_KEY if fields.get("MsgId") else _EVENT_KEY
    return hashlib.sha256("\x1f".join(fields.get(name) for name in names).encode()).hexdigest()


def _details(fields: Fields, kind: InboundKind) -> dict[str, Any]:
    match kind:
        case InboundKind.TEXT:
            return {"text": fields.get("Content")}
        case InboundKind.IMAGE:
            return {"media_id": fields.get("MediaId")}
        case InboundKind.LOCATION:
            return {
                "latitude": _degrees(fields.get("Location_X"), 90),
                "longitude": _degrees(fields.get("Location_Y"), 180),
                "label": fields.get("Label"),
            }
        case InboundKind.BUTTON:
            return {
                "action": fields.get("EventKey"),
                "card_id": fields.get("TaskId"),
                "card_token": fields.get("ResponseCode"),
            }
        case _:
            return {"raw": {name: v for name, v in fields.plain().items() if name != "ResponseCode"}}


def _moment(seconds: str) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(int(seconds), dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed from None


def _degrees(text: str, limit: int) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Malformed from None
    if not abs(value) <= limit:  # also refuses NaN
        raise Malformed
    return value
