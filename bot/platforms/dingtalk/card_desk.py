"""Interactive cards: created once, then updated one after the other, never inside a callback. Sheet: section 5."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

import structlog

from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import OutboundMessage, PlatformError, Sent
from bot.platforms.dingtalk import cards
from bot.platforms.dingtalk.callbacks import OpenCallbacks
from bot.platforms.dingtalk.client import DingTalkClient, failure
from bot.platforms.dingtalk.codes import CARD_EXISTS
from bot.platforms.dingtalk.fields import items, nested, word

log = structlog.get_logger(__name__)

CARDS = "/v1.0/card/instances"
REGISTER = "/v1.0/card/callbacks/register"


class CardDesk:
    """Cards of the configured template. All methods raise PlatformError."""

    def __init__(self, settings: DingTalkSettings, client: DingTalkClient, callbacks: OpenCallbacks) -> None:
        self._settings = settings
        self._client = client
        self._callbacks = callbacks
        self._updates: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def create(self, user_id: str, message: OutboundMessage) -> Sent:
        """Show a new card to one person. That it exists means that an earlier attempt arrived after all."""
        body = cards.create_and_deliver(
            message,
            user_id=user_id,
            template=self._settings.card_template,
            robot_code=self._settings.robot,
            route="" if self._settings.stream else self._settings.card_route,
        )
        try:
            answer = await self._client.api("POST", f"{CARDS}/createAndDeliver", body=body)
        except PlatformError as error:
            if error.code == CARD_EXISTS:
                return Sent(message.card_id, earlier=True)
            raise
        return Sent(_delivered(answer) or message.card_id)

    async def update(self, card_id: str, message: OutboundMessage) -> Sent:
        """Set the whole state of a card; updates of one card queue up, since the last writer wins."""
        lock = self._updates.setdefault(card_id, asyncio.Lock())
        async with lock:
            await self._callbacks.answered(card_id)
            await self._client.api("PUT", CARDS, body=cards.card_update(card_id, message))
        return Sent(card_id)

    async def register_route(self, url: str) -> None:
        """Say where presses go without Stream; the same again changes nothing."""
        assert self._settings.card_secret is not None
        body = {
            "callbackRouteKey": self._settings.card_route,
            "callbackUrl": url,
            "apiSecret": self._settings.card_secret.get_secret_value(),
            "forceUpdate": True,
        }
        await self._client.api("POST", REGISTER, body=body)


def _delivered(answer: dict[str, Any]) -> str:
    """The ``carrierId``. Raise PlatformError(RECIPIENT) where a space failed: HTTP 200 is not yet delivery.

    A repeat would only hear that the card exists, so a failed delivery is final here.
    """
    for space in items(nested(answer.get("result")).get("deliverResults")):
        if not isinstance(space, dict) or space.get("success") is not True:
            raise failure("deliver.failed", detail=word(nested(space), "errorMsg")[:200])
        return word(space, "carrierId")
    return ""
