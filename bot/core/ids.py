"""Names for things: sortable public ids and short digests."""

from __future__ import annotations

import hashlib
import secrets
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U


def new_id(now: float | None = None) -> str:
    """26 characters, sortable by time, 80 random bits (ULID)."""
    value = (int((time.time() if now is None else now) * 1000) << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in range(25, -1, -1))


def sha256_hex(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
