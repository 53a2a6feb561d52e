"""A chat service in memory: it does what its script says and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.platforms.base import (
    Capabilities,
    CardRef,
    CheckResult,
    ErrorClass,
    InboundEvent,
    Media,
    OutboundMessage,
    PlatformError,
    Receipt,
    Sent,
)


class Killed(BaseException):
    """The process died here: neither an answer nor an error reaches the caller."""


@dataclass
class FakePlatform:
    """Implements ``Platform``. ``script`` holds what the next calls do, in order: raise an error, or None for
    success; when it is empty every call succeeds. ``shown`` is what people see, lost answers included."""

    name: str = "wecom"
    capabilities: Capabilities = field(default_factory=Capabilities)
    script: deque[BaseException | None] = field(default_factory=deque)
    shown: list[tuple[str, OutboundMessage]] = field(default_factory=list)
    replied: list[tuple[InboundEvent, OutboundMessage]] = field(default_factory=list)
    updated: list[tuple[CardRef, OutboundMessage]] = field(default_factory=list)
    announced: list[OutboundMessage] = field(default_factory=list)
    token_per_update: bool = False
    batches: list[list[str]] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    told: dict[str, dict[str, Receipt]] = field(default_factory=dict)  # what ``receipts`` answers, by ref
    recalled: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None  # when set, calls wait for it
    calls: int = 0

    def then(self, *steps: BaseException | None) -> None:
        """What the next calls do."""
        self.script.extend(steps)

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        error = await self._step()
        if error is None and user_id in self.absent:
            error = PlatformError("invaliduser", cls=ErrorClass.RECIPIENT, advice="不在可见范围")
        if error is None or getattr(error, "arrived", False):
            self.shown.append((user_id, message))
        return self._end(error)

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        error = await self._step()
        if error is None or getattr(error, "arrived", False):
            self.replied.append((event, message))
        return self._end(error)

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """One call: a script step raises for all; ``absent`` people have an error of their own."""
        error = await self._step()
        self.batches.append(list(user_ids))
        here = [user for user in user_ids if user not in self.absent]
        if not here and error is None:
            error = PlatformError("81013", cls=ErrorClass.RECIPIENT, advice="都不在")
        if error is None or getattr(error, "arrived", False):
            self.shown += [(user, message) for user in here]
        sent = self._end(error, token=False)
        gone = PlatformError("invaliduser", cls=ErrorClass.RECIPIENT, advice="不在可见范围")
        return {user: gone if user in self.absent else sent for user in user_ids}

    async def receipts(self, ref: str) -> dict[str, Receipt]:
        """What the test put into ``told``."""
        return self.told.get(ref, {})

    async def recall(self, ref: str) -> None:
        self.recalled.append(ref)

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        error = await self._step()
        if error is None:
            self.updated.append((card, message))
        return self._end(error, token=self.token_per_update)

    async def fetch_media(self, media_id: str) -> Media:
        return Media(media_id.encode(), "image/png")

    async def announce(self, message: OutboundMessage) -> None:
        error = await self._step()
        if error is None or getattr(error, "arrived", False):
            self.announced.append(message)
        self._end(error)

    async def check(self) -> list[CheckResult]:
        return [CheckResult("fake", ok=True, seen="在内存里")]

    async def _step(self) -> BaseException | None:
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        return self.script.popleft() if self.script else None

    def _end(self, error: BaseException | None, *, token: bool = True) -> Sent:
        if error is not None:
            raise error
        return Sent(ref=f"msg-{self.calls}", card_token=f"token-{self.calls}" if token else "")

    def bodies(self) -> list[str]:
        return [message.body for _, message in self.shown]

    def to(self, user_id: str) -> list[OutboundMessage]:
        return [message for user, message in self.shown if user == user_id]


def arrived(error: PlatformError) -> PlatformError:
    """The same error, raised although the message was shown: its answer was lost."""
    error.arrived = True  # type: ignore[attr-defined]
    return error
