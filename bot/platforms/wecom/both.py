"""An app and its smart bot as one Platform: the app pushes, the bot answers who spoke to it.

Both know people by the same user ids, so an account bound through one is reached by the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.platforms.base import (
    CardRef,
    CheckResult,
    InboundEvent,
    Media,
    OutboundMessage,
    PlatformError,
    Receipt,
    Sent,
)
from bot.platforms.wecom.aibot import SmartBot
from bot.platforms.wecom.aibot_inbound import RESPONSE_URL, SOCKET, WEBHOOK
from bot.platforms.wecom.aibot_webhook import WebhookBot
from bot.platforms.wecom.app import WeComPlatform
from bot.platforms.wecom.contacts import WithDirectory

_OF_BOT = (SOCKET, WEBHOOK, RESPONSE_URL)
_KEPT = "kept:"


class AppAndBot(WithDirectory):
    """Implements ``Platform``. What can do more decides: pushes, batches, recall and card updates are the app's."""

    def __init__(self, app: WeComPlatform, bot: SmartBot | WebhookBot) -> None:
        self.name = app.name
        self.app = app
        self.bot = bot
        self.contacts = app.contacts
        speaks = isinstance(bot, SmartBot) and bot.capabilities.group_robot
        group = app.capabilities.group_robot or speaks
        self.capabilities = replace(app.capabilities, group_robot=group)

    async def start(self) -> None:
        await self.bot.start()

    async def close(self) -> None:
        await self.bot.close()

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        return await self.app.send(user_id, message)

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        return await self.app.send_many(user_ids, message)

    async def receipts(self, ref: str) -> dict[str, Receipt]:
        return await self.app.receipts(ref)

    async def recall(self, ref: str) -> None:
        await self.app.recall(ref)

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        if card.card_token.startswith(_OF_BOT):
            return await self.bot.update(card, message)
        return await self.app.update(card, message)

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Through the bot where it was asked there; a bot that can no longer answer leaves it to the app."""
        if event.reply_token.startswith(_OF_BOT):
            try:
                return await self.bot.reply(event, message)
            except PlatformError as error:
                if not error.permanent or event.conversation:
                    raise
        return await self.app.reply(event, message)

    async def fetch_media(self, media_id: str) -> Media:
        return await (self.bot if media_id.startswith(_KEPT) else self.app).fetch_media(media_id)

    async def announce(self, message: OutboundMessage) -> None:
        """The group robot is shared; without one the bot's group."""
        if self.app.robot is None and isinstance(self.bot, SmartBot):
            await self.bot.announce(message)
        else:
            await self.app.announce(message)

    async def send_file(self, user_id: str, name: str, body: bytes) -> Sent:
        return await self.app.send_file(user_id, name, body)

    async def check(self) -> list[CheckResult]:
        return [*await self.app.check(), *await self.bot.check()]
