"""The adapter against the simulated service, over real sockets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.platforms.base import Button, CardRef, ErrorClass, InboundKind, OutboundMessage, PlatformError
from bot.simulator.faults import Fault
from tests.platforms.dingtalk.rig import Rig, dingtalk

TASK = OutboundMessage(
    title="检查任务",
    body="请核对**幸福超市**。\n周五前完成。",
    facts=(("对象", "幸福超市"), ("期限", "11月27日")),
    buttons=(Button("接受", action="accept:7", style="primary"), Button("申请回避", action="recuse:7")),
    url="https://inspect.example.cn/t/7",
    card_id="visit-7-u1001",
)
LINKS = OutboundMessage(title="提醒", body="明天到期。", buttons=(Button("打开", url="https://inspect.example.cn/7"),))


async def test_a_card_is_shown_with_its_facts_and_buttons(rig: Rig) -> None:
    sent = await rig.platform.send("u1001", TASK)
    (bubble,) = rig.chat()
    view = rig.server.view(bubble)
    assert sent.ref.startswith("carrier-")
    assert view.title == "检查任务"
    assert view.facts == TASK.facts
    assert [button.key for button in view.buttons] == ["accept:7", "recuse:7", ""]
    assert [button.text for button in view.buttons] == ["接受", "申请回避", "查看详情"]


async def test_a_press_becomes_a_button_event_and_the_update_closes_the_card(rig: Rig) -> None:
    await rig.connect()
    await rig.platform.send("u1001", TASK)
    (bubble,) = rig.chat()
    await rig.server.press("u1001", bubble.id, "accept:7")
    (event,) = await rig.inbox.wait_for(1)
    assert (event.kind, event.action, event.card_id) == (InboundKind.BUTTON, "accept:7", "visit-7-u1001")
    assert event.user_id == "u1001"
    assert event.event_id
    await rig.platform.update(CardRef("u1001", event.card_id), replace(TASK, done="已接受"))
    view = rig.server.view(rig.chat()[0])
    assert view.closed == "已接受"
    assert not [button for button in view.buttons if button.key]
    assert view.title == "检查任务"


async def test_an_outcome_that_is_unknown_can_be_repeated_and_is_shown_once() -> None:
    async with dingtalk(settings={"timeout": 0.2}) as rig:
        await rig.platform.send("u1002", LINKS)  # brings the token
        rig.faults.script = [Fault.LATE_ANSWER]
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("u1001", TASK)
        assert caught.value.cls is ErrorClass.UNKNOWN
        again = await rig.platform.send("u1001", TASK)
        assert again.ref == TASK.card_id
        assert len(rig.chat()) == 1
