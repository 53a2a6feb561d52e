"""A published SDK for the smart bot, which knows nothing of us, finds the simulated WeCom as it expects the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aibot
import pytest
from aibot.types import WSClientOptions

from bot.core.clock import ManualClock
from tests.platforms.wecom.bot_rig import ACCOUNT_OF_BOT, BotRig, running_bot, until

CARD = {
    "card_type": "button_interaction",
    "main_title": {"title": "请确认"},
    "task_id": "stranger-1",
    "button_list": [{"text": "好", "style": 1, "key": "ok"}],
}


class Quiet:
    """The SDK prints to the terminal otherwise."""

    def debug(self, *_: object) -> None: ...

    info = warn = error = debug


@pytest.fixture
async def rig(clock: ManualClock, tmp_path: Path) -> AsyncIterator[BotRig]:
    async with running_bot(clock, tmp_path, connect=False) as built:
        yield built


@pytest.fixture
async def client(rig: BotRig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aibot.WSClient]:
    monkeypatch.setattr("aibot.ws._SSL_CONTEXT", None)  # it insists on TLS; loopback has none
    stranger = _client(rig)
    await stranger.connect()
    await until(rig.bot.subscribed.is_set)
    yield stranger
    stranger.disconnect()
    await until(lambda: rig.bot.socket is None or rig.platform.socket.connected.is_set())


def _client(rig: BotRig, *, secret: str = ACCOUNT_OF_BOT.secret) -> aibot.WSClient:
    assert rig.settings.bot is not None
    return aibot.WSClient(
        WSClientOptions(
            bot_id=ACCOUNT_OF_BOT.bot_id, secret=secret, ws_url=rig.settings.bot.ws_url, logger=Quiet(),
            reconnect_interval=10, heartbeat_interval=50,
        )
    )  # fmt: skip


async def heard(client: aibot.WSClient, event: str) -> asyncio.Future[dict[str, Any]]:
    future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    client.once(event, lambda frame: future.done() or future.set_result(frame))
    return future


async def test_a_stranger_hears_a_text_and_streams_its_answer(rig: BotRig, client: aibot.WSClient) -> None:
    told = await heard(client, "message.text")
    await rig.bot.say("insp007", "今日任务")
    frame = await asyncio.wait_for(told, 3)
    assert frame["body"]["text"]["content"] == "今日任务"
    await client.reply_stream(frame, "s-1", "查询中", finish=False)
    await client.reply_stream(frame, "s-1", "今日 3 家", finish=True)
    assert [m.content for m in rig.chat()] == [{"content": "今日 3 家"}]
    with pytest.raises(Exception, match="846608"):
        await client.reply_stream(frame, "s-1", "再来", finish=True)


async def test_a_stranger_welcomes_and_updates_the_card_that_was_pressed(
    rig: BotRig, client: aibot.WSClient
) -> None:
    entered, pressed = (
        await heard(client, "event.enter_chat"),
        await heard(client, "event.template_card_event"),
    )
    await rig.bot.open_chat("insp007")
    await client.reply_welcome(
        await asyncio.wait_for(entered, 3), {"msgtype": "text", "text": {"content": "您好"}}
    )
    await client.send_message("insp007", {"msgtype": "template_card", "template_card": CARD})
    await rig.server.press("insp007", rig.chat()[-1].id, "ok")
    frame = await asyncio.wait_for(pressed, 3)
    await client.update_template_card(frame, CARD | {"replace_text": "已确认"}, ["insp007"])
    assert rig.chat()[-1].closed == "已确认"


async def test_a_stranger_opens_our_encrypted_files(rig: BotRig, client: aibot.WSClient) -> None:
    told = await heard(client, "message.image")
    await rig.bot.send_photo("insp007", b"\x89PNG picture", "image/png")
    image = (await asyncio.wait_for(told, 3))["body"]["image"]
    body, name = await client.download_file(image["url"], image["aeskey"])
    assert (body, name) == (b"\x89PNG picture", "photo.png")


async def test_a_stranger_pushes_only_to_who_spoke_and_never_a_text(
    rig: BotRig, client: aibot.WSClient
) -> None:
    markdown = {"msgtype": "markdown", "markdown": {"content": "**好**"}}
    with pytest.raises(Exception, match="40003"):
        await client.send_message("insp008", markdown)
    await rig.bot.say("insp008", "在吗")
    await client.send_message("insp008", markdown)
    with pytest.raises(Exception, match="40008"):
        await client.send_message("insp008", {"msgtype": "text", "text": {"content": "好"}})
    assert len(rig.chat("insp008")) == 1


async def test_a_strangers_heartbeat_is_answered(rig: BotRig, client: aibot.WSClient) -> None:
    await until(lambda: len([f for f in rig.bot.frames if f["cmd"] == "ping"]) >= 3)
    assert rig.bot.socket is not None


async def test_a_stranger_is_displaced_by_our_bot_and_stays_away(rig: BotRig, client: aibot.WSClient) -> None:
    gone = await heard(client, "event.disconnected_event")
    await rig.platform.start()
    await rig.connected()
    await asyncio.wait_for(gone, 3)
    await rig.meet()
    assert rig.platform.socket.connected.is_set()
