"""The rest of the port for services that only carry words out: no cards, no files, no groups, nothing comes in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from bot.platforms.base import (
    CardRef,
    ErrorClass,
    InboundEvent,
    Media,
    OutboundMessage,
    PlatformError,
    Receipt,
    Sent,
    one_by_one,
)


class OneWay(ABC):
    """What such a service answers to everything but ``send`` and ``check``. Raises PlatformError only."""

    name: str

    async def start(self) -> None:
        """Nothing to open."""
        return  # said, for an empty method of an abstract class looks forgotten

    async def close(self) -> None:
        """Nothing to close."""
        return

    @abstractmethod
    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one person."""

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """One each: nobody sees who else got it."""
        return await one_by_one(self, user_ids, message)

    async def receipts(self, ref: str) -> dict[str, Receipt]:  # noqa: ARG002 - the port
        """Nobody tells who read it."""
        return {}

    async def recall(self, ref: str) -> None:  # noqa: ARG002 - the port
        """What is out is out."""
        raise self._cannot(ErrorClass.BUG)

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:  # noqa: ARG002 - the port
        """There are no cards."""
        raise self._cannot(ErrorClass.CARD)

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Nothing comes in; a reply is a message like any other."""
        return await self.send(event.user_id, message)

    async def fetch_media(self, media_id: str) -> Media:  # noqa: ARG002 - the port
        """No file comes in."""
        raise self._cannot(ErrorClass.BUG)

    async def announce(self, message: OutboundMessage) -> None:  # noqa: ARG002 - the port
        """There are no groups."""
        raise self._cannot(ErrorClass.CHANNEL)

    def _cannot(self, cls: ErrorClass) -> PlatformError:
        return PlatformError(f"{self.name}.none", cls=cls, advice="这个渠道没有这种功能。")
