"""Public answers may be kept: an ETag from the body, and 304 for who has it already."""

from __future__ import annotations

import hashlib

from aiohttp import ETag, web

KEPT = "public, max-age=60"


def cached(request: web.Request, response: web.Response) -> web.Response:
    """*response* with an ETag, or 304 when the visitor's copy is still the same."""
    body = response.body if isinstance(response.body, bytes) else (response.text or "").encode()
    tag = hashlib.sha256(body).hexdigest()[:32]
    if request.if_none_match and any(known.value in (tag, "*") for known in request.if_none_match):
        response = web.Response(status=304)
    response.headers["Cache-Control"] = KEPT
    response.etag = ETag(tag)
    return response
