"""wechatpy, which knows nothing of us, finds the simulated WeCom as it expects the real one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from wechatpy.enterprise import WeChatClient, parse_message
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatClientException

from bot.core.clock import ManualClock
from bot.platforms.base import Button, OutboundMessage
from tests.platforms.wecom.rig import ACCOUNT, Rig, running


class Client(WeChatClient):  # type: ignore[misc]
    """wechatpy with another address; it has the official one written in where it fetches the token."""

    def fetch_access_token(self) -> Any:
        params = {"corpid": self.corp_id, "corpsecret": self.secret}
        return self._fetch_access_token(url=self.API_BASE_URL + "gettoken", params=params)


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock) as built:
        yield built


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    stranger = Client(ACCOUNT["corp_id"], ACCOUNT["secret"])
    stranger.API_BASE_URL = rig.settings.api_base + "/cgi-bin/"
    yield stranger
    stranger._http.close()


async def test_a_stranger_sends_a_text(rig: Rig, client: Client) -> None:
    await asyncio.to_thread(client.message.send_text, ACCOUNT["agent_id"], ["insp007", "insp008"], "请到甲厂")
    assert rig.chat()[0].content == {"content": "请到甲厂"}
    assert len(rig.chat("insp008")) == 1


async def test_a_strangers_dead_token_is_renewed(rig: Rig, client: Client) -> None:
    assert await asyncio.to_thread(lambda: client.access_token)
    rig.server._ledger.kill_token()
    await asyncio.to_thread(client.message.send_text, ACCOUNT["agent_id"], "insp007", "好")
    assert len(rig.chat()) == 1


async def test_a_stranger_reads_our_error_codes(rig: Rig, client: Client) -> None:
    with pytest.raises(WeChatClientException) as caught:
        await asyncio.to_thread(client.message.send_text, ACCOUNT["agent_id"], "nobody", "好")
    assert caught.value.errcode == 81013


async def test_a_stranger_uploads_and_sends_a_picture(rig: Rig, client: Client) -> None:
    picture = io.BytesIO(b"\x89PNG picture")
    uploaded = await asyncio.to_thread(client.media.upload, "image", ("现场.png", picture, "image/png"))
    assert isinstance(uploaded["created_at"], str)
    await asyncio.to_thread(client.message.send_image, ACCOUNT["agent_id"], "insp007", uploaded["media_id"])
    assert rig.world.media[rig.server.view(rig.chat()[0]).image][0] == b"\x89PNG picture"


async def test_a_stranger_opens_our_callbacks(rig: Rig) -> None:
    await rig.server.say("insp007", "今天查哪家?")
    card = OutboundMessage(title="任务", body="", buttons=(Button("签收", action="ack"),), card_id="card-1")
    await rig.platform.send("insp007", card)
    await rig.server.press("insp007", rig.chat()[1].id, "ack")
    crypto = WeChatCrypto(ACCOUNT["token"], ACCOUNT["aes_key"], ACCOUNT["corp_id"])
    texts = [
        crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        for query, body in rig.service.requests
    ]
    message = parse_message(texts[0])
    assert (message.type, message.source, message.content) == ("text", "insp007", "今天查哪家?")
    assert "<EventKey><![CDATA[ack]]></EventKey>" in (
        texts[1].decode() if isinstance(texts[1], bytes) else texts[1]
    )
