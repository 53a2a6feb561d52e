"""From DingTalk's payloads to :class:`InboundEvent`: pure, and total over whatever JSON arrives.

Sheet: sections 2.3 (robot messages), 5.4 (card callbacks), 6.4 and 8 (events).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from bot.platforms.base import InboundEvent, InboundKind
from bot.platforms.dingtalk.events import stream_event
from bot.platforms.dingtalk.fields import PLATFORM, items, moment, nested, word
from bot.platforms.dingtalk.forms import submitted
from bot.platforms.dingtalk.frames import CARD_TOPIC, ROBOT_TOPIC, Frame

QUOTA_EXHAUSTED = "20001"  # the push pool of the month is used up; the message comes without its text
FILES = ("audio", "video", "file")


def event_of(frame: Frame, *, received: dt.datetime) -> InboundEvent | None:
    """Read a push, or return None when its topic is not ours. *received* stands in for a missing time."""
    at = moment(frame.headers.get("eventBornTime") or frame.headers.get("time"), received)
    if frame.type == "EVENT":
        return stream_event(frame, at=at)
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
    if not word(data, "senderStaffId") and said["kind"] is not InboundKind.OTHER:
        said = {"kind": InboundKind.OTHER, "raw": {"reason": "no_staff_id"}}
    webhook = word(data, "sessionWebhook")
    return InboundEvent(
        platform=PLATFORM,
        event_id=word(data, "msgId") or fallback_id,
        user_id=word(data, "senderStaffId"),
        at=moment(data.get("createAt"), received),
        conversation=word(data, "conversationId") if word(data, "conversationType") == "2" else "",
        reply_token=webhook,
        reply_until=moment(data.get("sessionWebhookExpiredTime"), received) if webhook else None,
        **said,
    )


def card_event(data: dict[str, Any], *, event_id: str, at: dt.datetime) -> InboundEvent:
    """Read a press on a card. ``user_id`` is who pressed, who need not be who the card was sent to."""
    content = nested(data.get("content")) or nested(data.get("value"))
    private = nested(content.get("cardPrivateData"))
    actions = [action for action in items(private.get("actionIds")) if isinstance(action, str)]
    params = {**nested(content.get("params")), **nested(private.get("params"))}
    in_group = word(data, "spaceType").upper() == "IM_GROUP"
    return InboundEvent(
        platform=PLATFORM,
        event_id=event_id,
        kind=InboundKind.BUTTON if actions else InboundKind.OTHER,
        user_id=word(data, "userId"),
        at=at,
        action=actions[0] if actions else "",
        card_id=word(data, "outTrackId"),
        conversation=word(data, "spaceId") if in_group else "",
        raw={name: value for name, value in (("params", params), ("selected", submitted(params))) if value},
    )


def _said(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of the event that depend on ``msgtype``."""
    code = word(data, "errorCode") or word(data, "errCode")
    if code == QUOTA_EXHAUSTED:
        return {"kind": InboundKind.OTHER, "raw": {"reason": "push_quota_exhausted", "code": code}}
    kind, content = word(data, "msgtype"), nested(data.get("content"))
    if kind == "text":
        return {"kind": InboundKind.TEXT, "text": _spoken(data)}
    if kind == "picture" and (picture := _picture(content)):
        return {"kind": InboundKind.IMAGE, "media_id": picture}
    if kind == "richText":
        return _rich(content)
    if kind in FILES:
        return _file(kind, content)
    return {"kind": InboundKind.OTHER, "raw": {"reason": "unreadable", "msgtype": kind}}


def _rich(content: dict[str, Any]) -> dict[str, Any]:
    """Text and pictures in their order; ``more_media`` holds every picture after the first."""
    parts = [part for part in items(content.get("richText")) if isinstance(part, dict)]
    text = "".join(word(part, "text") for part in parts).strip()
    pictures = [picture for part in parts if (picture := _picture(part))]
    if pictures:
        more = {"more_media": pictures[1:]} if pictures[1:] else {}
        return {"kind": InboundKind.IMAGE, "text": text, "media_id": pictures[0], "raw": more}
    return {"kind": InboundKind.TEXT, "text": text}


def _file(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """A voice message is what was understood of it; without words, and for videos and files, it is the file."""
    code, spoken = word(content, "downloadCode"), word(content, "recognition").strip()
    raw = {"msgtype": kind, "name": word(content, "fileName"), "duration": word(content, "duration")}
    raw = {name: value for name, value in raw.items() if value}
    if kind == "audio" and spoken:
        return {"kind": InboundKind.TEXT, "text": spoken, "media_id": code, "raw": raw}
    if not code:
        return {"kind": InboundKind.OTHER, "raw": {"reason": "unreadable", **raw}}
    return {"kind": InboundKind.FILE, "media_id": code, "raw": raw}


def _spoken(data: dict[str, Any]) -> str:
    """``text.content``, or the bare string of one official sample; an @ leaves a space in front."""
    text = data.get("text")
    if isinstance(text, dict):
        return word(text, "content").strip()
    return (word(data, "text") or word(data, "content")).strip()


def _picture(content: dict[str, Any]) -> str:
    return word(content, "downloadCode") or word(content, "pictureDownloadCode")
