"""How long the smart bot waits for what. Pure. Sheet section 4.6."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds."""

    ack: float = 5.0
    heartbeat: float = 30.0
    first_pause: float = 1.0
    longest_pause: float = 30.0
    patience: float = 2.0  # that a request waits for a socket that is just being reopened

    def pause(self, losses: int, *, jitter: float) -> float:
        """Before the next try: doubling to the longest, spread by *jitter* in 0..1 so that many do not come together."""
        pause = min(self.first_pause * 2 ** min(losses, 10), self.longest_pause)
        return float(pause * (0.5 + jitter / 2))


USUAL = Times()
