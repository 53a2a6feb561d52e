"""From DingTalk's payloads to :class:`InboundEvent`: pure, and total over whatever JSON arrives.

Sheet: sections 2.3 (robot messages), 5.4 (card callbacks), 6.4 and 8 (events).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.dingtalk.frames import CARD_TOPIC, ROBOT_TOPIC, Frame, FrameError, json_object

PLATFORM = "dingtalk"
QUOTA_EXHAUSTED = "20001"  # the push pool of the month is used up; the message comes without its text
CONTACT_PREFIXES = ("user_", "org_", "label_")


def event_of(frame: Frame, *, received: dt.datetime) -> InboundEvent | None:
    """Read a push, or return None when its topic is not ours. *received* stands in for a missing time."""
    at = _moment(frame.headers.get("eventBornTime") or frame.headers.get("time"), received)
    if frame.type == "EVENT":
        return _directory_event(frame, at)
    if frame.topic == ROBOT_TOPIC:
        return robot_event(frame.data, fallback_id=frame.message_id, received=at)
    if frame.topic == CARD_TOPIC:
        return card_event(frame.data, event_id=frame.message_id, at=at)
    return None


def robot_event(data: dict[str, Any], *, fallback_id: str, received: dt.datetime) -> InboundEvent:
    """Read what a person said to the robot.

    A message without ``senderStaffId`` (an outsider, or a robot not yet published) is OTHER: nobody could be
    told apart by an empty id.
    """
    said = _said(data)
    if not _word(data, "senderStaffId") and said["kind"] is not InboundKind.OTHER:
        said = {"kind": InboundKind.OTHER, "raw": {"reason": "no_staff_id"}}
    webhook = _word(data, "sessionWebhook")
    return InboundEvent(
        platform=PLATFORM,
        event_id=_word(data, "msgId") or fallback_id,
        user_id=_word(data, "senderStaffId"),
        at=_moment(data.get("createAt"), received),
        conversation=_word(data, "conversationId") if _word(data, "conversationType") == "2" else "",
        reply_token=webhook,
        reply_until=_moment(data.get("sessionWebhookExpiredTime"), received) if webhook else None,
        **said,
    )


def card_event(data: dict[str, Any], *, event_id: str, at: dt.datetime) -> InboundEvent:
    """Read a press on a card. ``user_id`` is who pressed, who need not be who the card was sent to."""
    content = _object(data.get("content")) or _object(data.get("value"))
    private = _object(content.get("cardPrivateData"))
    actions = [action for action in _list(private.get("actionIds")) if isinstance(action, str)]
    params = {**_object(content.get("params")), **_object(private.get("params"))}
    in_group = _word(data, "spaceType").upper() == "IM_GROUP"
    return InboundEvent(
        platform=PLATFORM,
        event_id=event_id,
        kind=InboundKind.BUTTON if actions else InboundKind.OTHER,
        user_id=_word(data, "userId"),
        at=at,
        action=actions[0] if actions else "",
        card_id=_word(data, "outTrackId"),
        conversation=_word(data, "spaceId") if in_group else "",
        raw={"params": params} if params else {},
    )


def _directory_event(frame: Frame, at: dt.datetime) -> InboundEvent:
    name = frame.headers.get("eventType", "")
    fields = {key.lower(): value for key, value in frame.data.items()}  # key case varies per event
    raw = {"type": name, "user_ids": _words(fields.get("userid")), "dept_ids": _words(fields.get("deptid"))}
    return InboundEvent(
        platform=PLATFORM,
        event_id=frame.headers.get("eventId") or frame.message_id,
        kind=InboundKind.CONTACT if name.startswith(CONTACT_PREFIXES) else InboundKind.OTHER,
        user_id="",
        at=at,
        raw=raw,
    )


def _said(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of the event that depend on ``msgtype``."""
    code = _word(data, "errorCode") or _word(data, "errCode")
    if code == QUOTA_EXHAUSTED:
        return {"kind": InboundKind.OTHER, "raw": {"reason": "push_quota_exhausted", "code": code}}
    kind, content = _word(data, "msgtype"), _object(data.get("content"))
    if kind == "text":
        return {"kind": InboundKind.TEXT, "text": _spoken(data)}
    if kind == "picture" and (picture := _picture(content)):
        return {"kind": InboundKind.IMAGE, "media_id": picture}
    if kind == "richText":
        return _rich(content)
    if kind == "audio" and _word(content, "recognition").strip():
        return {"kind": InboundKind.TEXT, "text": _word(content, "recognition").strip()}
    return {"kind": InboundKind.OTHER, "raw": {"reason": "unreadable", "msgtype": kind}}


def _rich(content: dict[str, Any]) -> dict[str, Any]:
    items = [item for item in _list(content.get("richText")) if isinstance(item, dict)]
    text = "".join(_word(item, "text") for item in items).strip()
    pictures = [picture for item in items if (picture := _picture(item))]
    if pictures:
        more = {"more_media": pictures[1:]} if pictures[1:] else {}
        return {"kind": InboundKind.IMAGE, "text": text, "media_id": pictures[0], "raw": more}
    return {"kind": InboundKind.TEXT, "text": text}


def _spoken(data: dict[str, Any]) -> str:
    """``text.content``, or the bare string of one official sample; an @ leaves a space in front."""
    text = data.get("text")
    if isinstance(text, dict):
        return _word(text, "content").strip()
    return (_word(data, "text") or _word(data, "content")).strip()


def _picture(content: dict[str, Any]) -> str:
    return _word(content, "downloadCode") or _word(content, "pictureDownloadCode")


def _word(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _words(value: object) -> list[str]:
    many = value if isinstance(value, list) else [value]
    return [str(one) for one in many if isinstance(one, str | int) and not isinstance(one, bool)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object) -> dict[str, Any]:
    """A JSON object, also when it comes as a JSON string."""
    if isinstance(value, str):
        try:
            return json_object(value)
        except FrameError:
            return {}
    return value if isinstance(value, dict) else {}


def _moment(milliseconds: object, otherwise: dt.datetime) -> dt.datetime:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, str | int | float):
        return otherwise
    try:
        return dt.datetime.fromtimestamp(int(milliseconds) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise
