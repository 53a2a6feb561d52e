"""Reading an HTTP answer no further than it may go. What strangers' servers send has no end of its own."""

from __future__ import annotations

import aiohttp


async def read_at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The first *limit* bytes of the body, in however many pieces it comes."""
    body = bytearray()
    while len(body) < limit and (piece := await answer.content.read(limit - len(body))):
        body += piece
    return bytes(body)
