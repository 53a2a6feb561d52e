"""Files that die at the service within minutes, kept until a handler asks for them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import secrets
import time
from pathlib import Path
from typing import Protocol

from bot.platforms.base import ErrorClass, Media, PlatformError

_ID = re.compile(r"kept:([0-9a-f]{64})")
_KEEP = 4 * 24 * 3600.0  # seconds: longer than the inbox tries


class Shelf(Protocol):
    """Where a file is put when it arrives. The id says what it holds: the same file twice is one file."""

    async def put(self, media: Media) -> str: ...

    async def get(self, media_id: str) -> Media:
        """Raise PlatformError(RECIPIENT) for what is not there (any more)."""
        ...


class FolderShelf:
    """A folder that all processes see. What is older than four days is cleared away when something is put."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, media: Media) -> str:
        return await asyncio.to_thread(self._put, media)

    async def get(self, media_id: str) -> Media:
        return await asyncio.to_thread(self._get, media_id)

    def _put(self, media: Media) -> str:
        digest = hashlib.sha256(media.body).hexdigest()
        self._folder.mkdir(parents=True, exist_ok=True)
        head = json.dumps({"media_type": media.media_type, "name": media.name}, ensure_ascii=False)
        partial = self._folder / f".{secrets.token_hex(8)}"
        with partial.open("wb") as file:
            file.write(head.encode() + b"\n" + media.body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._folder / digest)
        self._clear()
        return f"kept:{digest}"

    def _get(self, media_id: str) -> Media:
        match = _ID.fullmatch(media_id)
        try:
            if match is None:
                raise FileNotFoundError
            head, _, body = (self._folder / match[1]).read_bytes().partition(b"\n")
        except FileNotFoundError:
            raise PlatformError("media_gone", "文件已不在", cls=ErrorClass.RECIPIENT) from None
        return Media(body, **json.loads(head))

    def _clear(self) -> None:
        old = time.time() - _KEEP
        for file in self._folder.iterdir():
            if file.stat().st_mtime < old:
                file.unlink(missing_ok=True)
