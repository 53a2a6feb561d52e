"""What the simulated smart bot must not forget: who talked to it, what may be answered, uploads. Sheet 4.6, 4.7."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.people import World
from bot.simulator.wecom_state import ApiError, Ledger

REPLY_LIFE = 24 * 3600
EVENT_LIFE = 5  # seconds for a welcome and for a card update
STREAM_LIFE = 6 * 60
UPLOAD_LIFE = 30 * 60
_CHUNK, _CHUNKS, _NAME = 512 * 1024, 100, 256
_MOST = {"image": 2 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}


@dataclass(frozen=True, slots=True)
class BotAccount:
    """The bot as its administrator configured it: ``secret`` for the socket, or a webhook."""

    bot_id: str
    secret: str = field(default="", repr=False)
    name: str = "巡检助手"
    token: str = field(default="", repr=False)
    aes_key: str = field(default="", repr=False)
    callback_url: str = ""
    met_everybody: bool = False  # they bound themselves by saying a code to it before the world began


class BotLedger:
    """In ``world.facts`` under ``wecom:bot:…``; uploads under way die with the process, as their sessions do."""

    def __init__(self, world: World, ledger: Ledger, account: BotAccount) -> None:
        self._world = world
        self._ledger = ledger
        self._met_everybody = account.met_everybody
        self._uploads: dict[str, dict[str, Any]] = {}

    # -- conversations ---------------------------------------------------------------------------------

    def met(self, chat_id: str) -> None:
        """The person spoke to the bot, or the group called it: from now on it may push there."""
        self._world.remember(f"wecom:bot:met:{chat_id.lower()}", True)

    def check_push(self, chat_id: str) -> None:
        """Raise ApiError 40003 for who never spoke to the bot."""
        known = self._met_everybody and self._world.person("wecom", chat_id) is not None
        if not known and not self._world.facts.get(f"wecom:bot:met:{chat_id.lower()}"):
            raise ApiError(40003, "the user has not talked to the bot")

    def count(self, chat_id: str) -> None:
        """One message in this conversation. Raise ApiError 45009 over 30 a minute or 1,000 an hour."""
        if not self._ledger.allows(f"bot:{chat_id.lower()}", minute=30, hour=1000):
            raise ApiError(45009, "api freq out of limit")

    # -- what may be answered --------------------------------------------------------------------------

    def opened(self, kind: str, chat_id: str, user_id: str, task_id: str = "") -> str:
        """A request id for something pushed to the bot: *kind* is msg, enter or card."""
        req_id = f"SRV-{secrets.token_hex(8)}"
        about = {"kind": kind, "chat": chat_id, "user": user_id, "task": task_id, "at": self._world.now()}
        self._world.remember(f"wecom:bot:req:{req_id}", about)
        return req_id

    def request(self, req_id: str, kind: str) -> dict[str, Any]:
        """What *req_id* was about. Raise ApiError 846605 for another kind, an unknown or a late one."""
        about: dict[str, Any] | None = self._world.facts.get(f"wecom:bot:req:{req_id}")
        life = REPLY_LIFE if kind == "msg" else EVENT_LIFE
        if about is None or about["kind"] != kind or self._world.now() - about["at"] > life:
            raise ApiError(846605, "invalid req_id")
        return about

    def stream(self, req_id: str, stream_id: str) -> dict[str, Any]:
        """The stream's bubble so far. Raise ApiError 846608 after six minutes, or when it was finished."""
        key = f"wecom:bot:stream:{req_id}:{stream_id}"
        known: dict[str, Any] = self._world.facts.get(key) or {
            "at": self._world.now(), "bubble": "", "done": False,
        }  # fmt: skip
        if known["done"] or self._world.now() - known["at"] > STREAM_LIFE:
            raise ApiError(846608, "stream expired")
        return known

    def keep_stream(self, req_id: str, stream_id: str, known: dict[str, Any]) -> None:
        self._world.remember(f"wecom:bot:stream:{req_id}:{stream_id}", known)

    def claim_task(self, task_id: str) -> None:
        """A task_id is good once per bot. Raise ApiError 40058."""
        if self._world.facts.get(f"wecom:bot:task:{task_id}"):
            raise ApiError(40058, "task_id already exists")
        self._world.remember(f"wecom:bot:task:{task_id}", True)

    # -- uploads ---------------------------------------------------------------------------------------

    def begin_upload(self, body: dict[str, Any]) -> str:
        kind, size, pieces = body.get("type"), body.get("total_size"), body.get("total_chunks")
        if kind not in _MOST:
            raise ApiError(40004, "invalid media type")
        if not isinstance(size, int) or not 5 <= size <= _MOST[kind]:
            raise ApiError(45001, "media size out of limit")
        name = str(body.get("filename", ""))
        if (
            not name
            or len(name.encode()) > _NAME
            or not isinstance(pieces, int)
            or not 1 <= pieces <= _CHUNKS
        ):
            raise ApiError(40058, "filename or total_chunks")
        if not self._ledger.allows("bot:upload", minute=30, hour=1000):
            raise ApiError(45009, "api freq out of limit")
        upload_id = f"UP-{secrets.token_hex(8)}"
        self._uploads[upload_id] = {**body, "pieces": {}, "until": self._world.now() + UPLOAD_LIFE}
        return upload_id

    def add_chunk(self, body: dict[str, Any]) -> None:
        """Pieces may come in any order and twice."""
        upload = self._upload(body)
        index = body.get("chunk_index")
        if not isinstance(index, int) or not 0 <= index < upload["total_chunks"]:
            raise ApiError(40058, "chunk_index")
        try:
            piece = base64.b64decode(str(body.get("base64_data", "")), validate=True)
        except binascii.Error:
            raise ApiError(40058, "base64_data") from None
        if not piece or len(piece) > _CHUNK:
            raise ApiError(45001, "chunk size")
        upload["pieces"][index] = piece

    def finish_upload(self, body: dict[str, Any]) -> tuple[str, str]:
        """The kind and the media_id. Raise ApiError 40058 for a file that is not whole."""
        upload = self._upload(body)
        whole = b"".join(piece for _, piece in sorted(upload["pieces"].items()))
        digest = hashlib.md5(whole, usedforsecurity=False).hexdigest()
        if len(whole) != upload["total_size"] or upload.get("md5") not in (None, "", digest):
            raise ApiError(40058, "the file is not whole")
        del self._uploads[str(body["upload_id"])]
        kind = "image/png" if upload["type"] == "image" else "application/octet-stream"
        return upload["type"], self._ledger.add_media(whole, kind, upload["filename"])

    def _upload(self, body: dict[str, Any]) -> dict[str, Any]:
        upload = self._uploads.get(str(body.get("upload_id", "")))
        if upload is None or upload["until"] < self._world.now():
            raise ApiError(40058, "upload_id")
        return upload
