"""The official Stream SDK, which knows nothing of us, against the simulated DingTalk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import dingtalk_stream
import pytest
from dingtalk_stream import AckMessage

from bot.platforms.base import Button, OutboundMessage
from tests.platforms.dingtalk.rig import CLIENT_ID, CLIENT_SECRET, Rig, dingtalk

ACCEPT = Button("接受", action="accept:7")
CARD = OutboundMessage("检查任务", "幸福超市", buttons=(ACCEPT,), card_id="visit-7")


class Chat(dingtalk_stream.ChatbotHandler):  # type: ignore[misc]
    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self.heard = heard

    async def process(self, callback: Any) -> tuple[int, str]:
        message = dingtalk_stream.ChatbotMessage.from_dict(callback.data)
        self.heard.append((message.sender_staff_id, message.text.content))
        return AckMessage.STATUS_OK, "OK"


class Press(dingtalk_stream.CallbackHandler):  # type: ignore[misc]
    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self.heard = heard

    async def process(self, callback: Any) -> tuple[int, dict[str, Any]]:
        message = dingtalk_stream.CardCallbackMessage.from_dict(callback.data)
        self.heard.append((message.user_id, message.card_instance_id, message.content))
        shown = {"cardData": {"cardParamMap": {"done": "true", "status": "已接受"}}}
        return AckMessage.STATUS_OK, {**shown, "cardUpdateOptions": {"updateCardDataByKey": True}}


async def stay(client: dingtalk_stream.DingTalkStreamClient, stop: asyncio.Event) -> None:
    """Run the SDK until *stop*; it swallows the first cancellation and sleeps on."""
    running = asyncio.create_task(client.start())
    await stop.wait()
    while not running.done():
        running.cancel()
        await asyncio.sleep(0.01)


async def hear(rig: Rig, heard: list[Any]) -> None:
    await rig.server.say("u1001", "今天的任务")
    await rig.platform.send("u1001", CARD)
    card = rig.chat()[-1]
    await rig.server.press("u1001", card.id, "accept:7")
    content = {"cardPrivateData": {"actionIds": ["accept:7"], "params": {}}}
    assert heard == [("u1001", "今天的任务"), ("u1001", "visit-7", content)]
    assert rig.server.view(rig.chat()[-1]).closed == "已接受"  # what its answer asked for


@asynccontextmanager
async def stranger(rig: Rig, heard: list[Any], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The SDK, connected. It blocks while it connects, so it lives on a loop of its own."""
    sdk = dingtalk_stream.DingTalkStreamClient
    monkeypatch.setattr(sdk, "OPEN_CONNECTION_API", f"{rig.base}/v1.0/gateway/connections/open")
    monkeypatch.setattr(sdk, "get_host_ip", lambda _self: "127.0.0.1")
    client = sdk(dingtalk_stream.Credential(CLIENT_ID, CLIENT_SECRET), logger=logging.getLogger("stranger"))
    client.register_callback_handler(dingtalk_stream.ChatbotMessage.TOPIC, Chat(heard))
    client.register_callback_handler(dingtalk_stream.CallbackHandler.TOPIC_CARD_CALLBACK, Press(heard))
    stop = asyncio.Event()
    theirs: list[asyncio.AbstractEventLoop] = []

    async def live() -> None:
        theirs.append(asyncio.get_running_loop())
        await stay(client, stop)

    thread = asyncio.get_running_loop().run_in_executor(None, asyncio.run, live())
    try:
        yield
    finally:
        theirs[0].call_soon_threadsafe(stop.set)
        await thread


async def test_the_official_sdk_hears_a_message_and_a_press(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    async with dingtalk(robot_patience=5.0, card_patience=5.0) as rig, stranger(rig, heard, monkeypatch):
        await hear(rig, heard)


async def test_the_official_sdk_comes_back_after_an_announced_disconnect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[Any] = []
    async with dingtalk(robot_patience=5.0) as rig, stranger(rig, heard, monkeypatch):
        await rig.server.say("u1001", "第一句")
        for _ in range(2):
            await rig.server.disconnect_all(linger=0.05)
            await rig.server.say("u1001", "又来了")
        assert [text for _, text in heard] == ["第一句", "又来了", "又来了"]
