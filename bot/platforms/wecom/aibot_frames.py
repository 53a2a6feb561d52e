"""The smart bot's frames over its long connection. Pure. Sheet section 4.6.

A frame is ``{"cmd", "headers": {"req_id"}, "body"}``; an acknowledgement has the request's id and no ``cmd``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from bot.platforms.wecom.markup import clean, cut_bytes

SUBSCRIBE, PING = "aibot_subscribe", "ping"
RESPOND, WELCOME = "aibot_respond_msg", "aibot_respond_welcome_msg"
UPDATE, PUSH = "aibot_respond_update_msg", "aibot_send_msg"
UPLOAD_INIT, UPLOAD_CHUNK, UPLOAD_FINISH = (
    f"aibot_upload_media_{step}" for step in ("init", "chunk", "finish")
)
MESSAGE, EVENT = "aibot_msg_callback", "aibot_event_callback"

STREAM_BYTES = 20_480
CHUNK = 512 * 1024  # bytes of a file in one frame, before base64
CHUNKS = 100
MAX_FRAME = 4 << 20  # bytes of a frame that is read


class BadFrame(Exception):  # noqa: N818 - it is what it is
    """Not a frame: whoever sent it gets no answer, and the connection lives on."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What came in. ``cmd`` is empty for an acknowledgement."""

    cmd: str
    req_id: str
    body: dict[str, Any]
    errcode: int = 0
    errmsg: str = ""


class _Headers(msgspec.Struct):
    req_id: str = ""


class _Wire(msgspec.Struct):
    headers: _Headers = msgspec.field(default_factory=_Headers)
    cmd: str = ""
    body: dict[str, Any] | None = None
    errcode: int = 0
    errmsg: str = ""


_decoder = msgspec.json.Decoder(_Wire)


def parse(text: str | bytes) -> Frame:
    """Read one frame; unknown fields are ignored. Raise BadFrame."""
    if len(text) > MAX_FRAME:
        raise BadFrame("too large")
    try:
        wire = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadFrame("not a frame") from None
    return Frame(wire.cmd, wire.headers.req_id, wire.body or {}, wire.errcode, wire.errmsg)


def frame(cmd: str, req_id: str, body: dict[str, Any] | None = None) -> str:
    """One frame as it goes out, in raw UTF-8."""
    tree: dict[str, Any] = {"cmd": cmd, "headers": {"req_id": req_id}}
    if body is not None:
        tree["body"] = body
    return msgspec.json.encode(tree).decode()


def request_id(cmd: str, *, milliseconds: int, noise: str) -> str:
    """``cmd_milliseconds_noise``: the vendor's SDK tells acknowledgements apart by the prefix."""
    return f"{cmd}_{milliseconds}_{noise}"


def stream(stream_id: str, content: str, *, finish: bool) -> dict[str, Any]:
    """A snapshot of a streamed answer: the whole text each time, cut between two characters to 20,480 bytes."""
    text = cut_bytes(clean(content), STREAM_BYTES) or ("…" if finish else "")
    return {"msgtype": "stream", "stream": {"id": stream_id, "finish": finish, "content": text}}


def markdown(content: str) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"content": cut_bytes(clean(content), STREAM_BYTES)}}


def text(content: str) -> dict[str, Any]:
    """Only a welcome may be a text; a push of one is refused with 40008."""
    return {"msgtype": "text", "text": {"content": cut_bytes(clean(content), 2048)}}


def template_card(card: dict[str, Any]) -> dict[str, Any]:
    return {"msgtype": "template_card", "template_card": card}


def card_update(card: dict[str, Any], user_ids: list[str]) -> dict[str, Any]:
    """A new card in place of the pressed one, for these people; the task_id is that of the event."""
    return {"response_type": "update_template_card", "userids": user_ids, "template_card": card}


def media(kind: str, media_id: str) -> dict[str, Any]:
    return {"msgtype": kind, kind: {"media_id": media_id}}


def push(chat_id: str, body: dict[str, Any], *, group: bool) -> dict[str, Any]:
    """The body of ``aibot_send_msg``: *body* for one person or one group."""
    return {"chatid": chat_id, "chat_type": 2 if group else 1, **body}


def chunks(body: bytes) -> list[bytes]:
    """A file in pieces of 512 KB, at most a hundred. Raise ValueError for what cannot be sent."""
    if not 5 <= len(body) <= CHUNK * CHUNKS:
        raise ValueError("a file has 5 bytes to 50 MB")
    return [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
