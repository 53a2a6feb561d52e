"""Names for things: sortable public ids and short digests."""

from __future__ import annotations

import hashlib
import secrets
import time

_DIGITS = 18  # fit a database's 64-bit key
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U


def new_id(now: float | None = None) -> str:
    """26 characters, sortable by time, 80 random bits (ULID)."""
    value = (int((time.time() if now is None else now) * 1000) << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in range(25, -1, -1))


def row_key(text: str) -> int | None:
    """The key of a row that a stranger wrote; None for what no row can have, however long."""
    fits = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(text) if fits else None


def sha256_hex(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
