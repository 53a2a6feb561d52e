"""The adapter against the simulated service, over real sockets."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from PIL import Image

from bot.core.clock import ManualClock
from bot.platforms.base import Button, CardRef, ErrorClass, InboundKind, OutboundMessage, PlatformError
from bot.platforms.dingtalk.app import DingTalkPlatform
from bot.simulator.dingtalk_robot import GROUP
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
LINKS = OutboundMessage(
    title="提醒", body="明天到期。", buttons=(Button("打开", url="https://inspect.example.cn/7"),)
)


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
    async with dingtalk(settings={"timeout": 0.4}) as rig:
        await rig.platform.send("u1002", LINKS)  # brings the token
        rig.faults.script = [Fault.LATE_ANSWER]
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("u1001", TASK)
        assert caught.value.cls is ErrorClass.UNKNOWN
        again = await rig.platform.send("u1001", TASK)
        assert again.ref == TASK.card_id
        assert len(rig.chat()) == 1


async def test_whoever_is_out_of_range_is_a_matter_of_the_recipient(rig: Rig) -> None:
    for message in (TASK, LINKS):
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("stranger", message)
        assert caught.value.cls is ErrorClass.RECIPIENT


async def test_a_message_without_callbacks_is_shown_with_its_link(rig: Rig) -> None:
    sent = await rig.platform.send("u1001", LINKS)
    view = rig.server.view(rig.chat()[0])
    assert sent.ref.startswith("pqk-")
    assert "明天到期。" in view.body
    assert [(one.text, one.url) for one in view.buttons] == [("打开", "https://inspect.example.cn/7")]


async def test_without_a_template_a_card_becomes_links_and_cannot_be_updated() -> None:
    async with dingtalk(settings={"card_template": ""}) as rig:
        assert not rig.platform.capabilities.cards
        assert not rig.platform.capabilities.resend_is_safe
        await rig.platform.send("u1001", TASK)
        view = rig.server.view(rig.chat()[0])
        assert [(one.text, one.url) for one in view.buttons] == [("查看详情", TASK.url)]
        with pytest.raises(PlatformError) as caught:
            await rig.platform.update(CardRef("u1001", TASK.card_id), TASK)
        assert caught.value.cls is ErrorClass.CARD


async def test_a_card_that_is_gone_asks_for_a_new_one_and_a_wrong_template_for_the_administrator() -> None:
    async with dingtalk(card_template="other.schema") as rig:
        with pytest.raises(PlatformError) as caught:
            await rig.platform.update(CardRef("u1001", "never-sent"), TASK)
        assert caught.value.cls is ErrorClass.CARD
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("u1001", TASK)
        assert caught.value.cls is ErrorClass.CHANNEL
        assert "模板" in caught.value.advice


async def test_updates_of_one_card_arrive_in_their_order(rig: Rig) -> None:
    await rig.platform.send("u1001", TASK)
    card = CardRef("u1001", TASK.card_id)
    states = [replace(TASK, done=f"第{number}步") for number in range(6)]
    await asyncio.gather(*(rig.platform.update(card, state) for state in states))
    assert rig.server.view(rig.chat()[0]).closed == "第5步"
    assert rig.chat()[0].versions == 7


async def test_a_question_is_answered_in_its_conversation_without_spending_quota() -> None:
    async with dingtalk(monthly_limit=0) as rig:
        await rig.connect()
        await rig.server.say("u1001", " 今天的任务 ")
        (event,) = await rig.inbox.wait_for(1)
        assert (event.kind, event.text) == (InboundKind.TEXT, "今天的任务")
        await rig.platform.reply(event, LINKS)
        assert [bubble.mine for bubble in rig.chat()] == [True, False]
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("u1001", LINKS)
        assert caught.value.cls is ErrorClass.QUOTA


async def test_an_answer_after_the_address_died_is_sent_anew(rig: Rig) -> None:
    await rig.connect()
    await rig.server.say("u1001", "任务")
    (event,) = await rig.inbox.wait_for(1)
    rig.clock.advance(minutes=89, seconds=30)  # within the margin of a minute
    assert (await rig.platform.reply(event, LINKS)).ref.startswith("pqk-")
    lying = structs.replace(event, reply_until=rig.clock.now().replace(year=2027))
    rig.clock.advance(minutes=5)  # now the service itself refuses it
    assert (await rig.platform.reply(lying, LINKS)).ref.startswith("pqk-")
    assert (await rig.platform.reply(event, TASK)).ref.startswith("carrier-")
    assert len(rig.chat()) == 4


async def test_a_photo_is_fetched_and_its_type_read_from_its_bytes(rig: Rig) -> None:
    await rig.connect()
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "JPEG")
    await rig.server.send_photo("u1001", picture.getvalue(), "image/png")  # the service may be wrong about it
    (event,) = await rig.inbox.wait_for(1)
    media = await rig.platform.fetch_media(event.media_id)
    assert (media.body, media.media_type) == (picture.getvalue(), "image/jpeg")
    with pytest.raises(PlatformError) as caught:
        await rig.platform.fetch_media("expired")
    assert caught.value.code == "invalidParameter.downloadCode"


async def test_a_place_and_a_directory_event_arrive_as_what_they_are(rig: Rig) -> None:
    await rig.connect()
    await rig.server.send_place("u1001", 30.2, 120.1, "幸福路 1 号")
    await rig.server.directory_event("user_leave_org", ["u1002"])
    place, leave = await rig.inbox.wait_for(2)
    assert place.kind is InboundKind.OTHER
    assert (leave.kind, leave.raw["user_ids"]) == (InboundKind.CONTACT, ["u1002"])


async def test_a_dead_token_costs_the_person_nothing(rig: Rig) -> None:
    await rig.platform.send("u1001", LINKS)
    rig.faults.script = [Fault.DEAD_TOKEN]
    await rig.platform.send("u1001", TASK)
    assert len(rig.chat()) == 2


@pytest.mark.parametrize(
    ("fault", "cls", "shown"),
    [
        (Fault.SERVER_ERROR, ErrorClass.RETRY, 0),
        (Fault.BUSY, ErrorClass.RETRY, 0),
        (Fault.LOST, ErrorClass.UNKNOWN, 0),
        (Fault.RESET, ErrorClass.UNKNOWN, 0),
        (Fault.LATE_ANSWER, ErrorClass.UNKNOWN, 1),
    ],
)
async def test_every_fault_is_told_apart_and_a_card_is_shown_once_in_the_end(
    fault: Fault, cls: ErrorClass, shown: int
) -> None:
    async with dingtalk(settings={"timeout": 0.4}) as rig:
        await rig.platform.send("u1002", LINKS)
        rig.faults.script = [fault]
        with pytest.raises(PlatformError) as caught:
            await rig.platform.send("u1001", TASK)
        assert caught.value.cls is cls
        assert len(rig.chat()) == shown
        await rig.platform.send("u1001", TASK)
        assert len(rig.chat()) == 1


async def test_an_announcement_reaches_the_group_once_even_when_its_answer_is_lost() -> None:
    async with dingtalk(settings={"timeout": 0.4}) as rig:
        rig.faults.script = [Fault.LATE_ANSWER]
        await rig.platform.announce(LINKS)
        (bubble,) = rig.chat(GROUP)
        assert rig.server.view(bubble).title == "提醒"


async def test_a_robot_never_speaks_so_fast_that_it_is_silenced(rig: Rig) -> None:
    for _ in range(18):
        await rig.platform.announce(LINKS)
    with pytest.raises(PlatformError) as caught:
        await rig.platform.announce(LINKS)
    assert (caught.value.cls, caught.value.retry_after) == (ErrorClass.RETRY, 60.0)
    rig.clock.advance(seconds=60)
    await rig.platform.announce(LINKS)
    assert len(rig.chat(GROUP)) == 19


async def test_a_group_robot_that_is_missing_or_wrongly_signed_is_a_matter_of_settings() -> None:
    async with dingtalk(settings={"group_robot_url": None}) as rig:
        with pytest.raises(PlatformError) as caught:
            await rig.platform.announce(LINKS)
        assert caught.value.cls is ErrorClass.CHANNEL
    async with dingtalk(settings={"group_robot_secret": "SECwrong"}) as rig:
        with pytest.raises(PlatformError) as caught:
            await rig.platform.announce(LINKS)
        assert (caught.value.code, caught.value.cls) == ("310000", ErrorClass.CHANNEL)


async def test_the_doctor_sees_what_is_set_and_says_what_to_click() -> None:
    async with dingtalk(settings={"agent_id": 7}) as rig:
        lines = {line.name: line for line in await rig.platform.check()}
        assert [name for name, line in lines.items() if not line.ok] == []
        assert "2 名成员" in lines["可见范围"].seen
        assert lines["时钟"].seen.startswith("与钉钉相差")
        assert not rig.chat()  # nobody heard of it
        assert rig.server._cards.updated_inside == []


@pytest.mark.parametrize(
    ("settings", "options", "line", "click"),
    [
        ({"client_secret": "wrong"}, {}, "应用凭证", "凭证与基础信息"),
        ({"robot_code": "another"}, {}, "机器人", "机器人编码"),
        ({"card_template": "nonsense"}, {}, "互动卡片", "卡片平台"),
        ({"group_robot_secret": "x"}, {}, "群机器人", "安全设置"),
        ({"stream": False, "hook_path": "h" * 20, "card_template": ""}, {}, "HTTP 回调", "回调地址"),
    ],
)
async def test_what_is_wrong_is_named_with_where_to_click(
    settings: dict[str, Any], options: dict[str, Any], line: str, click: str
) -> None:
    async with dingtalk(settings=settings, **options) as rig:
        wrong = [one for one in await rig.platform.check() if not one.ok]
    assert [one.name for one in wrong] == [line]
    assert click in wrong[0].advice


async def test_a_clock_that_is_wrong_is_told_with_its_seconds(rig: Rig) -> None:
    late = ManualClock(rig.clock.now() - dt.timedelta(hours=2))
    platform = DingTalkPlatform(rig.settings, late, rig.session, rig.inbox.store)
    (wrong,) = [line for line in await platform.check() if not line.ok]
    assert (wrong.name, "-7200" in wrong.seen) == ("时钟", True)
