"""How often a group robot speaks: a robot that is too fast is silenced for everybody, so it never is."""

from __future__ import annotations

import datetime as dt
from collections import deque

from bot.core.clock import Clock
from bot.platforms.base import ErrorClass, PlatformError

_MINUTE = dt.timedelta(minutes=1)


class RobotTurns:
    """At most *per_minute* posts in any minute, and none while the service silences the robot. One per robot."""

    def __init__(self, clock: Clock, *, per_minute: int) -> None:
        self._clock = clock
        self._posts: deque[dt.datetime] = deque(maxlen=per_minute)
        self._silent_until: dt.datetime | None = None

    def take(self) -> None:
        """Count one post. Raise PlatformError(RETRY) that says how long to wait; then nothing was sent."""
        now = self._clock.now()
        free = self._silent_until or now
        if len(self._posts) == self._posts.maxlen:
            free = max(free, self._posts[0] + _MINUTE)
        if free > now:
            raise PlatformError(
                "robot.turn", cls=ErrorClass.RETRY, retry_after=(free - now).total_seconds(),
                advice="群机器人每分钟可发的条数已满，稍后自动继续。",
            )  # fmt: skip
        self._posts.append(now)

    def heard(self, error: PlatformError) -> None:
        """What the service answered to a post; it may silence the robot for a while."""
        if error.retry_after >= _MINUTE.total_seconds():
            self._silent_until = self._clock.now() + dt.timedelta(seconds=error.retry_after)
