"""A self-built app of one corp, as a Platform."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import aiohttp

from bot.core.clock import Clock
from bot.core.config import WeComSettings
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
    TokenStore,
    one_by_one,
)
from bot.platforms.tokens import OwnTokens
from bot.platforms.wecom import cards, inbound
from bot.platforms.wecom.client import WeComClient
from bot.platforms.wecom.doctor import examine
from bot.platforms.wecom.robot import GroupRobot
from bot.platforms.wecom.wire import Wire

_JSON = {"Content-Type": "application/json"}


class WeComPlatform:
    """Sends through the server API; receives what the callback route hands to ``read_callback``."""

    name = "wecom"

    def __init__(
        self,
        settings: WeComSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        *,
        tokens: TokenStore | None = None,
    ) -> None:
        wire = Wire(settings, clock, session)
        self._settings = settings
        self._clock = clock
        self._wire = wire
        self._client = WeComClient(settings, clock, wire, tokens or OwnTokens(clock))
        self._robot = GroupRobot(settings.group_robot_url, wire) if settings.group_robot_url else None
        self._keys = inbound.CallbackKeys(
            receive_id=settings.corp_id,
            token=settings.token.get_secret_value(),
            aes_key=settings.aes_key.get_secret_value(),
            window=settings.callback_window,
        )
        self.capabilities = Capabilities(
            group_robot=self._robot is not None, per_minute=settings.per_member_minute
        )

    async def start(self) -> None:
        """Nothing to open: callbacks come by HTTP."""

    async def close(self) -> None:
        """Nothing to close: the session belongs to whoever made it."""

    # -- inbound ---------------------------------------------------------------------------------------

    def read_callback(self, query: Mapping[str, str], body: bytes) -> InboundEvent:
        """Open one callback POST. Raise CallbackError, whose ``status`` is the answer."""
        return inbound.verify_and_open(self._keys, query, body=body, now=self._clock.now())

    def answer_echo(self, query: Mapping[str, str]) -> bytes:
        """The body that answers the URL verification GET. Raise CallbackError."""
        return inbound.answer_echo(self._keys, query, now=self._clock.now())

    # -- outbound --------------------------------------------------------------------------------------

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one person; UNKNOWN may be retried: within four hours the same message is shown once."""
        return await self._send(self._body(user_id, message, once=True))

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Answer the person. Who asks the same twice is answered twice, unless it is the same card."""
        return await self._send(self._body(event.user_id, message, once=bool(message.card_id)))

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """Send the same to each, one by one."""
        return await one_by_one(self, user_ids, message)

    async def receipts(self, ref: str) -> dict[str, Receipt]:  # noqa: ARG002 - the port
        """Nothing is asked yet, so nothing is told."""
        return {}

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        """Replace the card on one screen, which uses up its token. Raise PlatformError(CARD) without one.

        An update whose answer was lost is tried once more: the token being spent then says that it arrived.
        """
        if not card.card_token:
            raise PlatformError("60140", "卡片没有可用的更新凭证", cls=ErrorClass.CARD)
        body = cards.update_body(card, message, agent_id=self._settings.agent_id)
        try:
            return await self._update(body)
        except PlatformError as lost:
            if lost.cls is not ErrorClass.UNKNOWN:
                raise
        try:
            return await self._update(body)
        except PlatformError as again:
            if again.cls is not ErrorClass.CARD:
                raise
            return Sent(ref="")

    async def recall(self, ref: str) -> None:
        """Take a message back within 24 hours. Raise PlatformError."""
        body = cards.recall_body(ref)
        await self._client.call("POST", "message/recall", data=body, headers=_JSON)

    async def announce(self, message: OutboundMessage) -> None:
        """Post to the group robot. Raise PlatformError(CHANNEL) when none is set."""
        if self._robot is None:
            raise PlatformError("robot", "没有设置群机器人", cls=ErrorClass.CHANNEL)
        await self._robot.post(message)

    # -- files -----------------------------------------------------------------------------------------

    async def fetch_media(self, media_id: str) -> Media:
        """Fetch a file within three days of its arrival. Raise PlatformError."""
        answer = await self._client.download("GET", "media/get", params={"media_id": media_id})
        return Media(answer.body, answer.media_type, answer.name)

    async def upload_media(self, name: str, body: bytes, *, kind: str = "file") -> str:
        """Upload for three days and return the media id. *kind*: image (10 MB), file (20 MB)."""
        safe = re.sub(r'[\x00-\x1f"\\/]', "_", name)

        def form() -> aiohttp.FormData:
            data = aiohttp.FormData(quote_fields=False)  # plain UTF-8 file name: section 2.9
            data.add_field("media", body, filename=safe, content_type="application/octet-stream")
            return data

        tree = await self._client.call("POST", "media/upload", params={"type": kind}, data=form)
        return str(tree["media_id"])

    async def send_file(self, user_id: str, name: str, body: bytes) -> Sent:
        """Upload a file and send it to one person. Raise PlatformError."""
        media_id = await self.upload_media(name, body)
        return await self._send(cards.file_body(user_id, media_id, agent_id=self._settings.agent_id))

    async def check(self) -> list[CheckResult]:
        """Look at every setting of this app for ``suicha doctor``."""
        return await examine(self._settings, self._client, self._wire)

    # -- how -------------------------------------------------------------------------------------------

    def _body(self, user_id: str, message: OutboundMessage, *, once: bool) -> bytes:
        return cards.send_body(message, user_id=user_id, agent_id=self._settings.agent_id, once=once)

    async def _send(self, body: bytes) -> Sent:
        tree = await self._client.call(
            "POST", "message/send", lost=ErrorClass.UNKNOWN, data=body, headers=_JSON
        )
        _refuse_missed(tree)
        return Sent(ref=str(tree.get("msgid", "")), card_token=str(tree.get("response_code", "")))

    async def _update(self, body: bytes) -> Sent:
        tree = await self._client.call(
            "POST", "message/update_template_card", lost=ErrorClass.UNKNOWN, data=body, headers=_JSON
        )
        _refuse_missed(tree)
        return Sent(ref="")


def _refuse_missed(tree: dict[str, object]) -> None:
    """Raise RECIPIENT where a success names our one receiver as not reached. Sheet section 2.2."""
    for name, why in (
        ("invaliduser", "不在应用可见范围，或已离职"),
        ("unlicenseduser", "没有接口许可"),
    ):
        if tree.get(name):
            raise PlatformError(name, why, cls=ErrorClass.RECIPIENT, advice="核对此人与应用的可见范围。")
