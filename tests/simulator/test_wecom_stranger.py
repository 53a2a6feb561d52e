"""wechatpy, which knows nothing of us, finds the simulated WeCom as it expects the real one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
import xmltodict
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


async def test_a_stranger_makes_a_menu_and_reads_it_back(rig: Rig, client: Client) -> None:
    menu = {"button": [{"type": "click", "name": "我的任务", "key": "今日任务"}]}
    await asyncio.to_thread(client.menu.create, ACCOUNT["agent_id"], menu)
    read = await asyncio.to_thread(client.menu.get, ACCOUNT["agent_id"])
    assert read["button"] == menu["button"]
    await asyncio.to_thread(client.menu.delete, ACCOUNT["agent_id"])
    with pytest.raises(WeChatClientException) as caught:
        await asyncio.to_thread(client.menu.get, ACCOUNT["agent_id"])
    assert caught.value.errcode == 46003


async def test_a_stranger_reads_members_and_departments(rig: Rig, client: Client) -> None:
    departments = await asyncio.to_thread(client.department.get)
    assert departments[0]["id"] == 1
    member = await asyncio.to_thread(client.user.get, "insp007")
    assert (member["name"], "mobile" in member) == ("张三", False)
    listed = await asyncio.to_thread(client.user.list, 1, True)
    assert {one["userid"] for one in listed} == {"insp007", "insp008"}


async def test_our_adapter_opens_what_a_strangers_server_side_seals(rig: Rig) -> None:
    """wechatpy seals as WeCom's server does; it knows neither our adapter nor our simulator."""
    crypto = WeChatCrypto(ACCOUNT["token"], ACCOUNT["aes_key"], ACCOUNT["corp_id"])
    message = (
        f"<xml><ToUserName>{ACCOUNT['corp_id']}</ToUserName><FromUserName>Insp007</FromUserName><CreateTime>1</CreateTime>"
        "<MsgType>text</MsgType><Content>今天查哪家?</Content><MsgId>7300000000000000123</MsgId></xml>"
    )
    stamp = str(int(rig.clock.now().timestamp()))
    sealed = crypto.encrypt_message(message, "nonce-1", stamp)
    outer = xmltodict.parse(sealed)["xml"]
    query = {"msg_signature": outer["MsgSignature"], "timestamp": stamp, "nonce": "nonce-1"}
    event = rig.platform.read_callback(query, sealed.encode())
    assert (event.user_id, event.text) == ("insp007", "今天查哪家?")


async def test_our_adapter_answers_the_echo_of_a_strangers_server_side(rig: Rig) -> None:
    """The check when an address is saved, sealed and signed by wechatpy."""
    stamp = str(int(rig.clock.now().timestamp()))
    sealed = WeChatCrypto(ACCOUNT["token"], ACCOUNT["aes_key"], ACCOUNT["corp_id"]).encrypt_message(
        "1616140317", "n", stamp
    )
    outer = xmltodict.parse(sealed)["xml"]
    query = {
        "msg_signature": outer["MsgSignature"],
        "timestamp": stamp,
        "nonce": "n",
        "echostr": outer["Encrypt"],
    }
    assert rig.platform.answer_echo(query) == b"1616140317"
