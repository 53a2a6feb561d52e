"""A self-built app of one corp, as a Platform."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

import aiohttp
import structlog

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
from bot.platforms.base import (
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
from bot.platforms.shared import TokenStore
from bot.platforms.tokens import OwnTokens
from bot.platforms.wecom import cards, codes, inbound, kinds
from bot.platforms.wecom.abilities import capabilities
from bot.platforms.wecom.client import WeComClient
from bot.platforms.wecom.contacts import Contacts, WithDirectory
from bot.platforms.wecom.doctor import examine
from bot.platforms.wecom.downstream import Downstream, by_corp
from bot.platforms.wecom.ends import missed_in, only_end, say_cut, was_shown
from bot.platforms.wecom.limits import Channel
from bot.platforms.wecom.pages import Pages
from bot.platforms.wecom.robot import GroupRobot
from bot.platforms.wecom.wire import Wire, upload_form

log = structlog.get_logger(__name__)

_JSON = {"Content-Type": "application/json"}
_NO_CALLBACK_URL = "43012"


class WeComPlatform(WithDirectory):
    """Sends through the server API; receives what the callback route hands to ``read_callback``."""

    def __init__(
        self,
        settings: WeComSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        *,
        tokens: TokenStore | None = None,
        name: str = "wecom",
        callback_url: str = "",
    ) -> None:
        self.name = name
        self.callback_url = callback_url  # as the console has it; empty: the doctor does not try it
        self.settings = settings
        self._clock = clock
        self.wire = Wire(settings, clock, session)
        tokens = tokens or OwnTokens(clock)
        self.client = WeComClient(settings, clock, self.wire, tokens)
        self.pages = Pages(settings, clock, self.client, tokens)
        self.downstream = (
            Downstream(settings, clock, self.wire, tokens, own=self.client) if settings.downstream else None
        )
        self.contacts = Contacts(self.client)
        url = settings.group_robot_url
        self.robot = GroupRobot(url, self.wire, clock) if url else None
        self.keys = inbound.CallbackKeys(
            receive_id=settings.corp_id,
            token=settings.token.get_secret_value(),
            aes_key=settings.aes_key.get_secret_value(),
            window=settings.callback_window,
        )
        self.capabilities = capabilities(settings, self.robot is not None)

    async def start(self) -> None:
        """Nothing to open: callbacks come by HTTP. Which enterprises have the app is asked, and asked again later."""
        if self.downstream is not None:
            try:
                await self.downstream.refresh()
            except PlatformError as error:
                log.warning("wecom_downstream_unread", code=error.code)

    async def close(self) -> None:
        """Nothing to close: the session belongs to whoever made it."""

    # -- inbound ---------------------------------------------------------------------------------------

    def read_callback(self, query: Mapping[str, str], body: bytes) -> InboundEvent:
        """Open one callback POST. Raise CallbackError, whose ``status`` is the answer."""
        now = self._clock.now()
        keys = self.keys
        if self.downstream is not None:
            keys = replace(keys, downstream=self.downstream.corp_ids)
        return inbound.verify_and_open(keys, query, body=body, now=now, platform=self.name)

    def answer_echo(self, query: Mapping[str, str]) -> bytes:
        """The body that answers the URL verification GET. Raise CallbackError."""
        return inbound.answer_echo(self.keys, query, now=self._clock.now())

    # -- outbound --------------------------------------------------------------------------------------

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one person; UNKNOWN may be retried: within four hours the same message is shown once."""
        try:
            sent = only_end(await self._send([user_id], message, once=True))
        except PlatformError as refused:
            if not (message.card_id and was_shown(refused)):
                raise
            return Sent(ref=message.card_id, earlier=True)
        return await self._closed(user_id, message, sent)

    async def _closed(self, user_id: str, message: OutboundMessage, sent: Sent) -> Sent:
        """Take the button off a card that was over before it left; WeCom has no new card without one."""
        if not (message.done and sent.card_token):
            return sent
        try:
            await self.update(CardRef(user_id, message.card_id, sent.card_token), message)
        except PlatformError:  # it says what it has to say, and a press takes the button off
            return sent
        return replace(sent, card_token="")

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Answer the person. Who asks the same twice is answered twice, unless it is the same card."""
        return only_end(await self._send([event.user_id], message, once=bool(message.card_id)))

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """Send the same to up to 1,000 people in one call; who is not there has an error of their own.

        Raise PlatformError where the call failed for all, as 81013 does when nobody of them is there.
        """
        return await self._send(list(dict.fromkeys(user_ids)), message, once=True)

    async def receipts(self, ref: str) -> dict[str, Receipt]:  # noqa: ARG002 - the port
        """WeCom tells nobody who has read what."""
        return {}

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        """Replace the card on one screen, which uses up its token. Raise PlatformError(CARD) without one.

        An update whose answer was lost is tried once more: the token being spent then says that it arrived.
        """
        if not card.card_token:
            raise codes.error(60140, "卡片没有可用的更新凭证")
        body = cards.update_body(card, message, agent_id=self.settings.agent_id)
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
        await self.client.call("POST", "message/recall", data=body, headers=_JSON)

    async def announce(self, message: OutboundMessage) -> None:
        """Post to the group robot. Raise PlatformError(CHANNEL) when none is set."""
        if self.robot is None:
            raise PlatformError("robot", "没有设置群机器人", cls=ErrorClass.CHANNEL)
        await self.robot.post(message)

    # -- files -----------------------------------------------------------------------------------------

    async def fetch_media(self, media_id: str) -> Media:
        """Fetch a file within three days of its arrival. Raise PlatformError."""
        answer = await self.client.download("GET", "media/get", params={"media_id": media_id})
        return Media(answer.body, answer.media_type, answer.name)

    async def upload_media(self, name: str, body: bytes, *, kind: str = "file") -> str:
        """Upload for three days and return the media id. *kind*: image (10 MB), video (10), voice (2), file (20)."""
        form = upload_form(name, body)
        tree = await self.client.call("POST", "media/upload", params={"type": kind}, data=form)
        return str(tree["media_id"])

    async def send_kind(self, user_ids: Sequence[str], kind: kinds.Kind) -> dict[str, Sent | PlatformError]:
        """Send any kind of message: pictures, files, news, votes. Raise PlatformError."""
        content = kinds.content_of(kind, Channel.APP)
        body = cards.kind_body(content, user_ids=user_ids, agent_id=self.settings.agent_id, once=True)
        return await self._deliver(user_ids, body)

    async def send_file(self, user_id: str, name: str, body: bytes) -> Sent:
        """Upload a file and send it to one person. Raise PlatformError."""
        media_id = await self.upload_media(name, body)
        return only_end(await self.send_kind([user_id], kinds.File(media_id=media_id)))

    def now(self) -> dt.datetime:
        return self._clock.now()

    async def check(self) -> list[CheckResult]:
        """Look at every setting of this app for ``suicha doctor``."""
        return await examine(self)

    # -- how -------------------------------------------------------------------------------------------

    async def _send(
        self, user_ids: Sequence[str], message: OutboundMessage, *, once: bool
    ) -> dict[str, Sent | PlatformError]:
        """One call for our own people, and one for each enterprise among them."""
        groups = by_corp(user_ids) if self.downstream is not None else {"": list(user_ids)}
        if len(groups) == 1:
            return await self._send_to(user_ids, message, once=once, corp=next(iter(groups)))
        ends: dict[str, Sent | PlatformError] = {}
        for corp, people in groups.items():
            try:
                ends |= await self._send_to(people, message, once=once, corp=corp)
            except PlatformError as error:
                ends |= dict.fromkeys(people, error)
        return ends

    async def _send_to(
        self, user_ids: Sequence[str], message: OutboundMessage, *, once: bool, corp: str
    ) -> dict[str, Sent | PlatformError]:
        if corp and self.downstream is not None:
            client, agent_id = await self.downstream.client(corp)
            names = {user_id.rpartition("/")[2]: user_id for user_id in user_ids}
            fitted = cards.content(message, Channel.APP, template_cards=self.settings.template_cards)
            body = cards.kind_body(fitted, user_ids=list(names), agent_id=agent_id, once=once)
            ends = await self._deliver(list(names), body, client=client)
            return {names[name]: end for name, end in ends.items()}
        able = self.settings.template_cards
        try:
            return await self._deliver(user_ids, self._body(user_ids, message, once=once, cards_too=able))
        except PlatformError as refused:
            if refused.code != _NO_CALLBACK_URL or cards.calls_back(message):
                raise
        return await self._deliver(user_ids, self._body(user_ids, message, once=once, cards_too=False))

    def _body(
        self, user_ids: Sequence[str], message: OutboundMessage, *, once: bool, cards_too: bool
    ) -> cards.Body:
        agent_id = self.settings.agent_id
        return cards.send_body(
            message, user_ids=user_ids, agent_id=agent_id, once=once, template_cards=cards_too
        )

    async def _deliver(
        self, user_ids: Sequence[str], body: cards.Body, *, client: WeComClient | None = None
    ) -> dict[str, Sent | PlatformError]:
        """One message/send, and each person's end of it."""
        say_cut(body.cut)
        tree = await (client or self.client).call(
            "POST", "message/send", lost=ErrorClass.UNKNOWN, data=body.raw, headers=_JSON
        )
        sent = Sent(ref=str(tree.get("msgid", "")), card_token=str(tree.get("response_code", "")))
        missed = missed_in(tree)
        return {user_id: missed.get(user_id.lower(), sent) for user_id in user_ids}

    async def _update(self, body: cards.Body) -> Sent:
        say_cut(body.cut)
        tree = await self.client.call(
            "POST", "message/update_template_card", lost=ErrorClass.UNKNOWN, data=body.raw, headers=_JSON
        )
        for error in missed_in(tree).values():
            raise error
        return Sent(ref="")
