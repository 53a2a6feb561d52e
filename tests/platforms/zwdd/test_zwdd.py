"""浙政钉/专有钉钉 against its simulated gateway, which checks every signature. No real deployment was tried."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bot.core.clock import ManualClock
from bot.platforms.base import Button, CardRef, ErrorClass, OutboundMessage, PlatformError
from bot.platforms.zwdd import crypto
from tests.platforms.zwdd.conftest import Rig

TOLD = OutboundMessage(
    "整改提醒", "明天到期。", buttons=(Button("打开", url="https://x.example/7"),), key="n7"
)


def test_the_signature_covers_method_time_nonce_path_and_sorted_parameters(clock: ManualClock) -> None:
    timestamp, nonce = crypto.timestamp_of(clock.now()), crypto.nonce_of(clock.now(), 7)
    assert timestamp == "2026-03-10T09:30:00.000+08:00"
    assert nonce == "17731062000000007"
    text = f"POST\n{timestamp}\n{nonce}\n/a.json\na=1&b=2"
    wanted = base64.b64encode(hmac.new(b"s", text.encode(), hashlib.sha256).digest()).decode()
    assert crypto.sign("s", "post", timestamp, nonce, "/a.json", {"b": "2", "a": "1"}) == wanted
    bare = crypto.sign("s", "GET", timestamp, nonce, "/a.json", {})
    text = f"GET\n{timestamp}\n{nonce}\n/a.json"
    assert bare == base64.b64encode(hmac.new(b"s", text.encode(), hashlib.sha256).digest()).decode()


async def test_a_notice_reaches_its_people_once_however_often_it_is_repeated(rig: Rig) -> None:
    for _ in range(2):
        ended = await rig.platform.send_many(["1001", "1002"], TOLD)
    assert [len(rig.world.chat("zwdd", account)) for account in ended] == [1, 1]
    sent = await rig.platform.send("1001", replace(TOLD, key="n8", body="后天到期。"))
    assert len(rig.world.chat("zwdd", "1001")) == 2
    await rig.platform.recall(sent.ref)
    assert rig.world.chat("zwdd", "1001")[1].recalled


async def test_a_dead_token_is_fetched_anew(rig: Rig) -> None:
    await rig.platform.send("1001", TOLD)
    rig.server.token = "zwdd-token-2"
    await rig.platform.send("1002", TOLD.__class__("t", "b", key="n9"))
    assert len(rig.world.chat("zwdd", "1002")) == 1


async def test_a_wrong_secret_is_a_matter_of_the_channel_and_never_quoted(rig: Rig) -> None:
    with pytest.raises(PlatformError) as caught:
        await rig.another(app_secret=SecretStr("wrong-one")).send("1001", TOLD)
    assert caught.value.cls is ErrorClass.CHANNEL
    assert "签名" in caught.value.advice
    assert "wrong-one" not in f"{caught.value!r}{caught.value.detail}"


async def test_a_login_code_is_good_once(rig: Rig) -> None:
    code = rig.server.login_code("1001")
    assert await rig.platform.user_of(code) == "1001"
    for wrong in (code, "made-up"):
        with pytest.raises(PlatformError) as caught:
            await rig.platform.user_of(wrong)
        assert caught.value.code == "240111"


async def test_what_this_service_cannot_do_is_said_and_declared(rig: Rig) -> None:
    able = rig.platform.capabilities
    able_to = (able.cards, able.card_updates, able.media, able.group_robot, able.read_receipts)
    assert able_to == (False,) * 5
    assert await rig.platform.receipts("x") == {}
    for refused, cls in (
        (rig.platform.update(CardRef("1001", "c"), TOLD), ErrorClass.CARD),
        (rig.platform.fetch_media("x"), ErrorClass.BUG),
        (rig.platform.announce(TOLD), ErrorClass.CHANNEL),
        (rig.platform.send_many([str(number) for number in range(1001)], TOLD), ErrorClass.BUG),
    ):
        with pytest.raises(PlatformError) as caught:
            await refused
        assert caught.value.cls is cls


async def test_a_server_that_answers_a_page_is_busy_and_one_that_does_not_answer_is_unknown(rig: Rig) -> None:
    await rig.platform.send("1001", TOLD)
    lost = rig.another(api_base=rig.settings.api_base + "/nowhere")
    with pytest.raises(PlatformError) as caught:
        await lost.send("1001", TOLD)
    assert caught.value.cls is ErrorClass.RETRY


async def test_the_doctor_says_that_it_is_untried_and_whether_the_secret_is_good(rig: Rig) -> None:
    lines = await rig.platform.check()
    assert "未在真实环境试过" in lines[0].seen
    assert all(line.ok for line in lines)
    lines = await rig.another(app_secret=SecretStr("wrong-one")).check()
    assert not lines[1].ok
    assert lines[1].advice
