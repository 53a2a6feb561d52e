"""Files that never change again, sent as they are stored: packed to a browser that unpacks, in pieces to others."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from aiohttp import ETag, hdrs, web

from bot.inspection.draws.public_files import PublicFile
from handlers.web.caching import KEPT

FOR_EVER = "public, max-age=31536000, immutable"
_PIECE = 1 << 16


def tags(request: web.Request) -> frozenset[str]:
    """What the visitor says to have already."""
    return frozenset(known.value for known in request.if_none_match or ())


async def answer(request: web.Request, file: PublicFile, *, name: str) -> web.StreamResponse:
    """304 for who has it; otherwise the file, never wholly in memory once more than it is stored."""
    response = web.StreamResponse(
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": FOR_EVER if file.frozen else KEPT,
            "Content-Type": "application/json" if name.endswith(".json") else "application/x-ndjson",
            "Vary": "Accept-Encoding",
        }
    )
    response.etag = ETag(file.tag)
    if file.body is None or tags(request) & {file.tag, "*"}:
        response.set_status(304)
        await response.prepare(request)
        return response
    packed = file.frozen and "deflate" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    if packed:
        response.headers[hdrs.CONTENT_ENCODING] = "deflate"  # which is zlib's format (RFC 9110, 8.4.1.2)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    if packed or not file.frozen:
        await response.write(file.body)
    else:
        for piece in unpacked(file.body):
            await response.write(piece)
    await response.write_eof()
    return response


def unpacked(body: bytes) -> Iterator[bytes]:
    """The file in pieces."""
    opened = zlib.decompressobj()
    rest = body
    while rest:
        yield opened.decompress(rest, _PIECE)
        rest = opened.unconsumed_tail
    yield opened.flush()
