"""How often may be sent: sliding windows, several at once, for each person, conversation, robot, app and corp.
Pure: the caller brings the clock, the limits and what other processes sent.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from bot.platforms.base import Capabilities, Limit, Scope

_NONE = dt.timedelta()
Key = tuple[str, Scope, str]  # platform, scope, whose window


def limits_of(capabilities: Capabilities, settings: Mapping[tuple[str, int], int]) -> tuple[Limit, ...]:
    """The platform's limits, each replaced by what was set for the same scope and window; 0 lifts one."""
    own = capabilities.limits
    if not own and capabilities.per_minute is not None:
        own = (Limit(Scope.PERSON, capabilities.per_minute, 60.0),)
    known = {(limit.scope.value, int(limit.seconds)): limit for limit in own}
    for (scope, seconds), count in settings.items():
        if scope in list(Scope) and seconds:
            known[scope, seconds] = Limit(Scope(scope), count, float(seconds))
    return tuple(limit for limit in known.values() if limit.count)


class Throttle:
    """What was sent, by window. A window nobody used for its length is forgotten."""

    def __init__(self) -> None:
        self._sent: dict[Key, deque[dt.datetime]] = {}

    def take(
        self, platform: str, whose: Mapping[Scope, str], *, limits: Sequence[Limit], now: dt.datetime
    ) -> dt.timedelta:
        """Zero when one may go out now (and it is counted in every window), else how long to wait."""
        wait = max((self._wait(platform, whose, limit, now) for limit in limits), default=_NONE)
        if wait <= _NONE:
            for scope in {limit.scope for limit in limits}:
                if scope in whose:
                    self._sent.setdefault((platform, scope, whose[scope]), deque()).append(now)
        return max(wait, _NONE)

    def knows(self, platform: str, scope: Scope, key: str) -> bool:
        return (platform, scope, key) in self._sent

    def learn(self, platform: str, scope: Scope, key: str, sent: Iterable[dt.datetime]) -> None:
        """What the database says was sent, by any process; replaces what this one remembered."""
        self._sent[platform, scope, key] = deque(sorted(sent))

    def forget(self, *, before: dt.datetime) -> None:
        """Drop windows that nothing was sent in since."""
        for key in [k for k, sent in self._sent.items() if not sent or sent[-1] < before]:
            del self._sent[key]

    def _wait(
        self, platform: str, whose: Mapping[Scope, str], limit: Limit, now: dt.datetime
    ) -> dt.timedelta:
        sent = self._sent.get((platform, limit.scope, whose.get(limit.scope, "")))
        if limit.scope not in whose or sent is None or len(sent) < limit.count:
            return _NONE
        return sent[-limit.count] + dt.timedelta(seconds=limit.seconds) - now
