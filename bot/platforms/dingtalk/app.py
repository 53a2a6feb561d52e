"""DingTalk as a :class:`Platform`: cards where a template is configured, links where it is not.

Sheet: sections 2.4, 2.5, 4.2, 5.2, 5.3.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import puremagic
from yarl import URL

from bot.core.clock import Clock
from bot.core.config import DingTalkSettings
from bot.platforms.base import (
    Budget,
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
    one_by_one,
)
from bot.platforms.dingtalk import cards, checks
from bot.platforms.dingtalk.client import DingTalkClient, failure
from bot.platforms.dingtalk.codes import CARD_EXISTS, SESSION_CODES
from bot.platforms.dingtalk.inbound import PLATFORM
from bot.platforms.dingtalk.robot import GroupRobot
from bot.platforms.dingtalk.stream import OnEvent, StreamClient
from bot.platforms.dingtalk.text import compact

CARDS = "/v1.0/card/instances"
SESSION_MARGIN = dt.timedelta(seconds=60)  # a reply address this close to its end is not used
MEDIA_BYTES = 20 * 1024 * 1024


def capabilities_of(settings: DingTalkSettings) -> Capabilities:
    """What an app so configured can do. Only cards have an idempotency key."""
    has_cards = bool(settings.card_template)
    return Capabilities(
        cards=has_cards,
        card_updates=has_cards,
        resend_is_safe=has_cards,
        plain_resend_is_safe=False,
        group_robot=settings.group_robot_url is not None,
        max_buttons=6 if has_cards else cards.MAX_LINKS,
        body_bytes=cards.BODY_BYTES if has_cards else 4096,
        per_minute=20,
        budgets=((Budget.CALLS, 5_000), (Budget.PUSHES, 3_000)),  # standard edition: sheet section 10.1
    )


class DingTalkPlatform:
    """One internal app of one organisation. All methods raise PlatformError only."""

    name = PLATFORM

    def __init__(
        self, settings: DingTalkSettings, clock: Clock, session: aiohttp.ClientSession, on_event: OnEvent
    ) -> None:
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._clock = clock
        self._client = DingTalkClient(settings, clock, session)
        self._robot = GroupRobot(settings, clock, self._client)
        self.stream = StreamClient(settings, session, on_event, client=self._client, clock=clock)
        self._updates: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Open the Stream connection in the background, if it is wanted."""
        if self._settings.stream:
            self.stream.start()

    async def close(self) -> None:
        """Close it; what was pushed by then has been stored."""
        await self.stream.close()

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send a card when the message has an id and a template is configured, else Markdown or links."""
        if message.card_id and self._settings.card_template:
            return await self._send_card(user_id, message)
        return await self._send_robot_message(user_id, message)

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """Send the same to each, one by one."""
        return await one_by_one(self, user_ids, message)

    async def receipts(self, ref: str) -> dict[str, Receipt]:  # noqa: ARG002 - the port
        """Nothing is asked yet, so nothing is told."""
        return {}

    async def recall(self, ref: str) -> None:  # noqa: ARG002 - the port
        """Refused: what was sent stays."""
        raise PlatformError("recall.none", cls=ErrorClass.BUG)

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        """Set the whole state of a card; updates of one card queue up, since the last writer wins."""
        if not self._settings.card_template:
            raise PlatformError("card.none", cls=ErrorClass.CARD)
        lock = self._updates.setdefault(card.card_id, asyncio.Lock())
        async with lock:
            await self._client.api("PUT", CARDS, body=cards.card_update(card.card_id, message))
        return Sent(card.card_id)

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Answer through the conversation's address while it lives; cards and late answers are sent anew."""
        wants_card = bool(message.card_id and self._settings.card_template)
        if wants_card or not self._session_lives(event):
            return await self.send(event.user_id, message)
        try:
            url = URL(event.reply_token, encoded=True)
            await self._client.webhook(url, cards.webhook_message(message))
        except PlatformError as error:
            if error.code not in SESSION_CODES:
                raise
            return await self.send(event.user_id, message)
        return Sent(ref="")

    async def fetch_media(self, media_id: str) -> Media:
        """Exchange a ``downloadCode`` for a link and fetch it; the bytes decide the type."""
        asked = {"downloadCode": media_id, "robotCode": self._settings.robot}
        answer = await self._client.api("POST", "/v1.0/robot/messageFiles/download", body=asked)
        body, claimed = await self._client.download(str(answer.get("downloadUrl", "")), limit=MEDIA_BYTES)
        return Media(body, _type_of(body, claimed))

    async def announce(self, message: OutboundMessage) -> None:
        """Post to the configured group robot."""
        await self._robot.send(message)

    async def check(self) -> list[CheckResult]:
        """Look at every setting for ``suicha doctor``; nothing is sent to anybody."""
        return await checks.check_all(self._settings, self._client)

    async def _send_card(self, user_id: str, message: OutboundMessage) -> Sent:
        body = cards.create_and_deliver(
            message, user_id=user_id, template=self._settings.card_template, robot_code=self._settings.robot
        )
        try:
            answer = await self._client.api("POST", f"{CARDS}/createAndDeliver", body=body)
        except PlatformError as error:
            if error.code == CARD_EXISTS:  # an earlier attempt arrived after all
                return Sent(message.card_id)
            raise
        return Sent(_delivered(answer) or message.card_id)

    async def _send_robot_message(self, user_id: str, message: OutboundMessage) -> Sent:
        key, param = cards.robot_message(message)
        body = {"robotCode": self._settings.robot, "userIds": [user_id], "msgKey": key}
        body["msgParam"] = compact(param)
        answer = await self._client.api("POST", "/v1.0/robot/oToMessages/batchSend", body=body)
        if answer.get("invalidStaffIdList"):
            raise failure("invalidStaffId")
        if answer.get("flowControlledStaffIdList"):
            raise failure("flowControlledStaffId")
        return Sent(str(answer.get("processQueryKey", "")))

    def _session_lives(self, event: InboundEvent) -> bool:
        until = event.reply_until
        return bool(event.reply_token) and until is not None and self._clock.now() < until - SESSION_MARGIN


def _delivered(answer: dict[str, Any]) -> str:
    """The ``carrierId``. Raise PlatformError(RECIPIENT) where a space failed: HTTP 200 is not yet delivery.

    A repeat would only hear that the card exists, so a failed delivery is final here.
    """
    result = answer.get("result")
    spaces = result.get("deliverResults") if isinstance(result, dict) else None
    for space in spaces or ():
        if not space.get("success"):
            raise failure("deliver.failed", detail=str(space.get("errorMsg", ""))[:200])
        return str(space.get("carrierId") or "")
    return ""


def _type_of(body: bytes, claimed: str) -> str:
    try:
        return str(puremagic.from_string(body, mime=True)) or claimed
    except (puremagic.PureError, ValueError):
        return claimed
