"""Enterprises that joined 上下游: a token each, a name each, and nobody mistaken for one of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.core.clock import ManualClock
from bot.platforms.base import ErrorClass, OutboundMessage, PlatformError, Sent
from bot.platforms.wecom import crypto
from tests.platforms.wecom.rig import ACCOUNT, Rig, running

CORP = "wwdown0000000003"
NOTE = OutboundMessage(title="", body="整改通知已下达")


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock) as built:
        corps = {CORP: {"name": "甲厂", "agentid": 1000099, "members": ["Insp007", "zhang"]}}
        corps |= {f"wwmany{n:010d}": {"name": f"厂{n}", "agentid": n + 1, "members": []} for n in range(120)}
        built.world.remember("wecom:downstream", corps)
        yield replace(built, platform=built.another_platform(downstream=True))


async def test_all_enterprises_are_read_page_by_page(rig: Rig) -> None:
    assert rig.platform.downstream is not None
    found = await rig.platform.downstream.refresh()
    assert len(found) == 121
    assert (found[0].name, found[0].agent_id) == ("甲厂", 1000099)


async def test_somebody_of_an_enterprise_is_sent_to_with_its_token_and_agent(rig: Rig) -> None:
    await rig.platform.send(f"{CORP}/Insp007", NOTE)
    assert len(rig.chat(f"{CORP}/insp007")) == 1
    assert rig.chat() == []  # ours has the same userid


async def test_a_batch_of_ours_and_theirs_has_an_end_for_each(rig: Rig) -> None:
    ends = await rig.platform.send_many(["insp007", f"{CORP}/zhang", f"{CORP}/gone", "wwnone/x"], NOTE)
    assert [isinstance(end, Sent) for end in ends.values()] == [True, True, False, False]
    missed = ends["wwnone/x"]
    assert isinstance(missed, PlatformError)
    assert missed.cls is ErrorClass.RECIPIENT
    assert "上下游" in missed.advice


async def test_who_writes_from_an_enterprise_is_theirs(rig: Rig) -> None:
    await rig.platform.start()
    message = (
        f"<xml><ToUserName>{CORP}</ToUserName><FromUserName>Zhang</FromUserName><CreateTime>1</CreateTime>"
        "<MsgType>text</MsgType><Content>收到</Content><MsgId>1</MsgId></xml>"
    ).encode()
    for sealed_for in (str(ACCOUNT["corp_id"]), CORP):  # which of the two stands there is not documented
        event = rig.platform.read_callback(*_sealed(message, sealed_for, rig))
        assert event.user_id == f"{CORP}/zhang"


async def test_a_callback_for_an_unknown_enterprise_is_refused(rig: Rig) -> None:
    await rig.platform.start()
    with pytest.raises(crypto.BadReceiveId):
        rig.platform.read_callback(*_sealed(b"<xml></xml>", "wwother", rig))


def _sealed(message: bytes, receive_id: str, rig: Rig) -> tuple[dict[str, str], bytes]:
    stamp = str(int(rig.clock.now().timestamp()))
    key, token = str(ACCOUNT["aes_key"]), str(ACCOUNT["token"])
    encrypt = crypto.seal(message, aes_key=key, receive_id=receive_id, prefix=b"0123456789abcdef")
    query = {"timestamp": stamp, "nonce": "n", "msg_signature": crypto.signature(token, stamp, "n", encrypt)}
    return query, f"<xml><Encrypt>{encrypt}</Encrypt></xml>".encode()
