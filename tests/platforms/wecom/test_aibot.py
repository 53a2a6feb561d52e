"""The smart bot over its long connection, against the simulated WeCom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from pydantic import SecretStr

from bot.core.clock import ManualClock
from bot.platforms.base import Button, CardRef, ErrorClass, InboundKind, OutboundMessage, PlatformError
from bot.platforms.wecom import aibot_streams
from bot.platforms.wecom.aibot_doctor import examine_bot
from bot.platforms.wecom.aibot_pace import USUAL
from bot.simulator.acts import NotDelivered
from bot.simulator.faults import Fault
from tests.platforms.wecom.bot_rig import QUICK, Alone, BotRig, running_bot, until

CARD = OutboundMessage(
    title="检查任务待签收",
    body="**甲厂** 消防通道",
    facts=(("企业", "甲厂"),),
    buttons=(Button("签收", action="accept:v1", style="primary"),),
    card_id="visit-0f3c9b1e",
)
NOTE = OutboundMessage(title="", body="今日 3 家")
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


@pytest.fixture
async def rig(clock: ManualClock, tmp_path: Path) -> AsyncIterator[BotRig]:
    async with running_bot(clock, tmp_path / "kept") as built:
        yield built


async def refused(rig: BotRig, message: OutboundMessage = NOTE, to: str = "insp007") -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await rig.platform.send(to, message)
    return caught.value


# -- hearing and answering -----------------------------------------------------------------------------


async def test_a_message_is_heard_and_answered_in_its_own_bubble(rig: BotRig) -> None:
    await rig.bot.say("insp007", "今日任务")
    event = await rig.inbox.next()
    assert (event.kind, event.text, event.user_id, event.conversation) == (
        InboundKind.TEXT, "今日任务", "insp007", "",
    )  # fmt: skip
    await rig.platform.reply(event, NOTE)
    assert [m.content for m in rig.chat()] == [{"content": "今日 3 家"}]
    assert rig.bot.frames[-1]["body"]["stream"]["finish"] is True


async def test_who_waits_long_sees_that_it_is_being_done_and_then_the_answer_in_its_place(
    rig: BotRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.platform._streams, "_patience", 0.0)
    event = await rig.meet()
    await until(lambda: bool(rig.chat()))
    assert rig.chat()[0].content == {"content": aibot_streams.WORKING}
    await rig.platform.reply(event, NOTE)
    assert [m.content for m in rig.chat()] == [{"content": "今日 3 家"}]


async def test_a_stream_that_nobody_answers_is_finished(rig: BotRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.platform._streams, "_patience", 0.0)
    monkeypatch.setattr(rig.platform._streams, "_give_up", 0.0)
    event = await rig.meet()
    await until(lambda: bool(rig.bot.frames[-1]["body"].get("stream", {}).get("finish")))
    await rig.platform.reply(event, NOTE)
    assert [m.content["content"] for m in rig.chat()] == [aibot_streams.TAKEN, "今日 3 家"]


async def test_a_bot_that_stops_leaves_no_bubble_spinning(
    rig: BotRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.platform._streams, "_patience", 0.0)
    await rig.meet()
    await until(lambda: bool(rig.chat()))
    await rig.platform.close()
    assert rig.chat()[0].content == {"content": aibot_streams.TAKEN}


async def test_an_answer_after_a_day_is_pushed(rig: BotRig) -> None:
    event = await rig.meet()
    rig.clock.advance(hours=24, seconds=1)
    await rig.platform.reply(event, NOTE)
    assert rig.bot.frames[-1]["cmd"] == "aibot_send_msg"
    assert len(rig.chat()) == 1


async def test_an_answer_to_a_request_that_is_gone_is_pushed(rig: BotRig) -> None:
    event = await rig.meet()
    await rig.platform.reply(structs.replace(event, reply_token="bot:SRV-unknown"), NOTE)
    assert [f["cmd"] for f in rig.bot.frames[-2:]] == ["aibot_respond_msg", "aibot_send_msg"]


async def test_in_a_group_the_bots_name_is_taken_off_and_the_answer_goes_to_the_group(rig: BotRig) -> None:
    await rig.bot.say("insp007", "@王五 的任务", group="wrGroup")
    event = await rig.inbox.next()
    assert (event.text, event.conversation) == ("@王五 的任务", "wrGroup")
    await rig.platform.reply(event, NOTE)
    assert len(rig.chat("wrGroup")) == 1
    assert not rig.chat()


async def test_opening_the_chat_is_welcomed_at_once(rig: BotRig) -> None:
    await rig.bot.open_chat("insp007")
    assert (await rig.inbox.next()).kind is InboundKind.ENTER
    assert "随查" in rig.chat()[0].content["content"]


async def test_a_photo_is_fetched_and_decrypted_before_its_five_minutes_end(rig: BotRig) -> None:
    await rig.bot.send_photo("insp007", PNG, "image/png")
    event = await rig.inbox.next()
    rig.clock.advance(minutes=6)
    media = await rig.platform.fetch_media(event.media_id)
    assert (event.kind, media.body, media.media_type) == (InboundKind.IMAGE, PNG, "image/png")


async def test_a_file_that_is_a_picture_is_a_picture_and_another_is_kept(rig: BotRig) -> None:
    for name, body in (("原图.png", PNG), ("说明.txt", b"plain words")):
        media_id = rig.server._ledger.add_media(body, "application/octet-stream", name)
        await rig.bot.send_raw("insp007", {"msgtype": "file", "file": rig.bot.attachment(media_id)})
    picture, words = await rig.inbox.next(), await rig.inbox.next()
    assert {picture.kind, words.kind} == {InboundKind.IMAGE, InboundKind.OTHER}
    kept = words if words.kind is InboundKind.OTHER else picture
    assert (await rig.platform.fetch_media(kept.media_id)).body == b"plain words"


async def test_a_mixed_message_is_several_events_and_each_once(rig: BotRig) -> None:
    media_id = rig.server._ledger.add_media(PNG, "image/png", "a.png")
    items = [
        {"msgtype": "text", "text": {"content": "现场"}},
        {"msgtype": "image", "image": rig.bot.attachment(media_id)},
    ]
    await rig.bot.send_mixed("insp007", items)
    events = [await rig.inbox.next(), await rig.inbox.next()]
    assert [event.kind for event in events] == [InboundKind.TEXT, InboundKind.IMAGE]
    assert events[0].event_id != events[1].event_id


async def test_a_file_that_cannot_be_fetched_does_not_lose_the_message(rig: BotRig) -> None:
    await rig.bot.send_raw(
        "insp007", {"msgtype": "image", "image": {"url": "http://127.0.0.1:9/x", "aeskey": "a"}}
    )
    event = await rig.inbox.next()
    assert (event.kind, event.media_id) == (InboundKind.IMAGE, "")
    with pytest.raises(PlatformError):
        await rig.platform.fetch_media(event.media_id)


async def test_a_voice_is_its_words(rig: BotRig) -> None:
    await rig.bot.send_raw("insp007", {"msgtype": "voice", "voice": {"content": "帮助"}})
    assert (await rig.inbox.next()).text == "帮助"


@pytest.mark.parametrize(
    "body",
    [
        {"msgtype": "text"},
        {"msgtype": "text", "text": {"content": 1.5}},
        {"msgtype": "mixed", "mixed": {}},
    ],
)
async def test_what_cannot_be_read_is_passed_over_and_the_bot_hears_on(
    rig: BotRig, body: dict[str, object]
) -> None:
    await rig.bot.send_raw("insp007", body)
    assert (await rig.meet()).text == "你好"


async def test_the_same_message_twice_has_one_event_id(rig: BotRig) -> None:
    rig.faults.script = [Fault.TWICE]
    await rig.bot.say("insp007", "好")
    first, second = await rig.inbox.next(), await rig.inbox.next()
    assert first.event_id == second.event_id


# -- pushing -------------------------------------------------------------------------------------------


async def test_who_never_spoke_cannot_be_pushed_to(rig: BotRig) -> None:
    error = await refused(rig)
    assert error.cls is ErrorClass.RECIPIENT


async def test_a_card_is_pushed_pressed_and_changed_within_five_seconds(rig: BotRig) -> None:
    await rig.meet()
    await rig.platform.send("insp007", CARD)
    await rig.server.press("insp007", rig.chat()[-1].id, "accept:v1")
    event = await rig.inbox.next()
    assert (event.kind, event.action, event.card_id) == (InboundKind.BUTTON, "accept:v1", CARD.card_id)
    ref = CardRef(event.user_id, event.card_id, event.card_token)
    await rig.platform.update(ref, replace(CARD, done="已签收 09:30"))
    assert rig.chat()[-1].closed == "已签收 09:30"
    with pytest.raises(PlatformError) as spent:
        await rig.platform.update(ref, CARD)
    assert spent.value.cls is ErrorClass.CARD


async def test_a_card_pressed_too_long_ago_needs_a_new_one(rig: BotRig) -> None:
    await rig.meet()
    await rig.platform.send("insp007", CARD)
    await rig.server.press("insp007", rig.chat()[-1].id, "accept:v1")
    event = await rig.inbox.next()
    rig.clock.advance(seconds=5)
    with pytest.raises(PlatformError) as late:
        await rig.platform.update(CardRef(event.user_id, event.card_id, event.card_token), CARD)
    assert late.value.cls is ErrorClass.CARD


async def test_over_the_rate_of_a_conversation_one_waits_a_minute(rig: BotRig) -> None:
    await rig.meet()
    for number in range(30):
        await rig.platform.send("insp007", OutboundMessage(title="", body=str(number)))
    error = await refused(rig)
    assert (error.code, error.cls, error.retry_after) == ("45009", ErrorClass.QUOTA, 60.0)


async def test_a_file_of_several_pieces_arrives_whole(rig: BotRig) -> None:
    await rig.meet()
    body = bytes(range(256)) * 4096 + b"end"
    await rig.platform.send_file("insp007", "整改通知.pdf", body)
    media_id = rig.chat()[-1].content["media_id"]
    assert rig.world.media[media_id][0] == body
    chunks = [f for f in rig.bot.frames if f["cmd"] == "aibot_upload_media_chunk"]
    assert [f["body"]["chunk_index"] for f in chunks] == [0, 1, 2]


async def test_a_group_that_was_set_reads_announcements(clock: ManualClock, tmp_path: Path) -> None:
    async with running_bot(clock, tmp_path) as rig:
        await rig.bot.say("insp007", "在吗", group="wrGroup")
        assert rig.settings.bot is not None
        rig.platform.bot = rig.settings.bot.model_copy(update={"group": "wrGroup"})
        await rig.platform.announce(OutboundMessage(title="通报", body="本周 12 家"))
        assert "本周 12 家" in rig.chat("wrGroup")[-1].content["content"]


async def test_without_a_group_there_is_no_announcement(rig: BotRig) -> None:
    with pytest.raises(PlatformError) as caught:
        await rig.platform.announce(NOTE)
    assert caught.value.cls is ErrorClass.CHANNEL


@pytest.mark.parametrize(
    ("fault", "cls"),
    [
        (Fault.LATE_ANSWER, ErrorClass.UNKNOWN),
        (Fault.LOST, ErrorClass.UNKNOWN),
        (Fault.RESET, ErrorClass.UNKNOWN),
        (Fault.BUSY, ErrorClass.RETRY),
    ],
)
async def test_what_goes_wrong_has_its_class_and_the_bot_goes_on(
    rig: BotRig, fault: Fault, cls: ErrorClass
) -> None:
    await rig.meet()
    rig.faults.script = [fault]
    assert (await refused(rig)).cls is cls
    await until(lambda: not (rig.bot.socket is None or not rig.platform.socket.connected.is_set()))
    await rig.platform.send("insp007", replace(NOTE, body="再来"))
    assert rig.chat()[-1].content == {"content": "再来"}


async def test_frames_that_answer_one_request_go_out_one_after_the_other(rig: BotRig) -> None:
    event = await rig.meet()
    notes = [replace(NOTE, body=str(number)) for number in range(5)]
    await asyncio.gather(*(rig.platform.reply(event, note) for note in notes))
    assert len(rig.chat()) == 5


# -- the connection ------------------------------------------------------------------------------------


async def test_a_lost_connection_is_opened_again_and_nothing_is_said_twice(rig: BotRig) -> None:
    await rig.meet()
    assert rig.bot.socket is not None
    await rig.bot.socket.close()
    await rig.connected()
    await until(lambda: rig.bot.socket is not None)
    await rig.platform.send("insp007", NOTE)
    assert len(rig.chat()) == 1


async def test_who_was_displaced_does_not_come_back(rig: BotRig) -> None:
    other = rig.another(sole=Alone())  # an installation that does not know of ours
    await other.start()
    await until(lambda: bool(rig.platform.socket.ended))
    assert rig.platform.socket.ended == "displaced"
    subscribed = [f for f in rig.bot.frames if f["cmd"] == "aibot_subscribe"]
    assert (await refused(rig)).code == "bot_not_connected"
    await until(other.socket.connected.is_set)
    assert len(subscribed) == 2
    assert rig.platform.socket._task is not None
    assert rig.platform.socket.holding  # and no other process of ours may take the bot back
    await other.close()


async def test_a_wrong_secret_is_tried_five_times_and_never_again(clock: ManualClock, tmp_path: Path) -> None:
    async with running_bot(clock, tmp_path, connect=False) as rig:
        assert rig.settings.bot is not None
        wrong = rig.settings.bot.model_copy(update={"secret": SecretStr("wrong")})
        bot = rig.another(settings=rig.settings.model_copy(update={"bot": wrong}), sole=Alone())
        await bot.start()
        async with asyncio.timeout(5):
            await bot.socket.settled.wait()
        assert bot.socket.ended == "refused"
        assert len(rig.bot.frames) == 5
        (result, *_) = await bot.check()
        assert not result.ok
        assert "Secret" in result.seen
        await bot.close()


async def test_two_processes_have_one_socket_and_the_second_takes_over(rig: BotRig) -> None:
    second = rig.another()
    await second.start()
    await rig.meet()
    assert not second.socket.holding
    await rig.platform.close()
    async with asyncio.timeout(3):
        await second.socket.connected.wait()
    await second.send("insp007", NOTE)
    assert len(rig.chat()) == 1
    assert rig.platform.socket.ended == ""
    await second.close()


async def test_a_hold_that_is_lost_closes_the_socket(rig: BotRig) -> None:
    rig.sole.lost.set()
    await until(lambda: not (rig.bot.socket is not None))


async def test_two_pings_without_an_answer_close_the_connection(clock: ManualClock, tmp_path: Path) -> None:
    times = replace(QUICK, heartbeat=0.02, ack=0.05)
    async with running_bot(clock, tmp_path, times=times) as rig:
        first = rig.bot.socket
        rig.bot._request = _deaf  # type: ignore[method-assign]
        await until(lambda: rig.bot.socket is not first)


async def _deaf(*_: object) -> None:
    """Reads every frame and answers none."""


def test_pauses_double_up_to_half_a_minute_and_are_spread() -> None:
    assert [USUAL.pause(losses, jitter=1.0) for losses in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert [USUAL.pause(losses, jitter=0.0) for losses in range(7)] == [0.5, 1, 2, 4, 8, 15, 15]


async def test_garbage_on_the_socket_is_passed_over(rig: BotRig) -> None:
    assert rig.bot.socket is not None
    for text in (
        "",
        "{",
        "[]",
        '{"cmd":5}',
        '{"headers":{"req_id":"unknown"},"errcode":0}',
        "\ud800".encode("utf-8", "replace").decode(),
    ):
        await rig.bot.socket.send_str(text)
    assert (await rig.meet()).text == "你好"


async def test_before_it_is_connected_nothing_is_sent(clock: ManualClock, tmp_path: Path) -> None:
    async with running_bot(clock, tmp_path, connect=False) as rig:
        error = await refused(rig)
        assert (error.cls, error.code) == (ErrorClass.RETRY, "bot_not_connected")
        with pytest.raises(NotDelivered):
            await rig.bot.say("insp007", "在吗")


async def test_no_log_line_and_no_error_holds_the_secret(
    rig: BotRig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    error = await refused(rig)
    assert "S3cr3t-of-the-bot" not in f"{error!r}{caplog.text}{rig.settings!r}"


async def test_the_doctor_sees_a_bot_that_is_well_and_one_that_another_process_has(rig: BotRig) -> None:
    assert all(result.ok for result in await rig.platform.check())
    second = rig.another()
    results = await examine_bot(second, patience=0.1)
    assert results[0].ok
    assert "正在运行" in results[0].seen
