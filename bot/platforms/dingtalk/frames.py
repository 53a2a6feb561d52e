"""Stream frames: what comes down the socket, and what goes back up. Pure. Sheet: sections 3.2 and 3.3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
SUBSCRIPTIONS = (
    {"type": "EVENT", "topic": "*"},
    {"type": "CALLBACK", "topic": ROBOT_TOPIC},
    {"type": "CALLBACK", "topic": CARD_TOPIC},
)


class FrameError(ValueError):
    """Not a frame: the text is not JSON or lacks what every frame has."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One push. ``data`` is the decoded JSON string of the frame; header values are strings."""

    type: str  # SYSTEM | CALLBACK | EVENT
    topic: str
    message_id: str  # empty in a disconnect
    headers: dict[str, str]
    data: dict[str, Any]


def parse_frame(text: str) -> Frame:
    """Decode a text frame twice, as the protocol wants. Raise FrameError."""
    outer = json_object(text)
    headers = outer.get("headers")
    if not isinstance(headers, dict) or not isinstance(outer.get("type"), str):
        raise FrameError("no headers or type")
    data = outer.get("data") or {}
    if isinstance(data, str):
        data = json_object(data)
    if not isinstance(data, dict):
        raise FrameError("data is no object")
    words = {str(name): str(value) for name, value in headers.items()}
    return Frame(outer["type"], words.get("topic", ""), words.get("messageId", ""), words, data)


def ack(frame: Frame) -> str:
    """Say that *frame* is stored, or echo a ping."""
    if frame.type == "SYSTEM":
        return _answer(frame, {"opaque": frame.data.get("opaque", "")})
    if frame.type == "EVENT":
        return _answer(frame, {"status": "SUCCESS", "message": "ok"})
    # An empty card response means «no change»: the card is updated afterwards through the API.
    return _answer(frame, {"response": {} if frame.topic == CARD_TOPIC else None})


def ask_again(frame: Frame) -> str:
    """Say that *frame* could not be stored and is wanted again."""
    if frame.type == "EVENT":
        return _answer(frame, {"status": "LATER", "message": "not stored"})
    return _answer(frame, {"response": None}, code=500, message="not stored")


def refuse(frame: Frame, *, code: int) -> str:
    """Say that nobody here understands *frame*: 400 for its content, 404 for its topic."""
    return _answer(frame, {"response": None}, code=code, message="not understood")


def _answer(frame: Frame, data: dict[str, Any], *, code: int = 200, message: str = "OK") -> str:
    headers = {"messageId": frame.message_id, "contentType": "application/json"}
    return json.dumps({"code": code, "message": message, "headers": headers, "data": json.dumps(data)})


def json_object(text: str) -> dict[str, Any]:
    """Decode an object whose strings can be stored anywhere. Raise FrameError."""
    try:
        value = _storable(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise FrameError("not JSON") from error
    if not isinstance(value, dict):
        raise FrameError("no JSON object")
    return value


def _storable(value: Any) -> Any:
    """Without NULs and half surrogates: no database takes them, and the push would come back for ever."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    return value
