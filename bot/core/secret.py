"""Where secrets that are drawn once come from. The demo brings its own source; nothing a user types can."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class SecretSource:
    """One for the process: a draw is committed in whichever thread writes, where no context reaches."""

    draw: Callable[[], bytes]

    def bring(self, draw: Callable[[], bytes]) -> None:
        """Take secrets from *draw* from now on; for the demo only, whose round can be played again."""
        self.draw = draw


SOURCE = SecretSource(lambda: secrets.token_bytes(32))


def fresh_secret() -> bytes:
    """32 bytes nobody has seen."""
    return SOURCE.draw()
