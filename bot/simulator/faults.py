"""Faults on purpose: so many requests in a hundred go wrong, in the ways the real services go wrong.

The choice is by a counter and a seed, so a run can be repeated; the same request tried again usually passes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    SERVER_ERROR = "server_error"  # HTTP 502, nothing done
    BUSY = "busy"  # the platform's «system busy» code in a 200, nothing done
    LOST = "lost"  # no answer until the client gives up, nothing done
    LATE_ANSWER = "late_answer"  # done, but no answer until the client gives up
    RESET = "reset"  # connection closed without an answer, nothing done
    DEAD_TOKEN = "dead_token"  # the token is refused though it has not expired  # noqa: S105
    TWICE = "twice"  # a callback is pushed twice
    DELAYED = "delayed"  # a callback comes late
    RATE_LIMIT = "rate_limit"  # called too often just now, nothing done
    QUOTA_GONE = "quota_gone"  # the organisation's budget is used up, nothing done
    SLOW = "slow"  # done, and answered just before the client would give up


OUTBOUND = (Fault.SERVER_ERROR, Fault.BUSY, Fault.LOST, Fault.LATE_ANSWER, Fault.RESET, Fault.DEAD_TOKEN)
INBOUND = (Fault.TWICE, Fault.DELAYED)
SCRIPTED = (Fault.RATE_LIMIT, Fault.QUOTA_GONE, Fault.SLOW)  # never by chance


@dataclass(slots=True)
class FaultPlan:
    """``percent`` of calls fail. ``script`` (for tests) is used up first, one entry a call; None passes."""

    percent: float = 0.0
    seed: str = "suicha"
    hold: float = 3.0  # seconds a lost or late answer is held; longer than the client's time-out
    delay: float = 0.3  # seconds a delayed callback is late
    script: list[Fault | None] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    _calls: int = 0

    def outbound(self) -> Fault | None:
        """The fault for the next API call, or None."""
        return self._next(OUTBOUND)

    def inbound(self) -> Fault | None:
        """The fault for the next push to the service under test, or None."""
        return self._next(INBOUND)

    def _next(self, kinds: tuple[Fault, ...]) -> Fault | None:
        scripted = (*kinds, *SCRIPTED) if kinds is OUTBOUND else kinds
        if self.script and (self.script[0] is None or self.script[0] in scripted):
            fault = self.script.pop(0)
        else:
            self._calls += 1
            draw = int.from_bytes(hashlib.sha256(f"{self.seed}:{self._calls}".encode()).digest()[:8], "big")
            if draw % 10_000 >= self.percent * 100:
                return None
            fault = kinds[(draw // 10_000) % len(kinds)]
        if fault is not None:
            self.happened[fault] += 1
        return fault
