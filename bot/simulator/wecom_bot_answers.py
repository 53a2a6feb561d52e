"""What the simulated WeCom does with the bodies a smart bot sends: the same by socket, webhook and response_url."""

from __future__ import annotations

from typing import Any

from bot.simulator.people import World
from bot.simulator.wecom_bot_state import BotLedger
from bot.simulator.wecom_card_rules import validate
from bot.simulator.wecom_state import ApiError, Ledger

STREAM_BYTES = 20_480
_MEDIA = ("image", "voice", "video", "file")


class Answers:
    """Shows bodies in the chats. Raise ApiError with the code the real one gives."""

    def __init__(self, world: World, ledger: Ledger, memory: BotLedger) -> None:
        self._world = world
        self._ledger = ledger
        self._memory = memory

    def respond(self, req_id: str, body: dict[str, Any]) -> None:
        """An answer to a message."""
        about = self._memory.request(req_id, "msg")
        if body.get("msgtype") == "stream":
            self._stream(req_id, about, body)
        else:
            self._memory.count(about["chat"])
            self.show(about["chat"], body)

    def welcome(self, req_id: str, body: dict[str, Any]) -> None:
        about = self._memory.request(req_id, "enter")
        if body.get("msgtype") not in ("text", "template_card"):
            raise ApiError(40008, "invalid message type")
        self.show(about["chat"], body, text_too=True)

    def update(self, req_id: str, body: dict[str, Any]) -> None:
        """A new card in place of the pressed one."""
        about = self._memory.request(req_id, "card")
        card = body.get("template_card")
        if body.get("response_type") != "update_template_card" or not isinstance(card, dict):
            raise ApiError(40058, "response_type or template_card")
        validate(card, update=True, channel="bot")
        if card.get("task_id") != about["task"]:
            raise ApiError(40058, "task_id is not that of the event")
        for user_id in body.get("userids") or [about["user"]]:
            bubble = self._world.card("wecom", user_id, about["task"])
            if bubble is not None:
                self._world.change(bubble.id, closed=card.get("replace_text", ""), content=_card(card))

    def push(self, body: dict[str, Any]) -> None:
        """An active message. Groups take no cards, nobody takes a plain text."""
        chat_id = str(body.get("chatid", ""))
        group = body.get("chat_type") == 2
        self._memory.check_push(chat_id)
        if group and body.get("msgtype") == "template_card":
            raise ApiError(40058, "template_card in a group")
        self._memory.count(chat_id)
        self.show(chat_id, body)

    def show(self, chat_id: str, body: dict[str, Any], *, text_too: bool = False) -> None:
        """One bubble of any kind but a stream."""
        kind = body.get("msgtype", "")
        content = body.get(kind)
        allowed = ("markdown", "template_card", *_MEDIA, *(["text"] if text_too else []))
        if kind not in allowed or not isinstance(content, dict):
            raise ApiError(40008, "invalid message type")
        if kind == "template_card":
            validate(content, channel="bot")
            if content.get("task_id"):
                self._memory.claim_task(content["task_id"])
            self._world.post("wecom", chat_id, kind, _card(content), card_id=content.get("task_id", ""))
        elif kind in _MEDIA:
            self._ledger.media(str(content.get("media_id", "")))
            self._world.post("wecom", chat_id, kind, {"msgtype": kind, **content})
        else:
            self._world.post("wecom", chat_id, kind, {"content": checked(str(content.get("content", "")))})

    def _stream(self, req_id: str, about: dict[str, Any], body: dict[str, Any]) -> None:
        """A snapshot: the whole text each time, in one bubble."""
        part = body.get("stream")
        if not isinstance(part, dict) or not part.get("id"):
            raise ApiError(40058, "stream.id")
        finish = part.get("finish") is True
        text = str(part.get("content", ""))
        text = checked(text) if text or finish else text
        known = self._memory.stream(req_id, part["id"])
        if not known["bubble"]:
            self._memory.count(about["chat"])
            known["bubble"] = self._world.post("wecom", about["chat"], "markdown", {"content": text}).id
        else:
            self._world.change(known["bubble"], content={"content": text})
        self._memory.keep_stream(req_id, part["id"], {**known, "done": finish})


def checked(text: str) -> str:
    """Raise ApiError for an empty text or one over 20,480 bytes, which leaves the bubble spinning."""
    if not text.strip():
        raise ApiError(44004, "text content is empty")
    if len(text.encode()) > STREAM_BYTES:
        raise ApiError(40058, f"content exceed max length {STREAM_BYTES}")
    return text


def _card(card: dict[str, Any]) -> dict[str, Any]:
    return {**card, "by": "bot"}
