"""The smart bot by its webhook: encrypted JSON in, the answer in the response, a late one to the response_url."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import xmltodict
from aiohttp import web
from wechatpy.enterprise.crypto import WeChatCrypto

from bot.core.clock import ManualClock
from bot.core.config_wecom import WeComBotSettings, WeComSettings
from bot.platforms.base import (
    Button,
    CardRef,
    ErrorClass,
    InboundEvent,
    InboundKind,
    OutboundMessage,
    PlatformError,
)
from bot.platforms.shelf import FolderShelf
from bot.platforms.wecom import crypto
from bot.platforms.wecom.aibot_webhook import WebhookBot
from bot.platforms.wecom.app import WeComPlatform
from bot.platforms.wecom.both import AppAndBot
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, SimPerson, World
from bot.simulator.wecom import WeComServer
from bot.simulator.wecom_bot import BotServer
from bot.simulator.wecom_bot_state import BotAccount
from tests.platforms.wecom.rig import ACCOUNT, AES_KEY, served

NOTE = OutboundMessage(title="", body="今日 3 家")
CARD = OutboundMessage(title="请确认", body="", buttons=(Button("好", action="ok"),), card_id="c-1")
Handle = Callable[[InboundEvent], Awaitable[None]]


@dataclass
class Hook:
    """Does with a callback what the route does; ``handle`` is what becomes of an event afterwards."""

    bot: WebhookBot | None = None
    events: list[InboundEvent] = field(default_factory=list)
    handle: Handle | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def take(self, event: InboundEvent) -> bool:
        fresh = event.event_id not in {known.event_id for known in self.events}
        self.events.append(event)
        if fresh and self.handle is not None:
            self.tasks.append(asyncio.ensure_future(self.handle(event)))
        return fresh

    async def post(self, request: web.Request) -> web.Response:
        assert self.bot is not None
        try:
            body = await self.bot.hear_callback(request.query, await request.read())
        except crypto.CallbackError as error:
            return web.Response(status=error.status)
        return web.Response(body=body)

    async def get(self, request: web.Request) -> web.Response:
        assert self.bot is not None
        return web.Response(body=self.bot.answer_echo(request.query))


@dataclass
class Rig:
    world: World
    server: WeComServer
    hook: Hook
    bot: WebhookBot
    both: AppAndBot
    clock: ManualClock
    session: aiohttp.ClientSession
    base: str

    @property
    def sim(self) -> BotServer:
        assert self.server.bot is not None
        return self.server.bot

    def chat(self) -> list[SimMessage]:
        return [m for m in self.world.chat("wecom", "insp007") if not m.mine]


@asynccontextmanager
async def running(clock: ManualClock, folder: Path, *, wait: float = 1.0) -> AsyncIterator[Rig]:
    world, hook, outer = World(now=lambda: clock.now().timestamp()), Hook(), web.Application()
    world.add_person(SimPerson("wecom", "insp007", "张三"))
    outer.add_routes([web.post("/hook", hook.post), web.get("/hook", hook.get)])

    def mount(base: str) -> WeComServer:
        account = BotAccount("AIB", token="DocTok01", aes_key=AES_KEY, callback_url=f"{base}/hook")
        return WeComServer(
            world, FaultPlan(), **{**ACCOUNT, "callback_url": ""}, bot=account, base_url=f"{base}/wecom",
            resend_after=2.0,
        )  # fmt: skip

    async with served(outer, mount=mount) as (base, server), aiohttp.ClientSession() as session:
        settings = WeComSettings(
            **ACCOUNT,
            api_base=f"{base}/wecom",
            bot=WeComBotSettings(id="AIB", token="DocTok01", aes_key=AES_KEY),
        )
        hook.bot = bot = WebhookBot(
            settings, clock, session, name="wecom", shelf=FolderShelf(folder), take=hook.take, wait=wait
        )
        both = AppAndBot(WeComPlatform(settings, clock, session), bot)
        yield Rig(world, server, hook, bot, both, clock, session, f"{base}/hook")
        await asyncio.gather(*hook.tasks)
        await server.close()
    world.close()


@pytest.fixture
async def rig(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(clock, tmp_path) as built:
        yield built


@pytest.fixture
async def hasty(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(clock, tmp_path, wait=0.01) as built:
        yield built


async def test_the_address_is_verified_with_an_empty_receive_id(rig: Rig) -> None:
    await rig.sim.webhook.verify()


async def test_an_answer_that_is_ready_stands_in_the_response(rig: Rig) -> None:
    async def answer(event: InboundEvent) -> None:
        await rig.both.reply(event, NOTE)

    rig.hook.handle = answer
    await rig.server.say("insp007", "今日任务")
    assert rig.hook.events[0].text == "今日任务"
    assert [m.content for m in rig.chat()] == [{"content": "今日 3 家"}]


async def test_a_late_answer_goes_to_the_response_url_once(hasty: Rig) -> None:
    await hasty.server.say("insp007", "今日任务")
    (event,) = hasty.hook.events
    assert not hasty.chat()
    await hasty.both.reply(event, NOTE)
    assert [m.content for m in hasty.chat()] == [{"content": "今日 3 家"}]
    await hasty.both.reply(event, NOTE)  # spent: the app says it
    assert len(hasty.chat()) == 2
    assert hasty.chat()[1].content == {"content": "今日 3 家"}


async def test_after_an_hour_the_app_answers(hasty: Rig) -> None:
    await hasty.server.say("insp007", "今日任务")
    hasty.clock.advance(minutes=61)
    await hasty.both.reply(hasty.hook.events[0], NOTE)
    assert len(hasty.chat()) == 1


async def test_a_pressed_card_changes_in_the_response_and_nowhere_else(rig: Rig) -> None:
    async def answer(event: InboundEvent) -> None:
        if event.kind is InboundKind.BUTTON:
            ref = CardRef(event.user_id, event.card_id, event.card_token)
            await rig.both.update(ref, OutboundMessage(title="已确认", body="", done="已确认"))
        else:
            await rig.both.reply(event, CARD)

    rig.hook.handle = answer
    await rig.server.say("insp007", "来一张")
    await rig.server.press("insp007", rig.chat()[0].id, "ok")
    assert rig.chat()[0].closed == "已确认"
    late = rig.hook.events[-1]
    assert " " not in late.card_token  # several tokens of a card are kept in one column
    with pytest.raises(PlatformError) as caught:
        await rig.both.update(CardRef("insp007", "c-1", late.card_token), CARD)
    assert caught.value.cls is ErrorClass.CARD


async def test_a_photo_is_opened_with_the_bots_own_key(rig: Rig) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
    rig.bot._wait = 0.0
    await rig.server.send_photo("insp007", png, "image/png")
    assert (await rig.both.fetch_media(rig.hook.events[0].media_id)).body == png


async def test_opening_the_chat_is_welcomed_in_the_response(rig: Rig) -> None:
    await rig.server.open_chat("insp007")
    assert "随查" in rig.chat()[0].content["content"]


def _signed(
    body: bytes, *, token: str = "DocTok01", receive_id: str = "", at: int
) -> tuple[dict[str, str], bytes]:
    encrypt = crypto.seal(body, aes_key=AES_KEY, receive_id=receive_id, prefix=b"0123456789abcdef")
    query = {"timestamp": str(at), "nonce": "n"}
    query["msg_signature"] = crypto.signature(token, str(at), "n", encrypt)
    return query, json.dumps({"encrypt": encrypt}).encode()


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (b'{"msgid":"1","msgtype":"text","text":{"content":"a"},"from":{"userid":"u"}}', {"token": "x"}, 403),
        (
            b'{"msgid":"1","msgtype":"text","text":{"content":"a"},"from":{"userid":"u"}}',
            {"receive_id": "ww1"},
            403,
        ),
        (b"no json", {}, 400),
        (b"[]", {}, 400),
        (b"{}", {}, 400),
        (b'{"msgid":"1","msgtype":"stream"}', {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"msgid":"1"' + b',"a":[' * 5000, {}, 400),
    ],
)
async def test_what_was_not_agreed_is_refused_and_nothing_is_stored(
    rig: Rig, body: bytes, more: dict[str, Any], status: int
) -> None:
    query, sealed = _signed(body, at=int(rig.clock.now().timestamp()), **more)
    async with rig.session.post(rig.base, params=query, data=sealed) as answer:
        assert answer.status == status
    assert rig.hook.events == []


async def test_a_strangers_server_side_is_understood_and_opens_our_sealed_answer(rig: Rig) -> None:
    """wechatpy on WeCom's side of a smart bot's webhook: no gateway for bots was ever published."""
    server_side, stamp = WeChatCrypto("DocTok01", AES_KEY, ""), str(int(rig.clock.now().timestamp()))
    entered = {
        "msgid": "e1",
        "msgtype": "event",
        "from": {"userid": "insp007"},
        "event": {"eventtype": "enter_chat"},
    }
    outer = xmltodict.parse(server_side.encrypt_message(json.dumps(entered), "n-1", stamp))["xml"]
    query = {"msg_signature": outer["MsgSignature"], "timestamp": stamp, "nonce": "n-1"}
    async with rig.session.post(rig.base, params=query, json={"encrypt": outer["Encrypt"]}) as response:
        answer = await response.json(content_type=None)
    sealed, signed = {"Encrypt": answer["encrypt"]}, answer["msgsignature"]
    opened = server_side.decrypt_message(sealed, signed, str(answer["timestamp"]), answer["nonce"])
    assert "随查" in json.loads(opened)["text"]["content"]


async def test_a_replayed_callback_is_heard_once(hasty: Rig) -> None:
    body = b'{"msgid":"1","msgtype":"text","text":{"content":"a"},"from":{"userid":"u"}}'
    query, sealed = _signed(body, at=int(hasty.clock.now().timestamp()))
    for _ in range(2):
        async with hasty.session.post(hasty.base, params=query, data=sealed) as answer:
            assert answer.status == 200
    assert len({event.event_id for event in hasty.hook.events}) == 1


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/cgi-bin/aibot/response", "http://u:p@127.0.0.1/x", "file:///etc/passwd", "//x"],
)
async def test_an_answer_is_never_posted_to_another_host(hasty: Rig, url: str) -> None:
    body = {
        "msgid": "1",
        "msgtype": "text",
        "text": {"content": "a"},
        "from": {"userid": "insp007"},
        "response_url": url,
    }
    query, sealed = _signed(json.dumps(body).encode(), at=int(hasty.clock.now().timestamp()))
    async with hasty.session.post(hasty.base, params=query, data=sealed) as answer:
        assert answer.status == 200
    assert url not in hasty.hook.events[0].reply_token
    with pytest.raises(PlatformError):
        await hasty.bot.reply(hasty.hook.events[0], NOTE)
