"""The signature of every request to 浙政钉 and 专有钉钉. Pure. Sheet: section 9.4 (from public clients, unverified)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping

from bot.core.clock import CHINA

VERSION = "1.0"


def timestamp_of(now: dt.datetime) -> str:
    """ISO 8601 with milliseconds and ``+08:00``."""
    return now.astimezone(CHINA).isoformat(timespec="milliseconds")


def nonce_of(now: dt.datetime, number: int) -> str:
    """Milliseconds and four digits."""
    return f"{int(now.timestamp() * 1000)}{number % 10_000:04d}"


def sign(  # noqa: PLR0917 - the order of the arguments is the order that is signed
    secret: str, method: str, timestamp: str, nonce: str, path: str, params: Mapping[str, str]
) -> str:
    """HMAC-SHA256 over the lines, the parameters sorted by name and left out when there are none."""
    lines = [method.upper(), timestamp, nonce, path]
    if params:
        lines.append("&".join(f"{name}={params[name]}" for name in sorted(params)))
    digest = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
