"""Files of the smart bot: fetched and decrypted in the five minutes they live; sent in pieces. Sheet 4.1, 4.7."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import puremagic
import structlog
from yarl import URL

from bot.platforms.base import InboundEvent, Media, PlatformError
from bot.platforms.shelf import Shelf
from bot.platforms.wecom import aibot_frames as frames
from bot.platforms.wecom.aibot_inbound import Attachment, Heard, kept
from bot.platforms.wecom.crypto import CallbackError, open_media
from bot.platforms.wecom.limits import bug
from bot.platforms.wecom.wire import Wire

log = structlog.get_logger(__name__)

LARGEST = 100 << 20  # bytes of a file that is fetched
_TRIES = 3
_MOST = {"image": 2 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}


class Files:
    """Fetches what people send. *key* opens the files of a webhook bot; over the socket each has its own."""

    def __init__(self, wire: Wire, shelf: Shelf, *, key: str = "") -> None:
        self._wire = wire
        self._shelf = shelf
        self._key = key

    async def keep(self, heard: Heard) -> InboundEvent:
        """Fetch the event's file now and put its id into the event; without one the event stays as it is.

        A file that could not be fetched is an event without a file: the person is told by whoever needs it.
        """
        if heard.attachment is None:
            return heard.event
        try:
            media = await self._fetch(heard.attachment)
        except (PlatformError, CallbackError) as error:
            log.warning("wecom_bot_file_lost", reason=str(error) or type(error).__name__)
            return heard.event
        picture = media.media_type.startswith("image/")
        return kept(heard, await self._shelf.put(media), is_picture=picture)

    async def _fetch(self, attachment: Attachment) -> Media:
        url = URL(attachment.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise PlatformError("media_url", "文件地址不对")
        for attempt in range(1, _TRIES + 1):
            try:
                answer = await self._wire.exchange("GET", attachment.url, most=LARGEST)
                break
            except PlatformError as error:
                if error.permanent or attempt == _TRIES:
                    raise
        body = await asyncio.to_thread(open_media, answer.body, attachment.key or self._key)
        return Media(body, _media_type(body), answer.name)


def upload_init(kind: str, name: str, body: bytes) -> dict[str, Any]:
    """The body of ``aibot_upload_media_init``. Raise PlatformError(BUG) for what the bot cannot send."""
    if not 5 <= len(body) <= _MOST.get(kind, 0):
        raise bug("media", f"{kind} 的大小不合规")
    while len(name.encode()) > 256:
        stem, dot, ending = name.rpartition(".")
        name = (stem or name)[:-1] + (dot + ending if stem else "")
    pieces = frames.chunks(body)
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return {
        "type": kind,
        "filename": name,
        "total_size": len(body),
        "total_chunks": len(pieces),
        "md5": digest,
    }


def upload_chunk(upload_id: str, index: int, piece: bytes) -> dict[str, Any]:
    return {"upload_id": upload_id, "chunk_index": index, "base64_data": base64.b64encode(piece).decode()}


def _media_type(body: bytes) -> str:
    try:
        return str(puremagic.from_string(body, mime=True)) or "application/octet-stream"
    except (puremagic.PureError, ValueError):
        return "application/octet-stream"
