"""Read what a phone uploads, part by part, never more than one file in memory."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

from aiohttp import BodyPartReader, web

from bot.core.errors import Problem
from bot.core.keys import SETTINGS
from bot.core.words import keepable
from bot.inspection.checklists.evidence import Stored
from handlers.web.keys import EVIDENCE
from handlers.web.pages import BROKEN_BODY, read_form

_LONGEST_TEXT = 64 * 1024  # bytes of one text field
_CHUNK = 256 * 1024


async def parts(request: web.Request) -> AsyncIterator[tuple[str, str | Stored]]:
    """Each part of a multipart body as (name, text) or (name, stored file); empty files are left out.

    Raises ``form_broken`` for another kind of body, ``file_too_big``, ``file_type``.
    """
    if not request.content_type.startswith("multipart/"):
        for name, value in (await read_form(request)).items():
            yield name, str(value)
        return
    limit = request.app[SETTINGS].max_upload
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or not part.name:
                raise Problem("form_broken", "上传的内容不完整，请再试一次。")
            body = await _read(part, _LONGEST_TEXT if part.filename is None else limit)
            if part.filename is None:
                yield part.name, keepable(body.decode(errors="replace"))
            elif body:
                yield part.name, await asyncio.to_thread(request.app[EVIDENCE].put, body)
    except BROKEN_BODY as error:
        raise Problem("form_broken", "上传的内容不完整，请再试一次。") from error


async def _read(part: BodyPartReader, limit: int) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise Problem("file_too_big", f"文件超过 {limit // 1024 // 1024} MB，请压缩后再传。")
    return bytes(body)


def number(text: str) -> float | None:
    """A coordinate, or None where the phone gave none: what is no finite number lies nowhere."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
