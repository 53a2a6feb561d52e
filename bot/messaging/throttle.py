"""How often one person may be told something: a sliding minute, in memory, below the platform's own limit. Pure."""

from __future__ import annotations

import datetime as dt
from collections import deque


class Throttle:
    """At most ``per_minute`` for each key. A process forgets at restart; the platforms' limits have headroom."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], deque[dt.datetime]] = {}

    def wait(self, key: tuple[str, str], *, per_minute: int | None, now: dt.datetime) -> dt.timedelta:
        """Zero when one may go out now (and it is counted), else how long to wait."""
        if per_minute is None:
            return dt.timedelta()
        window = self._sent.setdefault(key, deque())
        while window and now - window[0] >= dt.timedelta(minutes=1):
            window.popleft()
        if len(window) < per_minute:
            window.append(now)
            return dt.timedelta()
        return window[0] + dt.timedelta(minutes=1) - now
