"""The adapter against the simulated WeCom, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from pydantic import SecretStr

from bot.core.clock import ManualClock
from bot.platforms.base import Button, CardRef, ErrorClass, InboundKind, OutboundMessage, PlatformError, Sent
from bot.platforms.wecom import cards
from bot.platforms.wecom.app import WeComPlatform
from bot.simulator.faults import Fault
from bot.simulator.people import SimPerson
from bot.simulator.wecom_api import Api
from tests.platforms.wecom.rig import Rig, running

CARD = OutboundMessage(
    title="检查任务待签收",
    body="**甲厂** 消防通道",
    facts=(("企业", "甲厂"), ("截止", "1 月 8 日")),
    buttons=(
        Button("签收", action="accept:v1", style="primary"),
        Button("详情", url="https://gov.example/t/42"),
    ),
    card_id="visit-0f3c9b1e",
)
NOTE = OutboundMessage(title="", body="收到。")
DONE = OutboundMessage(title="已签收", body="", done="已签收 09:30")


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock) as built:
        yield built


@pytest.fixture
async def hasty(clock: ManualClock) -> AsyncIterator[Rig]:
    """A rig whose adapter waits less long than a lost answer is held, with its token fetched already."""
    async with running(clock, patience=0.35) as built:
        await built.platform.send("insp008", NOTE)
        yield built


async def refusal(rig: Rig, *, to: str = "insp007", message: OutboundMessage = NOTE) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await rig.platform.send(to, message)
    return caught.value


async def press(rig: Rig) -> CardRef:
    await rig.server.press("insp007", rig.chat()[-1].id, "accept:v1")
    event = rig.service.inbox[-1]
    return CardRef(event.user_id, event.card_id, event.card_token)


# -- sending and updating ------------------------------------------------------------------------------


async def test_a_card_reaches_the_phone_as_it_was_meant(rig: Rig) -> None:
    sent = await rig.platform.send("INSP007", CARD)
    assert sent.ref
    assert sent.card_token
    (bubble,) = rig.chat()
    view = rig.server.view(bubble)
    assert (view.title, view.body, view.source) == ("检查任务待签收", "甲厂 消防通道", "随查")
    assert view.facts == CARD.facts
    assert [(b.text, b.key, b.url, b.style) for b in view.buttons] == [
        ("签收", "accept:v1", "", "primary"),
        ("详情", "", "https://gov.example/t/42", "default"),
    ]


async def test_a_press_comes_back_as_an_event_whose_token_closes_the_card_once(rig: Rig) -> None:
    await rig.platform.send("insp007", CARD)
    card = await press(rig)
    (event,) = rig.service.inbox
    assert (event.kind, event.user_id, event.action) == (InboundKind.BUTTON, "insp007", "accept:v1")
    assert event.card_id == CARD.card_id
    await rig.platform.update(card, DONE)
    assert rig.server.view(rig.chat()[0]).closed == "已签收 09:30"
    with pytest.raises(PlatformError) as spent:
        await rig.platform.update(card, CARD)
    assert spent.value.cls is ErrorClass.CARD


async def test_the_token_of_the_send_updates_too_and_a_live_card_stays_live(rig: Rig) -> None:
    sent = await rig.platform.send("insp007", CARD)
    changed = OutboundMessage(title="改派给你", body="", buttons=CARD.buttons)
    await rig.platform.update(CardRef("insp007", CARD.card_id, sent.card_token), changed)
    view = rig.server.view(rig.chat()[0])
    assert (view.title, view.closed) == ("改派给你", "")
    assert [b.key for b in view.buttons if b.key] == ["accept:v1"]


async def test_a_card_without_a_token_or_after_72_hours_needs_a_new_card(rig: Rig) -> None:
    sent = await rig.platform.send("insp007", CARD)
    rig.clock.advance(hours=72)
    for token in ("", sent.card_token):
        with pytest.raises(PlatformError) as caught:
            await rig.platform.update(CardRef("insp007", CARD.card_id, token), DONE)
        assert caught.value.cls is ErrorClass.CARD


async def test_a_person_who_is_not_there_is_the_recipients_error(rig: Rig) -> None:
    assert (await refusal(rig, to="nobody")).cls is ErrorClass.RECIPIENT


@pytest.mark.parametrize("name", ["invaliduser", "unlicenseduser"])
async def test_a_success_that_left_our_one_receiver_out_is_none(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Api, "_accept", lambda _api, _body, _corp: {"msgid": "m", name: "insp007"})
    error = await refusal(rig)
    assert (error.cls, error.code) == (ErrorClass.RECIPIENT, name)


async def test_a_batch_has_an_end_for_each_person(rig: Rig) -> None:
    ends = await rig.platform.send_many(["Insp007", "left1", "insp008", "insp008"], NOTE)
    assert isinstance(ends["Insp007"], Sent)
    assert ends["Insp007"] == ends["insp008"]
    missed = ends["left1"]
    assert isinstance(missed, PlatformError)
    assert (missed.code, missed.cls) == ("invaliduser", ErrorClass.RECIPIENT)
    assert len(rig.chat()) == len(rig.chat("insp008")) == 1


async def test_who_has_no_licence_is_told_apart_in_a_batch(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"msgid": "m1", "invaliduser": "", "unlicenseduser": "insp008"}
    monkeypatch.setattr(Api, "_accept", lambda _api, _body, _corp: answer)
    ends = await rig.platform.send_many(["insp007", "INSP008"], NOTE)
    assert ends["insp007"] == Sent("m1")
    assert isinstance(ends["INSP008"], PlatformError)


async def test_a_thousand_go_out_in_one_call_and_one_more_is_our_bug(rig: Rig) -> None:
    people = [f"p{n}" for n in range(cards.BATCH)]
    for user_id in people:
        rig.world.add_person(SimPerson("wecom", user_id, user_id))
    calls = rig.faults._calls
    ends = await rig.platform.send_many(people, NOTE)
    assert all(isinstance(end, Sent) for end in ends.values())
    assert rig.faults._calls - calls == 2  # one for the token
    with pytest.raises(PlatformError) as caught:
        await rig.platform.send_many([*people, "p1000"], NOTE)
    assert caught.value.cls is ErrorClass.BUG


async def test_nobody_there_is_the_error_of_the_whole_batch(rig: Rig) -> None:
    with pytest.raises(PlatformError) as caught:
        await rig.platform.send_many(["left1", "left2"], NOTE)
    assert (caught.value.code, caught.value.cls) == ("81013", ErrorClass.RECIPIENT)


async def test_an_app_without_a_callback_sends_a_page_as_the_old_card(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """43012: template cards need a callback URL; a link does not. A card with answers stays an error."""
    answers: list[object] = [PlatformError("43012", cls=ErrorClass.CHANNEL), {"errcode": 0, "msgid": "m2"}]
    bodies: list[bytes] = []

    async def call(*_: object, data: bytes, **__: object) -> object:
        bodies.append(data)
        answer = answers.pop(0)
        if isinstance(answer, PlatformError):
            raise answer
        return answer

    monkeypatch.setattr(rig.platform.client, "call", call)
    page = OutboundMessage(title="今日任务", body="3 家", url="https://gov.example/t")
    assert await rig.platform.send("insp007", page) == Sent("m2")
    assert b'"msgtype":"textcard"' in bodies[1]
    answers.append(PlatformError("43012", cls=ErrorClass.CHANNEL))
    with pytest.raises(PlatformError):
        await rig.platform.send("insp007", CARD)


async def test_who_asks_the_same_twice_is_answered_twice(rig: Rig) -> None:
    await rig.server.say("insp007", "帮助")
    for _ in range(2):
        await rig.platform.reply(rig.service.inbox[0], NOTE)
    assert [m.content["content"] for m in rig.chat()] == ["帮助", "收到。", "收到。"]


async def test_the_same_notice_is_shown_once_within_four_hours(rig: Rig) -> None:
    for _ in range(2):
        await rig.platform.send("insp007", NOTE)
    assert len(rig.chat()) == 1
    rig.clock.advance(hours=4)
    await rig.platform.send("insp007", NOTE)
    assert len(rig.chat()) == 2


async def test_a_message_is_taken_back(rig: Rig) -> None:
    sent = await rig.platform.send("insp007", NOTE)
    await rig.platform.recall(sent.ref)
    assert rig.chat()[0].recalled
    rig.clock.advance(hours=24)
    with pytest.raises(PlatformError):
        await rig.platform.recall(sent.ref)


# -- what goes wrong on the way ------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.LATE_ANSWER, Fault.LOST])
async def test_a_lost_answer_is_unknown_and_the_message_again_is_shown_once(hasty: Rig, fault: Fault) -> None:
    hasty.faults.script = [fault]
    assert (await refusal(hasty, message=CARD)).cls is ErrorClass.UNKNOWN
    sent = await hasty.platform.send("insp007", CARD)
    assert len(hasty.chat()) == 1
    await hasty.platform.update(CardRef("insp007", CARD.card_id, sent.card_token), DONE)
    assert hasty.chat()[0].closed == "已签收 09:30"


async def test_a_reset_connection_is_unknown(rig: Rig) -> None:
    await rig.platform.send("insp008", NOTE)
    rig.faults.script = [Fault.RESET]
    assert (await refusal(rig)).cls is ErrorClass.UNKNOWN


async def test_an_update_whose_answer_was_lost_has_been_made_once(hasty: Rig) -> None:
    await hasty.platform.send("insp007", CARD)
    card = await press(hasty)
    hasty.faults.script = [Fault.LATE_ANSWER]
    await hasty.platform.update(card, DONE)
    assert hasty.chat()[0].versions == 2


@pytest.mark.parametrize(("fault", "code"), [(Fault.SERVER_ERROR, "http_502"), (Fault.BUSY, "-1")])
async def test_a_busy_server_is_tried_again_later(rig: Rig, fault: Fault, code: str) -> None:
    await rig.platform.send("insp008", NOTE)
    rig.faults.script = [fault]
    error = await refusal(rig)
    assert (error.cls, error.code) == (ErrorClass.RETRY, code)
    assert error.retry_after > 0
    assert not rig.chat()


async def test_a_server_that_is_not_there_is_a_safe_retry(rig: Rig) -> None:
    platform = rig.another_platform(api_base="http://127.0.0.1:9")
    with pytest.raises(PlatformError) as caught:
        await platform.send("insp007", NOTE)
    assert (caught.value.cls, caught.value.code) == (ErrorClass.RETRY, "connect")


async def test_a_message_that_waited_for_a_connection_in_vain_is_a_safe_retry(hasty: Rig) -> None:
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector) as session:
        platform = WeComPlatform(hasty.settings, hasty.clock, session)
        await platform.send("insp008", OutboundMessage(title="", body="一"))
        hasty.faults.script = [Fault.LOST]
        outcomes = await asyncio.gather(
            platform.send("insp007", CARD), platform.send("insp007", NOTE), return_exceptions=True
        )
    assert [o.cls for o in outcomes if isinstance(o, PlatformError)] == [ErrorClass.UNKNOWN, ErrorClass.RETRY]


async def test_an_api_base_that_is_not_wecom_stops_the_channel(rig: Rig) -> None:
    platform = rig.another_platform(api_base=rig.settings.api_base + "/elsewhere")
    with pytest.raises(PlatformError) as caught:
        await platform.send("insp007", NOTE)
    assert caught.value.cls is ErrorClass.CHANNEL


# -- tokens --------------------------------------------------------------------------------------------


async def test_a_token_that_died_early_is_replaced_unnoticed(rig: Rig) -> None:
    await rig.platform.send("insp008", NOTE)
    rig.faults.script = [Fault.DEAD_TOKEN]
    await rig.platform.send("insp007", NOTE)
    assert len(rig.chat()) == 1


async def test_a_token_refused_twice_is_final_for_this_call(rig: Rig) -> None:
    await rig.platform.send("insp008", NOTE)
    rig.faults.script = [Fault.DEAD_TOKEN, None, Fault.DEAD_TOKEN]
    assert (await refusal(rig)).cls is ErrorClass.TOKEN
    assert not rig.chat()


async def test_many_first_calls_fetch_one_token(rig: Rig) -> None:
    rig.faults.percent = 0.0
    before = rig.faults._calls
    people = ["insp007", "insp008"] * 5
    notes = [OutboundMessage(title="", body=f"第{n}条") for n in range(10)]
    await asyncio.gather(*(rig.platform.send(p, n) for p, n in zip(people, notes, strict=True)))
    assert rig.faults._calls - before == 11
    assert len(rig.chat()) == len(rig.chat("insp008")) == 5


async def test_a_failed_fetch_is_shared_once_and_then_tried_anew(rig: Rig) -> None:
    """Those who shared it must not be handed the same failure again: they would spin without a pause."""
    rig.faults.script = [Fault.SERVER_ERROR]

    async def twice(number: int) -> None:
        note = OutboundMessage(title="", body=str(number))
        with pytest.raises(PlatformError):
            await rig.platform.send("insp007", note)
        await rig.platform.send("insp007", note)

    await asyncio.gather(*(twice(number) for number in range(5)))
    assert len(rig.chat()) == 5


async def test_a_token_is_renewed_before_it_ends(rig: Rig) -> None:
    await rig.platform.send("insp008", NOTE)
    rig.clock.advance(seconds=7200 - 299)
    calls = rig.faults._calls
    await rig.platform.send("insp007", NOTE)
    assert rig.faults._calls - calls == 2


async def test_a_wrong_secret_stops_the_channel_and_is_not_tried_again_at_once(rig: Rig) -> None:
    platform = rig.another_platform(secret=SecretStr("wrong"))
    calls = rig.faults._calls
    for _ in range(3):
        with pytest.raises(PlatformError) as caught:
            await platform.send("insp007", NOTE)
        assert caught.value.cls is ErrorClass.CHANNEL
    assert rig.faults._calls - calls == 1
    rig.clock.advance(seconds=61)
    with pytest.raises(PlatformError):
        await platform.send("insp007", NOTE)
    assert rig.faults._calls - calls == 2


async def test_no_error_and_no_log_line_holds_a_secret(hasty: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = hasty.world.facts["wecom:token"]["value"]
    hasty.faults.script = [Fault.DEAD_TOKEN, Fault.LOST]
    error = await refusal(hasty)
    seen = f"{error!r} {error} {error.__cause__!r} {error.__context__!r} {error.advice} {caplog.text}"
    assert token not in seen
    assert hasty.settings.secret.get_secret_value() not in seen


# -- files, the group, the doctor ----------------------------------------------------------------------


async def test_a_photo_a_person_sends_is_fetched_for_three_days(rig: Rig) -> None:
    await rig.server.send_photo("insp007", b"\xff\xd8photo", "image/jpeg")
    (event,) = rig.service.inbox
    assert event.kind is InboundKind.IMAGE
    media = await rig.platform.fetch_media(event.media_id)
    assert (media.body, media.media_type, media.name) == (b"\xff\xd8photo", "image/jpeg", "photo.jpeg")
    rig.clock.advance(days=3)
    with pytest.raises(PlatformError) as caught:
        await rig.platform.fetch_media(event.media_id)
    assert caught.value.code == "40007"


async def test_a_record_sheet_arrives_as_a_file_under_its_chinese_name(rig: Rig) -> None:
    await rig.platform.send_file("insp007", '检查"记录表.pdf', b"%PDF-1.7 record")
    view = rig.server.view(rig.chat()[0])
    assert view.body == "检查_记录表.pdf"
    media_id = rig.chat()[0].content["media_id"]
    assert (await rig.platform.fetch_media(media_id)).body == b"%PDF-1.7 record"


async def test_an_empty_file_is_refused_as_our_bug(rig: Rig) -> None:
    with pytest.raises(PlatformError) as caught:
        await rig.platform.upload_media("空.pdf", b"")
    assert caught.value.cls is ErrorClass.BUG


async def test_the_group_reads_what_is_announced(rig: Rig) -> None:
    await rig.platform.announce(OutboundMessage(title="本周通报", body="完成 **12** 家"))
    (bubble,) = rig.chat("wecom-group")
    assert rig.server.view(bubble).body == "**本周通报**\n完成 **12** 家"


async def test_a_group_robot_over_its_rate_waits_a_minute(rig: Rig) -> None:
    other = rig.another_platform()  # another process with the same robot
    for _ in range(20):
        await rig.platform.announce(NOTE)
    said = []
    for platform in (rig.platform, other, other):  # by our own count; as WeCom says; as WeCom said
        with pytest.raises(PlatformError) as caught:
            await platform.announce(NOTE)
        said.append((caught.value.code, caught.value.retry_after))
    assert said == [("robot.turn", 60), ("45009", 60), ("robot.turn", 60)]
    rig.clock.advance(seconds=61)
    await other.announce(NOTE)
    await rig.platform.announce(NOTE)
    assert len(rig.chat("wecom-group")) == 22


async def test_without_a_robot_there_is_no_announcement(rig: Rig) -> None:
    platform = rig.another_platform(group_robot_url=None)
    assert not platform.capabilities.group_robot
    with pytest.raises(PlatformError) as caught:
        await platform.announce(NOTE)
    assert caught.value.cls is ErrorClass.CHANNEL


async def test_the_doctor_finds_a_healthy_app_healthy(rig: Rig) -> None:
    results = await rig.platform.check()
    assert all(result.ok for result in results), results
    assert len(results) == 6


async def test_the_doctor_says_what_to_click(rig: Rig) -> None:
    platform = rig.another_platform(
        secret=SecretStr("wrong"), aes_key=SecretStr("*" * 43), group_robot_url=SecretStr("http://127.0.0.1/")
    )
    results = await platform.check()
    assert [result.ok for result in results] == [False, False, False, False, True]
    assert all(result.advice for result in results if not result.ok)


async def test_the_doctor_sees_a_clock_that_is_wrong(rig: Rig) -> None:
    ahead = ManualClock(rig.clock.now())
    ahead.advance(hours=1)
    results = await WeComPlatform(rig.settings, ahead, rig.session).check()
    assert [r.name for r in results if not r.ok] == ["时钟"]


async def test_the_doctor_without_a_network_has_advice_too(clock: ManualClock) -> None:
    async with running(clock) as rig, aiohttp.ClientSession() as session:
        settings = rig.settings.model_copy(update={"api_base": "http://127.0.0.1:9"})
        results = await WeComPlatform(settings, clock, session).check()
    assert [r.ok for r in results] == [False, False, True, True, True]
