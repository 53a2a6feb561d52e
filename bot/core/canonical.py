"""Canonical JSON: keys sorted, no spaces, UTF-8 unescaped. What is hashed is written this way everywhere."""

from __future__ import annotations

import json
from typing import Any

# made once: ``json.dumps`` makes an encoder for every line of a million
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(value: Any) -> bytes:
    """The one byte string that stands for *value*. Raises ValueError for NaN and infinities."""
    return _ENCODE(value).encode()
