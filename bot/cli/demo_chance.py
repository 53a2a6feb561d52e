"""Chance without memory: the same words always give the same number, before and after a kill."""

from __future__ import annotations

import hashlib


def chance(*what: str) -> float:
    """A number in [0, 1) that is always the same for the same words."""
    digest = hashlib.sha256("\n".join(what).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
