"""Numbers in addresses: the key of a row, or a page that is not there."""

from __future__ import annotations

from aiohttp import web

from bot.core.ids import row_key


def path_key(request: web.Request, name: str) -> int:
    """The key in the path. Raises 404 for what no row can have: no database takes a number of any length."""
    key = row_key(request.match_info[name])
    if key is None:
        raise web.HTTPNotFound
    return key


def positive(request: web.Request, name: str, default: int = 1) -> int:
    """A positive number of the address; anything else is *default*."""
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and 0 < len(text) < 10 and int(text) else default
