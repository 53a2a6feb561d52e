"""A smart bot by its webhook: encrypted JSON in, and the answer in the response while WeCom waits. Sheet 4.3, 4.5.

A reply that is ready within :data:`WAIT` seconds stands in the HTTP response; a later one goes to the message's
``response_url``, once, within an hour. It cannot push: an app does that beside it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
import structlog
from msgspec import structs
from yarl import URL

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
    Sent,
)
from bot.platforms.shelf import Shelf
from bot.platforms.wecom import aibot_frames, aibot_inbound, cards, codes, inbound
from bot.platforms.wecom.aibot import Take
from bot.platforms.wecom.aibot_files import Files
from bot.platforms.wecom.aibot_streams import new_stream_id
from bot.platforms.wecom.crypto import seal, signature
from bot.platforms.wecom.fields import Malformed
from bot.platforms.wecom.limits import Channel
from bot.platforms.wecom.wire import Wire

log = structlog.get_logger(__name__)

WAIT = 4.0  # seconds: WeCom waits five
RESPONSE_URL_LIFE = dt.timedelta(hours=1)


class WebhookBot:
    """Hears over HTTP. ``hear_callback`` is the route's whole work."""

    def __init__(
        self,
        settings: WeComSettings,
        clock: Clock,
        session: aiohttp.ClientSession,
        *,
        name: str,
        shelf: Shelf,
        take: Take,
        wait: float = WAIT,
    ) -> None:
        assert settings.bot is not None
        self.name = name
        self.settings, self.bot = settings, settings.bot
        self._clock, self._take, self._shelf, self._wait = clock, take, shelf, wait
        self._wire = Wire(settings, clock, session)
        self._files = Files(self._wire, shelf, key=self.bot.aes_key.get_secret_value())
        self._keys = inbound.CallbackKeys(
            receive_id="",
            token=self.bot.token.get_secret_value(),
            aes_key=self.bot.aes_key.get_secret_value(),
            window=settings.callback_window,
        )
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}  # by the message's id

    async def start(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Let who still waits for an answer go without one."""
        for future in self._answers.values():
            future.cancel()

    # -- inbound ---------------------------------------------------------------------------------------

    def answer_echo(self, query: Mapping[str, str]) -> bytes:
        """The body that answers the URL verification GET. Raise CallbackError."""
        return inbound.answer_echo(self._keys, query, now=self._clock.now())

    async def hear_callback(self, query: Mapping[str, str], body: bytes) -> bytes:
        """Store one callback, and give the sealed answer, or nothing when there is none in time.

        Raise CallbackError, whose ``status`` is to be answered.
        """
        message = inbound.open_json(self._keys, query, body=body, now=self._clock.now())
        if message.get("msgtype") == "stream":  # WeCom asks for the next snapshot of a stream: all were final
            return self._sealed(aibot_frames.stream(_stream_id(message), "", finish=True), query)
        heard = self._decode(message)
        if aibot_inbound.is_enter(message):
            answer: dict[str, Any] | None = aibot_frames.text(self.bot.welcome) if self.bot.welcome else None
            await self._store(heard)
        else:
            answer = await self._answered(message, heard)
        return self._sealed(answer, query) if answer is not None else b""

    def _decode(self, message: dict[str, Any]) -> list[aibot_inbound.Heard]:
        now = self._clock.now()
        msgid = message.get("msgid")
        if not isinstance(msgid, str) or not msgid:
            raise Malformed
        url = message.get("response_url")
        token = aibot_inbound.WEBHOOK + msgid
        if isinstance(url, str) and self._is_ours(url):
            token += "|" + url
        heard = aibot_inbound.decode(
            message, platform=self.name, received=now, reply_token=token, bot_name=self.bot.name
        )
        until = now + RESPONSE_URL_LIFE
        return [replace(one, event=structs.replace(one.event, reply_until=until)) for one in heard]

    async def _answered(
        self, message: dict[str, Any], heard: list[aibot_inbound.Heard]
    ) -> dict[str, Any] | None:
        """Store the events, then wait a little for what is to be said."""
        msgid = str(message["msgid"])
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[msgid] = future
        try:
            if not any(await self._store(heard)):
                return None  # a repeat: whoever heard it first answers
            with suppress(TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(self._wait):
                    return await future
        finally:
            if self._answers.get(msgid) is future:
                del self._answers[msgid]
        return None

    async def _store(self, heard: list[aibot_inbound.Heard]) -> list[object]:
        return [await self._take(await self._files.keep(one)) for one in heard]

    # -- outbound --------------------------------------------------------------------------------------

    async def reply(self, event: InboundEvent, message: OutboundMessage) -> Sent:
        """In the response that still waits, else to the response_url. Raise PlatformError."""
        fitted = cards.content(message, Channel.BOT)
        content = fitted.content
        msgid, _, url = event.reply_token.removeprefix(aibot_inbound.WEBHOOK).partition("|")
        if content["msgtype"] == "markdown":
            words = content["markdown"]["content"]
            inline = aibot_frames.stream(new_stream_id(), words, finish=True)
        else:
            inline = content
        if self._give(msgid, inline):
            return Sent(ref="")
        if not url or (event.reply_until is not None and self._clock.now() >= event.reply_until):
            raise PlatformError("response_url", "已不能再回复这条消息", cls=ErrorClass.CARD)
        await self._post(url, content)
        return Sent(ref="")

    async def update(self, card: CardRef, message: OutboundMessage) -> Sent:
        """In the response to the press, and nowhere else. Raise PlatformError(CARD)."""
        msgid = card.card_token.removeprefix(aibot_inbound.WEBHOOK).partition("|")[0]
        fitted = cards.new_card(card, message, Channel.BOT)
        if not self._give(msgid, aibot_frames.card_update(fitted.content, [card.user_id])):
            raise codes.error(60140, "智能机器人的卡片只能在按下后五秒内更新")
        return Sent(ref="")

    async def fetch_media(self, media_id: str) -> Media:
        return await self._shelf.get(media_id)

    async def check(self) -> list[CheckResult]:
        """What can be seen from here; the callback is checked with the app's."""
        return [CheckResult("企业微信智能机器人", True, "回调方式：可以回复，主动推送由自建应用发出")]

    # -- how -------------------------------------------------------------------------------------------

    def _give(self, msgid: str, body: dict[str, Any]) -> bool:
        """Hand *body* to the request that waits; False when none does."""
        future = self._answers.get(msgid)
        if future is None or future.done():
            return False
        future.set_result(body)
        return True

    async def _post(self, url: str, content: dict[str, Any]) -> None:
        if not self._is_ours(url):
            raise PlatformError("response_url", "回复地址不是企业微信的", cls=ErrorClass.CARD)
        headers = {"Content-Type": "application/json"}
        data = msgspec.json.encode(content)
        answer = await self._wire.exchange("POST", url, lost=ErrorClass.UNKNOWN, data=data, headers=headers)
        if answer.errcode:
            raise codes.error(answer.errcode, "response_url")

    def _is_ours(self, url: str) -> bool:
        """The address came over the network: only the API's own host is called."""
        try:
            theirs, ours = URL(url), URL(self.settings.api_base)
            return theirs.origin() == ours.origin() and theirs.user is None
        except ValueError:
            return False

    def _sealed(self, body: dict[str, Any], query: Mapping[str, str]) -> bytes:
        """The answer as WeCom wants it: its own key spelling, the time a number, the nonce of the request."""
        key = self.bot.aes_key.get_secret_value()
        encrypt = seal(msgspec.json.encode(body), aes_key=key, receive_id="", prefix=secrets.token_bytes(16))
        now, nonce = int(self._clock.now().timestamp()), query.get("nonce", "")
        signed = signature(self.bot.token.get_secret_value(), str(now), nonce, encrypt)
        return msgspec.json.encode(
            {"encrypt": encrypt, "msgsignature": signed, "timestamp": now, "nonce": nonce}
        )


def _stream_id(message: dict[str, Any]) -> str:
    part = message.get("stream")
    stream_id = part.get("id") if isinstance(part, dict) else None
    if not isinstance(stream_id, str):
        raise Malformed
    return stream_id
