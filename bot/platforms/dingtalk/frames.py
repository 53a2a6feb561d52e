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
    outer = _json_object(text)
    headers = outer.get("headers")
    if not isinstance(headers, dict) or not isinstance(outer.get("type"), str):
        raise FrameError("no headers or type")
    data = outer.get("data") or {}
    if isinstance(data, str):
        data = _json_object(data)
    if not isinstance(data, dict):
        raise FrameError("data is no object")
    words = {str(name): str(value) for name, value in headers.items()}
    return Frame(outer["type"], words.get("topic", ""), words.get("messageId", ""), words, data)


def ack(frame: Frame) -> str:
    """Say that *frame* is stored, or echo a ping."""
    if frame.type == "SYSTEM":
        return _answer(frame, 200, "OK", {"opaque": frame.data.get("opaque", "")})
    if frame.type == "EVENT":
        return _answer(frame, 200, "OK", {"status": "SUCCESS", "message": "ok"})
    # An empty card response means «no change»: the card is updated afterwards through the API.
    return _answer(frame, 200, "OK", {"response": {} if frame.topic == CARD_TOPIC else None})


def ask_again(frame: Frame) -> str:
    """Say that *frame* could not be stored and is wanted again."""
    if frame.type == "EVENT":
        return _answer(frame, 200, "OK", {"status": "LATER", "message": "not stored"})
    return _answer(frame, 500, "not stored", {"response": None})


def refuse(frame: Frame, *, code: int) -> str:
    """Say that nobody here understands *frame*: 400 for its content, 404 for its topic."""
    return _answer(frame, code, "not understood", {"response": None})


def _answer(frame: Frame, code: int, message: str, data: dict[str, Any]) -> str:
    headers = {"messageId": frame.message_id, "contentType": "application/json"}
    return json.dumps({"code": code, "message": message, "headers": headers, "data": json.dumps(data)})


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError("not JSON") from error
    if not isinstance(value, dict):
        raise FrameError("no JSON object")
    return value
