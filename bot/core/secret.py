"""Where secrets that are drawn once come from. The demo brings its own source; nothing a user types can."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar

SECRET_SOURCE: ContextVar[Callable[[], bytes]] = ContextVar("secret_source")


def fresh_secret() -> bytes:
    """32 bytes nobody has seen."""
    source = SECRET_SOURCE.get(None)
    return source() if source is not None else secrets.token_bytes(32)
