"""WeCom callbacks as InboundEvents. Pure. Sheet sections 1.2 to 1.10.

Order matters: size, outer envelope, signature, time, decryption, receive id, inner message.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.coordinates import to_wgs84
from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.wecom.crypto import CallbackError, open_envelope
from bot.platforms.wecom.fields import Fields, Malformed, read

_MESSAGE_KEY = ("ToUserName", "AgentID", "FromUserName", "MsgId")
_EVENT_KEY = (
    "ToUserName", "AgentID", "FromUserName", "CreateTime",
    "Event", "ChangeType", "EventKey", "TaskId", "UserID", "Id", "JobId",
)  # fmt: skip
_GROWING = 20  # digits of a 64-bit number
_MESSAGES = {"text": InboundKind.TEXT, "image": InboundKind.IMAGE, "location": InboundKind.LOCATION}
_EVENTS = {  # names are case-sensitive: LOCATION is a report that nobody asked for, and stays OTHER
    "template_card_event": InboundKind.BUTTON,
    "template_card_menu_event": InboundKind.BUTTON,
    "enter_agent": InboundKind.ENTER,
    "change_contact": InboundKind.CONTACT,
    "click": InboundKind.TEXT,  # a menu's key is what the person would have typed
    "location_select": InboundKind.LOCATION,
}


class Stale(CallbackError):  # noqa: N818 - it is what the callback is
    """Signed at a time too far from ours: a replay, or a clock that is wrong."""


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """What one callback URL was configured with. ``window``: seconds a callback's timestamp may be off.

    ``downstream``: corps to which the app is shared; whose id their callbacks are sealed for is not documented.
    """

    receive_id: str  # the corp, empty for a smart bot
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    window: float = 3600.0
    downstream: frozenset[str] = frozenset()


def verify_and_open(
    keys: CallbackKeys,
    query: Mapping[str, str],
    *,
    body: bytes,
    now: dt.datetime,
    platform: str = "wecom",
) -> InboundEvent:
    """Turn one POST into an event. Raise CallbackError, whose ``status`` is to be answered."""
    encrypt = read(body).get("Encrypt")
    return decode(open_signed(keys, query, encrypt, now=now), platform=platform, corp_id=keys.receive_id)


def open_json(
    keys: CallbackKeys, query: Mapping[str, str], *, body: bytes, now: dt.datetime
) -> dict[str, Any]:
    """The message in one POST of a smart bot. Raise CallbackError, whose ``status`` is to be answered."""
    message = open_signed(keys, query, read(body).get("Encrypt"), now=now)
    try:
        tree = json.loads(message)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(tree, dict):
        raise Malformed
    return tree


def answer_echo(keys: CallbackKeys, query: Mapping[str, str], *, now: dt.datetime) -> bytes:
    """The exact body that answers the URL verification GET. Raise CallbackError."""
    return open_signed(keys, query, query.get("echostr", "").replace(" ", "+"), now=now)


def decode(message: bytes, *, platform: str = "wecom", corp_id: str = "") -> InboundEvent:
    """Turn a decrypted message into an event; what is not known becomes OTHER. Raise Malformed.

    Who belongs to another corp than *corp_id* is ``corp/userid``, as the OAuth login calls them too.
    """
    fields = read(message)
    kind = _kind(fields)
    return InboundEvent(
        platform=platform,
        event_id=_event_id(fields),
        kind=kind,
        user_id="" if kind is InboundKind.CONTACT else _user_id(fields, corp_id),
        at=_moment(fields.get("CreateTime")),
        **_details(fields, kind),
    )


def open_signed(keys: CallbackKeys, query: Mapping[str, str], encrypt: str, *, now: dt.datetime) -> bytes:
    """Check signature, receive id and time, and return the message. Raise CallbackError."""
    timestamp = query.get("timestamp", "")
    untimely = _untimely(timestamp, now, keys.window)  # looked at before and told after: always the same work
    message = open_envelope(
        encrypt,
        token=keys.token,
        aes_key=keys.aes_key,
        receive_id=keys.receive_id,
        also_for=keys.downstream,
        msg_signature=query.get("msg_signature", ""),
        timestamp=timestamp,
        nonce=query.get("nonce", ""),
    )
    if untimely is not None:
        raise untimely
    return message


def _untimely(timestamp: str, now: dt.datetime, window: float) -> type[CallbackError] | None:
    try:
        return Stale if abs((now - _moment(timestamp)).total_seconds()) > window else None
    except Malformed:
        return Malformed


def _user_id(fields: Fields, corp_id: str) -> str:
    user_id, theirs = fields.get("FromUserName").lower(), fields.get("ToUserName")
    foreign = corp_id and theirs and theirs.lower() != corp_id.lower()
    return f"{theirs}/{user_id}" if foreign else user_id


def _kind(fields: Fields) -> InboundKind:
    if fields.get("MsgType") == "event":
        return _EVENTS.get(fields.get("Event"), InboundKind.OTHER)
    return _MESSAGES.get(fields.get("MsgType"), InboundKind.OTHER)


def _event_id(fields: Fields) -> str:
    """Stable over redelivery: MsgId alone and sender + second alone have both collided in the field.

    It begins with what grows, so that neighbours in time are neighbours in the inbox's unique index.
    """
    message_id = fields.get("MsgId")
    parts = [fields.get(name) for name in (_MESSAGE_KEY if message_id else _EVENT_KEY)]
    if (job := fields.child("BatchJob")) is not None:
        parts.append(job.get("JobId"))
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{(message_id or fields.get('CreateTime'))[:_GROWING]}-{digest}"


def _details(fields: Fields, kind: InboundKind) -> dict[str, Any]:
    match kind:
        case InboundKind.TEXT:
            return {"text": fields.get("Content") or fields.get("EventKey")}
        case InboundKind.IMAGE:
            return {"media_id": fields.get("MediaId")}
        case InboundKind.LOCATION:
            return _place(fields.child("SendLocationInfo") or fields)
        case InboundKind.BUTTON:
            return {
                "action": fields.get("EventKey"),
                "card_id": fields.get("TaskId"),
                "card_token": fields.get("ResponseCode"),
                "raw": _chosen(fields),
            }
        case InboundKind.CONTACT:
            return {"raw": _contact(fields)}
        case _:
            raw = {name: value for name, value in fields.plain().items() if name != "ResponseCode"}
            return {"media_id": fields.get("MediaId"), "raw": raw}


def _contact(fields: Fields) -> dict[str, Any]:
    """What the handlers of a directory's changes read: the kind of change and the accounts it is about."""
    about: dict[str, Any] = {"type": fields.get("ChangeType")}
    if user_id := fields.get("UserID").lower():
        about["user_ids"] = [user_id]
    if renamed := fields.get("NewUserID").lower():
        about["new_user_id"] = renamed
    return about | {name: value for name, value in fields.plain().items() if name in ("Id", "Name", "TagId")}


def _place(fields: Fields) -> dict[str, Any]:
    """A position chosen on Tencent's map, which is GCJ-02."""
    chosen = _degrees(fields.get("Location_X"), 90), _degrees(fields.get("Location_Y"), 180)
    latitude, longitude = to_wgs84(chosen)
    return {
        "latitude": latitude,
        "longitude": longitude,
        "label": fields.get("Label") or fields.get("Poiname"),
    }


def _chosen(fields: Fields) -> dict[str, Any]:
    """What was selected on the card, by question: always lists, whether one or many."""
    selected = fields.child("SelectedItems")
    found: dict[str, list[str]] = {}
    for item in selected.children if selected is not None else ():
        options = item.child("OptionIds")
        found[item.get("QuestionKey")] = [option.text for option in options.children] if options else []
    return {"selected": found} if found else {}


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
