"""What all processes of an installation share, as a platform's client sees it: tokens, the ledger of the month, the
right to be the only one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Budget(StrEnum):
    """What an organisation's edition counts by the month."""

    CALLS = "calls"  # requests to the OpenAPI
    PUSHES = "pushes"  # Stream and HTTP callbacks received


class Meter(Protocol):
    """Where a platform's client notes what it spends of a monthly budget; cheap, called on the loop."""

    def spent(self, platform: str, budget: Budget, n: int = 1) -> None: ...


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it ends, UTC."""

    value: str = field(repr=False)
    ends_at: dt.datetime


class TokenStore(Protocol):
    """Tokens that all processes share: however many find one dead together, it is fetched once."""

    async def get(self, key: str, *, refused: str, fetch: Callable[[], Awaitable[Token]]) -> str:
        """The living token of *key* that is not *refused*; *fetch* is called by one of all who wait."""
        ...


class Sole(Protocol):
    """Makes one process of many the only one to do something, such as holding a smart bot's socket."""

    def hold(self, name: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Wait until nobody else holds *name*. The event is set when the hold is lost: stop at once."""
        ...
