"""DingTalk as a :class:`Platform`: cards where a template is configured, links where it is not.

Sheet: sections 2.4, 2.5, 4 and 5. What each kind of message needs is in the module of its name.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Sequence

import aiohttp
import puremagic
import structlog
from yarl import URL

from bot.core.clock import Clock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import (
    Capabilities,
    CardRef,
    CheckResult,
    ErrorClass,
    InboundEvent,
    Limit,
    Media,
    OutboundMessage,
    PlatformError,
    Receipt,
    Scope,
    Sent,
    one_by_one,
)
from bot.platforms.dingtalk import cards, checks, media, robot_chat, work_notices
from bot.platforms.dingtalk.callbacks import OpenCallbacks
from bot.platforms.dingtalk.card_desk import CardDesk
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.codes import SESSION_CODES
from bot.platforms.dingtalk.contacts import Contacts
from bot.platforms.dingtalk.fields import PLATFORM
from bot.platforms.dingtalk.group_template import send_to_group
from bot.platforms.dingtalk.h5 import H5
from bot.platforms.dingtalk.hooks import Hooks
from bot.platforms.dingtalk.lost import lost_events
from bot.platforms.dingtalk.robot import GroupRobot
from bot.platforms.dingtalk.robot_chat import RobotChat
from bot.platforms.dingtalk.stream import OnEvent, StreamClient, pause_before
from bot.platforms.dingtalk.strong import StrongReminders
from bot.platforms.dingtalk.work_notices import WorkNotices
from bot.platforms.directory import Member, Unit
from bot.platforms.shared import Budget, Meter, TokenStore

log = structlog.get_logger(__name__)

SESSION_MARGIN = dt.timedelta(seconds=60)  # a reply address this close to its end is not used
MEDIA_BYTES = 20 * 1024 * 1024
LIMITS = (  # the client itself keeps the calls a second (section 10.2) and the group robot its pace (1.5)
    Limit(Scope.PERSON, 20, 60.0),
    Limit(Scope.ROBOT, 18, 60.0),
)


def capabilities_of(settings: DingTalkSettings) -> Capabilities:
    """What an app so configured can do. Only cards have an idempotency key."""
    has_cards = bool(settings.card_template)
    by_notice = settings.private_by == "work_notice"
    return Capabilities(
        cards=has_cards,
        card_updates=has_cards,
        resend_is_safe=has_cards or by_notice,
        plain_resend_is_safe=by_notice,  # the same text is shown once a day
        read_receipts=True,
        recall=True,
        group_robot=settings.group_robot_url is not None or bool(settings.group_conversation),
        max_buttons=6 if has_cards else cards.MAX_LINKS,
        body_bytes=cards.BODY_BYTES if has_cards else 1024 if by_notice else 4096,
        per_minute=20,
        limits=LIMITS,
        batch=work_notices.BATCH if by_notice else robot_chat.BATCH,
        budgets=tuple(zip((Budget.CALLS, Budget.PUSHES), settings.budgets, strict=True)),
    )


class DingTalkPlatform:
    """One internal app of one organisation. All methods raise PlatformError only.

    *public_url* is where our pages and HTTP callbacks are reached.
    """

    name = PLATFORM

    def __init__(
        self,
        settings: DingTalkSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        on_event: OnEvent,
        *,
        tokens: TokenStore | None = None,
        meter: Meter | None = None,
        public_url: str = "",
    ) -> None:
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._clock = clock
        self._public_url = public_url
        path = settings.hook_path.get_secret_value() if settings.hook_path else ""
        self._hooks_url = f"{public_url}/hooks/dingtalk/{path}" if public_url and path else ""
        self._client = DingTalkClient(settings, clock, session, tokens=tokens, meter=meter)
        self._announcer = GroupRobot(settings, clock, self._client)
        self._chat = RobotChat(settings, self._client)
        self._notices = WorkNotices(settings, clock, self._client)
        self._private = self._notices if settings.private_by == "work_notice" else self._chat
        self._strong = StrongReminders(settings, self._client, home=public_url)
        self.callbacks = OpenCallbacks()
        self._cards = CardDesk(settings, self._client, self.callbacks)
        self.hooks = Hooks(settings, clock)
        self.h5 = H5(settings, clock, self._client, self._client.tokens)
        self.stream = StreamClient(
            settings, session, on_event, client=self._client, clock=clock, callbacks=self.callbacks
        )
        self._contacts = Contacts(self._client)
        self._registering: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the Stream connections in the background; without Stream, say where presses on cards go."""
        if self._settings.stream:
            self.stream.start()
        elif self._settings.card_template and self._hooks_url and self._registering is None:
            self._registering = asyncio.create_task(self._register())

    async def close(self) -> None:
        """Close them; what was pushed by then has been stored."""
        if self._registering is not None:
            self._registering.cancel()
            await asyncio.gather(self._registering, return_exceptions=True)
        await self.stream.close()

    def pushed(self) -> None:
        """Note an HTTP push in the monthly ledger; Stream notes its own."""
        self._client.pushed()

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send a card when the message has an id and a template is configured, else Markdown or links."""
        if message.card_id and self._settings.card_template:
            sent = await self._cards.create(user_id, message)
        else:
            sent = await self._private.send(user_id, message)
        await self._strong.add(user_id, message)
        return sent

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """Send the same in one call, each person with an end of their own. A card is one person's: its id would
        be refused, or worse, taken for sent, the second time."""
        if message.card_id and self._settings.card_template:
            if len(user_ids) > 1:
                raise PlatformError("card.batch", cls=ErrorClass.BUG)
            return await one_by_one(self, user_ids, message)
        ended = await self._private.send_many(user_ids, message)
        for user_id, end in ended.items():
            if isinstance(end, Sent):
                await self._strong.add(user_id, message)
        return ended

    async def receipts(self, ref: str) -> dict[str, Receipt]:
        """Who has read it; for a work notice also who never got it."""
        if not ref:  # a reply through the conversation's address leaves no trace
            return {}
        of = self._notices if work_notices.is_work_notice(ref) else self._chat
        return await of.receipts(ref)

    async def recall(self, ref: str) -> None:
        """Take a message back, within 24 hours."""
        if not ref:
            raise PlatformError("recall.none", cls=ErrorClass.BUG)
        of = self._notices if work_notices.is_work_notice(ref) else self._chat
        await of.recall(ref)

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        """Set the whole state of a card; with its duty done, its to-do too."""
        await self._strong.finish(card.user_id, message)
        if not self._settings.card_template:
            raise PlatformError("card.none", cls=ErrorClass.CARD)
        return await self._cards.update(card.card_id, message)

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Answer through the conversation's address while it lives; cards and late answers are sent anew."""
        wants_card = bool(message.card_id and self._settings.card_template)
        if wants_card or not self._session_lives(event):
            return await self._anew(event, message)
        try:
            url = URL(event.reply_token, encoded=True)
            at = event.user_id if event.conversation else ""
            await self._client.webhook(url, cards.webhook_message(message, at=at))
        except PlatformError as error:
            if error.code not in SESSION_CODES:
                raise
            return await self._anew(event, message)
        return Sent(ref="")

    async def fetch_media(self, media_id: str) -> Media:
        """Exchange a ``downloadCode`` for a link and fetch it; the bytes decide the type."""
        asked = {"downloadCode": media_id, "robotCode": self._settings.robot}
        answer = await self._client.api("POST", "/v1.0/robot/messageFiles/download", body=asked)
        body, claimed = await self._client.download(str(answer.get("downloadUrl", "")), limit=MEDIA_BYTES)
        return Media(body, _type_of(body, claimed))

    async def announce(self, message: OutboundMessage) -> None:
        """Post to the custom group robot, or where there is none or it is refused, by the app's own robot.

        A custom robot may be deleted or switched off by anybody in its group: it is never the only way.
        """
        group = self._settings.group_conversation
        try:
            await self._announcer.send(message)
        except PlatformError as error:
            if not group or error.cls not in (ErrorClass.CHANNEL, ErrorClass.RETRY, ErrorClass.RECIPIENT):
                raise
            if robot := self._settings.group_template_robot:
                await send_to_group(self._client, robot, group, message)
            else:
                await self._chat.send_group(group, message)

    async def send_file(self, user_id: str, name: str, body: bytes) -> Sent:
        """Upload a picture or a file and send it to one person."""
        media_id = await self._client.upload(name, body, kind=media.kind_of(name, len(body)))
        return await self._chat.send_sample(user_id, *media.shown(name, media_id))

    @property
    def keeps_lost(self) -> bool:
        """Whether events come by HTTP: only those that fail are kept for later."""
        return not self._settings.stream and self.hooks.reads_events

    async def lost(self) -> list[InboundEvent]:
        """The events that could not be delivered."""
        return await lost_events(self._client, received=self._clock.now())

    async def units(self) -> list[Unit]:
        """Every department the app may see."""
        return await self._contacts.units()

    async def members(self) -> list[Member]:
        """Everybody the app may see."""
        return await self._contacts.members()

    async def member(self, user_id: str) -> Member | None:
        """One person of the directory."""
        return await self._contacts.member(user_id)

    async def check(self) -> list[CheckResult]:
        """Look at every setting for ``suicha doctor``; nothing is sent to anybody."""
        return await checks.check_all(
            self._settings, self._client, clock=self._clock, h5=self.h5, public_url=self._public_url
        )

    async def _anew(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """To the person; a question from a group of ours is answered in the group when it is not a card."""
        if event.conversation and not (message.card_id and self._settings.card_template):
            return await self._chat.send_group(event.conversation, message)
        return await self.send(event.user_id, message)

    async def _register(self) -> None:
        attempt = 0
        while True:
            try:
                await self._cards.register_route(f"{self._hooks_url}/cards")
            except PlatformError as error:
                log.warning("dingtalk_card_route_refused", code=error.code)
                await asyncio.sleep(pause_before(attempt, jitter=random.random()))  # noqa: S311 - spread, no secret
                attempt += 1
            else:
                return

    def _session_lives(self, event: InboundEvent) -> bool:
        until = event.reply_until
        return bool(event.reply_token) and until is not None and self._clock.now() < until - SESSION_MARGIN


def _type_of(body: bytes, claimed: str) -> str:
    try:
        return str(puremagic.from_string(body, mime=True)) or claimed
    except (puremagic.PureError, ValueError):
        return claimed
