"""A smart bot (智能机器人) over its long connection, as a Platform: no public address, no trusted IP, no domain.

What differs from an app: only who has talked to the bot can be pushed to; a card changes only in the five seconds
after a press; a press's request id is the card's update token, and a message's is its reply token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import structlog

from bot.core.clock import Clock
from bot.core.config_wecom import WeComSettings
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
from bot.platforms.shared import Sole
from bot.platforms.shelf import Shelf
from bot.platforms.wecom import aibot_files, aibot_frames, aibot_inbound, cards, codes
from bot.platforms.wecom.aibot_doctor import examine_bot
from bot.platforms.wecom.aibot_pace import USUAL, Times
from bot.platforms.wecom.aibot_relay import Relay
from bot.platforms.wecom.aibot_socket import BotSocket
from bot.platforms.wecom.aibot_streams import Streams, new_stream_id
from bot.platforms.wecom.ends import say_cut, was_shown
from bot.platforms.wecom.fields import Malformed
from bot.platforms.wecom.limits import ROBOT_PER_MINUTE, Channel, bug
from bot.platforms.wecom.robot import GroupRobot
from bot.platforms.wecom.wire import Wire

log = structlog.get_logger(__name__)

Take = Callable[[InboundEvent], Awaitable[object]]
BATCH = 20  # people in one ``send_many``
UPDATE_WINDOW = 4.8  # seconds after a press in which its card can be changed
_REPLY_GONE = {"846605", "846608"}  # the request is unknown or its stream too old: push instead


class SmartBot:
    """Hears over the socket and hands events to *take*; says over it, or through *relay* where another process has it."""

    def __init__(
        self,
        settings: WeComSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        *,
        name: str,
        sole: Sole,
        shelf: Shelf,
        take: Take,
        relay: Relay | None = None,
        times: Times = USUAL,
    ) -> None:
        assert settings.bot is not None
        self.name = name
        self.settings, self.bot = settings, settings.bot
        self._clock, self._take, self._relay, self._shelf = clock, take, relay, shelf
        self.wire = Wire(settings, clock, session)
        self.socket = BotSocket(
            settings, clock, session, sole=sole, on_frame=self._hear, times=times, relay=relay, ask=self._say
        )
        self._files = aibot_files.Files(self.wire, shelf)
        self._streams = Streams(self._respond)
        self._presses: dict[str, float] = {}  # request id of a press -> when it came
        url = settings.group_robot_url
        self.robot = GroupRobot(url, self.wire, clock) if url else None
        self.capabilities = Capabilities(
            card_updates=False,  # only in the five seconds after a press
            plain_resend_is_safe=False,
            batch=BATCH,
            group_robot=self.robot is not None or bool(self.bot.group),
            body_bytes=aibot_frames.STREAM_BYTES - 1024,  # title, facts and links stand beside it
            per_minute=settings.per_member_minute,
            limits=(
                Limit(Scope.PERSON, settings.per_member_minute, 60),
                Limit(Scope.PERSON, 1000, 3600),
                Limit(Scope.ROBOT, ROBOT_PER_MINUTE, 60),
            ),
        )

    async def start(self) -> None:
        """Open the socket, when this process is the one to have it."""
        self.socket.start()

    async def close(self) -> None:
        """Finish open streams, store what was heard, close the socket."""
        await self._streams.close()
        await self.socket.close()

    # -- outbound --------------------------------------------------------------------------------------

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Push to one person, who must have talked to the bot before. A lost acknowledgement is UNKNOWN."""
        return await self._push(cards.check_person(user_id), message, group=False)

    async def send_many(
        self, user_ids: Sequence[str], message: OutboundMessage
    ) -> dict[str, Sent | PlatformError]:
        """One frame for each of up to twenty people; the bot has no batch. Raise PlatformError(BUG) for more."""
        if len(user_ids) > BATCH:
            raise bug("chatid", f"一次最多 {BATCH} 人")
        return await one_by_one(self, user_ids, message)

    async def receipts(self, ref: str) -> dict[str, Receipt]:  # noqa: ARG002 - the port
        """The bot tells nobody who has read what."""
        return {}

    async def recall(self, ref: str) -> None:  # noqa: ARG002 - the port
        """Raise PlatformError: what a bot said stays."""
        raise PlatformError("recall", "智能机器人不能撤回消息", cls=ErrorClass.BUG)

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """Answer the message itself within 24 hours; when that is no longer possible, push."""
        req_id = event.reply_token.removeprefix(aibot_inbound.SOCKET)
        late = event.reply_until is not None and self._clock.now() >= event.reply_until
        if event.reply_token.startswith(aibot_inbound.SOCKET) and not late:
            try:
                await self._ask(aibot_frames.RESPOND, self._answer(message), req_id)
                return Sent(ref="")
            except PlatformError as gone:
                if gone.code not in _REPLY_GONE:
                    raise
        return await self._push(event.conversation or event.user_id, message, group=bool(event.conversation))

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        """Change the pressed card within five seconds of its press. Raise PlatformError(CARD) when it is too late."""
        req_id = card.card_token.removeprefix(aibot_inbound.SOCKET)
        pressed = self._presses.pop(req_id, None)
        if pressed is None or self._clock.now().timestamp() - pressed > UPDATE_WINDOW:
            raise codes.error(60140, "智能机器人的卡片只能在按下后五秒内更新")
        fitted = cards.new_card(card, message, Channel.BOT)
        say_cut(fitted.cut)
        body = aibot_frames.card_update(fitted.content, [card.user_id])
        await self._ask(aibot_frames.UPDATE, body, req_id)
        return Sent(ref="")

    async def announce(self, message: OutboundMessage) -> None:
        """Post to the group robot, or to the group that was set. Raise PlatformError(CHANNEL) without either."""
        if self.robot is not None:
            await self.robot.post(message)
        elif self.bot.group:
            await self._push(self.bot.group, message, group=True)
        else:
            raise PlatformError("robot", "没有设置群机器人", cls=ErrorClass.CHANNEL)

    # -- files -----------------------------------------------------------------------------------------

    async def fetch_media(self, media_id: str) -> Media:
        """A file that was kept when it arrived. Raise PlatformError."""
        return await self._shelf.get(media_id)

    async def upload_media(self, name: str, body: bytes, *, kind: str = "file") -> str:
        """Upload in pieces of 512 KB and return the media id, which lives three days. Raise PlatformError."""
        begun = await self._ask(aibot_frames.UPLOAD_INIT, aibot_files.upload_init(kind, name, body))
        upload_id = str(begun.body.get("upload_id", ""))
        for index, piece in enumerate(aibot_frames.chunks(body)):
            await self._ask(aibot_frames.UPLOAD_CHUNK, aibot_files.upload_chunk(upload_id, index, piece))
        done = await self._ask(aibot_frames.UPLOAD_FINISH, {"upload_id": upload_id})
        return str(done.body.get("media_id", ""))

    async def send_file(self, user_id: str, name: str, body: bytes) -> Sent:
        """Upload a file and push it to one person. Raise PlatformError."""
        media_id = await self.upload_media(name, body)
        content = aibot_frames.push(user_id, aibot_frames.media("file", media_id), group=False)
        await self._ask(aibot_frames.PUSH, content)
        return Sent(ref="")

    async def check(self) -> list[CheckResult]:
        """Look at the bot for ``suicha doctor``."""
        return await examine_bot(self)

    # -- how -------------------------------------------------------------------------------------------

    async def _push(self, chat_id: str, message: OutboundMessage, *, group: bool) -> Sent:
        if group and any(button.action for button in message.buttons):
            raise bug("chat_type", "群里不能推送带按钮的卡片")
        fitted = cards.content(message, Channel.BOT, template_cards=not group)
        say_cut(fitted.cut)
        try:
            answer = await self._ask(
                aibot_frames.PUSH, aibot_frames.push(chat_id, fitted.content, group=group)
            )
        except PlatformError as refused:
            if not (message.card_id and was_shown(refused)):
                raise
            return Sent(ref=message.card_id, earlier=True)
        return Sent(ref=answer.req_id or "bot")

    def _answer(self, message: OutboundMessage) -> dict[str, Any]:
        """A card as a card, words as a stream that is finished at once."""
        fitted = cards.content(message, Channel.BOT)
        say_cut(fitted.cut)
        if fitted.content["msgtype"] != "markdown":
            return fitted.content
        return aibot_frames.stream(new_stream_id(), fitted.content["markdown"]["content"], finish=True)

    async def _ask(self, cmd: str, body: dict[str, Any], req_id: str = "") -> aibot_frames.Frame:
        if self._relay is not None and not self.socket.holding:
            return await self._relay.ask(self.bot.id, cmd, body, req_id)
        return await self._say(cmd, body, req_id)

    async def _say(self, cmd: str, body: dict[str, Any], req_id: str) -> aibot_frames.Frame:
        """Send one frame over our own socket; an answer continues the stream that was opened meanwhile."""
        if cmd == aibot_frames.RESPOND:
            body = self._streams.answer(req_id, body)
        return await self.socket.ask(cmd, body, req_id=req_id)

    async def _respond(self, req_id: str, body: dict[str, Any]) -> object:
        return await self.socket.ask(aibot_frames.RESPOND, body, req_id=req_id)

    # -- inbound ---------------------------------------------------------------------------------------

    async def _hear(self, frame: aibot_frames.Frame) -> None:
        """Store what was said; its file first, because it is gone in five minutes."""
        now = self._clock.now()
        token = aibot_inbound.SOCKET + frame.req_id
        try:
            heard = aibot_inbound.decode(
                frame.body, platform=self.name, received=now, reply_token=token, bot_name=self.bot.name
            )
        except Malformed:
            log.warning("wecom_bot_message_unreadable", cmd=frame.cmd)
            return
        if frame.cmd == aibot_frames.MESSAGE:
            log.info("wecom_bot_heard", conversation=heard[0].event.conversation)  # names a group's chatid
            self._streams.expect(frame.req_id)
        else:
            await self._at_once(frame, now.timestamp())
        for one in heard:
            await self._take(await self._files.keep(one))

    async def _at_once(self, frame: aibot_frames.Frame, now: float) -> None:
        """What has five seconds: a welcome is said, a press is remembered for its card."""
        self._presses = {req_id: at for req_id, at in self._presses.items() if now - at <= UPDATE_WINDOW}
        self._presses[frame.req_id] = now
        if aibot_inbound.is_enter(frame.body) and self.bot.welcome:
            try:
                await self.socket.ask(
                    aibot_frames.WELCOME, aibot_frames.text(self.bot.welcome), req_id=frame.req_id
                )
            except PlatformError as error:
                log.warning("wecom_bot_welcome_failed", code=error.code)
