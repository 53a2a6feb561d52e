"""One suite for the ``Platform`` port, run on every way of talking to people.

What differs is declared in ``Capabilities``; each flag is held against what the simulated service shows. The
table in ``docs/platforms.md`` is made of the same flags: ``python -m tests.platforms.table`` prints it.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from PIL import Image

from bot.core.clock import ManualClock
from bot.platforms.base import (
    Button,
    CardRef,
    ErrorClass,
    InboundKind,
    OutboundMessage,
    PlatformError,
    Receipt,
    Sent,
    one_by_one,
)
from bot.simulator.faults import Fault
from tests.platforms.pairs import HASTE, PAIRS, Pair
from tests.platforms.table import DOCUMENT, table

SITE = "https://suicha.example.gov.cn"
TOLD = OutboundMessage(
    "整改提醒",
    "请核对**幸福超市**。",
    facts=(("对象", "幸福超市"), ("期限", "11月27日")),
    buttons=(Button("打开", url=f"{SITE}/f/7"),),
    url=f"{SITE}/f/7",
    key="n1",
)
CARD = OutboundMessage(
    "检查任务",
    "请核对幸福超市。",
    facts=(("对象", "幸福超市"),),
    buttons=(
        Button("收到", action="accept|visit:7|1", style="primary"),
        Button("申请回避", action="recuse|visit:7|1"),
    ),
    url=f"{SITE}/t/7",
    card_id="visit-7",
    key="n2",
)
TRYING = {ErrorClass.RETRY, ErrorClass.UNKNOWN, ErrorClass.TOKEN}


@pytest.fixture(params=PAIRS.values(), ids=PAIRS.keys())
async def pair(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[Pair]:
    async with request.param(clock) as running:
        yield running


@pytest.fixture(params=PAIRS.values(), ids=PAIRS.keys())
async def hasty(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[Pair]:
    """A client that gives up soon."""
    async with request.param(clock, patience=HASTE) as running:
        yield running


async def refused(awaited: object) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await awaited  # type: ignore[misc]
    return caught.value


async def test_a_message_is_shown_with_its_words_facts_and_links(pair: Pair) -> None:
    sent = await pair.platform.send(pair.people[0], TOLD)
    (bubble,) = pair.chat()
    view = pair.server.view(bubble)
    whole = " ".join([view.title, view.body, *(f"{name} {value}" for name, value in view.facts)])
    assert sent.ref
    assert view.title == TOLD.title
    assert all(word in whole for word in ("幸福超市", "对象", "11月27日"))
    assert TOLD.url in {button.url for button in view.buttons}
    assert pair.chat(pair.people[1]) == []


async def test_callback_buttons_are_shown_and_pressed_where_there_are_cards(pair: Pair) -> None:
    await pair.listen()
    await pair.platform.send(pair.people[0], CARD)
    (bubble,) = pair.chat()
    keys = [button.key for button in pair.server.view(bubble).buttons if button.key]
    assert bool(keys) is pair.platform.capabilities.cards
    if not keys:
        return
    assert keys == [button.action for button in CARD.buttons]
    await pair.server.press(pair.people[0], bubble.id, keys[0])
    (event,) = await pair.heard()
    assert (event.kind, event.action, event.card_id) == (InboundKind.BUTTON, keys[0], CARD.card_id)
    assert event.user_id == pair.people[0]
    assert event.event_id


async def test_what_was_sent_twice_is_shown_as_often_as_declared(pair: Pair) -> None:
    able = pair.platform.capabilities
    for message, is_safe in ((TOLD, able.plain_resend_is_safe), (CARD, able.resend_is_safe)):
        before = len(pair.chat())
        for _ in range(2):
            await pair.platform.send(pair.people[0], message)
        assert len(pair.chat()) - before == (1 if is_safe else 2)


async def test_a_card_is_closed_in_place_or_the_port_says_that_a_new_one_is_needed(pair: Pair) -> None:
    sent = await pair.platform.send(pair.people[0], CARD)
    card = CardRef(pair.people[0], CARD.card_id, sent.card_token)
    closed = replace(CARD, done="已接收")
    if not pair.platform.capabilities.card_updates:
        assert (await refused(pair.platform.update(card, closed))).cls is ErrorClass.CARD
        return
    await pair.platform.update(card, closed)
    view = pair.server.view(pair.chat()[0])
    assert "已接收" in view.closed
    assert not [button for button in view.buttons if button.key and not view.closed]
    assert len(pair.chat()) == 1
    never = CardRef(pair.people[0], "never-sent")
    assert (await refused(pair.platform.update(never, closed))).cls is ErrorClass.CARD


async def test_nobody_is_told_to_be_reached_who_cannot_be(pair: Pair) -> None:
    """Some services say so at once, a work notice only when it is asked afterwards."""
    end = (await one_by_one(pair.platform, [pair.stranger], TOLD))[pair.stranger]
    if isinstance(end, Sent):
        assert await pair.platform.receipts(end.ref) == {pair.stranger: Receipt.NOT_DELIVERED}
    else:
        assert end.cls is ErrorClass.RECIPIENT
        assert end.advice


async def test_a_batch_has_an_end_for_everybody_and_no_more_people_than_declared(pair: Pair) -> None:
    able = pair.platform.capabilities
    people = [*pair.people, pair.stranger]
    ended = await pair.platform.send_many(people, TOLD)
    assert list(ended) == people
    assert all(isinstance(ended[user], Sent) for user in pair.people)
    assert [len(pair.chat(user)) for user in pair.people] == [1, 1]
    lost = ended[pair.stranger]
    if isinstance(lost, PlatformError):
        assert lost.cls is ErrorClass.RECIPIENT
    else:
        assert (await pair.platform.receipts(lost.ref))[pair.stranger] is Receipt.NOT_DELIVERED
    crowd = [f"u{number}" for number in range(able.batch + 1)]
    assert (await refused(pair.platform.send_many(crowd, TOLD))).permanent


async def test_reading_is_told_where_it_is_declared(pair: Pair) -> None:
    sent = await pair.platform.send(pair.people[0], TOLD)
    before = await pair.platform.receipts(sent.ref)
    await pair.listen()
    await pair.server.open_chat(pair.people[0])
    after = await pair.platform.receipts(sent.ref)
    if pair.platform.capabilities.read_receipts:
        assert (before, after) == ({pair.people[0]: Receipt.UNREAD}, {pair.people[0]: Receipt.READ})
    else:
        assert before == after == {}


async def test_a_message_is_taken_back_where_it_is_declared(pair: Pair) -> None:
    sent = await pair.platform.send(pair.people[0], TOLD)
    if pair.platform.capabilities.recall:
        await pair.platform.recall(sent.ref)
    else:
        assert (await refused(pair.platform.recall(sent.ref))).cls is ErrorClass.BUG
    assert pair.chat()[0].recalled is pair.platform.capabilities.recall


async def test_an_announcement_reaches_the_group_where_there_is_one(pair: Pair) -> None:
    before = set(pair.world.messages)
    if pair.platform.capabilities.group_robot:
        await pair.platform.announce(TOLD)
        (new,) = set(pair.world.messages) - before
        assert pair.world.person(pair.server.name, pair.world.messages[new].user_id) is None
    else:
        assert (await refused(pair.platform.announce(TOLD))).cls is ErrorClass.CHANNEL
        assert set(pair.world.messages) == before


async def test_words_and_photos_arrive_and_are_answered(pair: Pair) -> None:
    await pair.platform.send(pair.people[1], TOLD)
    await pair.listen()
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "JPEG")
    await pair.server.say(pair.people[0], "今天的任务")
    await pair.server.send_photo(pair.people[0], picture.getvalue(), "image/jpeg")
    said, shown = await pair.heard(2)
    assert (said.kind, said.text, said.user_id) == (InboundKind.TEXT, "今天的任务", pair.people[0])
    assert shown.kind is InboundKind.IMAGE
    assert pair.platform.capabilities.media
    assert (await pair.platform.fetch_media(shown.media_id)).body == picture.getvalue()
    await pair.platform.reply(said, OutboundMessage("任务", "一家：幸福超市", key="n3"))
    await pair.platform.reply(said, OutboundMessage("任务", "一家：幸福超市", key="n4"))
    assert len(pair.chat()) == 2  # who asks twice is answered twice


async def test_a_repeated_push_keeps_its_id(pair: Pair) -> None:
    await pair.listen()
    pair.faults.script = [Fault.TWICE]
    await pair.server.say(pair.people[0], "任务")
    assert len({event.event_id for event in await pair.heard()}) == 1


@pytest.mark.parametrize(
    ("fault", "classes", "shown"),
    [
        (Fault.SERVER_ERROR, {ErrorClass.RETRY, ErrorClass.UNKNOWN}, 0),
        (Fault.BUSY, {ErrorClass.RETRY}, 0),
        (Fault.LOST, {ErrorClass.UNKNOWN}, 0),
        (Fault.RESET, {ErrorClass.UNKNOWN}, 0),
        (Fault.LATE_ANSWER, {ErrorClass.UNKNOWN}, 1),
    ],
)
async def test_every_fault_is_told_apart(
    hasty: Pair, fault: Fault, classes: set[ErrorClass], shown: int
) -> None:
    await hasty.platform.send(hasty.people[1], TOLD)  # brings the token
    hasty.faults.script = [fault]
    error = await refused(hasty.platform.send(hasty.people[0], CARD))
    assert error.cls in classes
    assert not error.permanent
    assert not any(secret in f"{error!r} {error.detail} {error.__cause__!r}" for secret in hasty.secrets)
    assert len(hasty.chat()) == shown
    await hasty.platform.send(hasty.people[0], CARD)
    assert len(hasty.chat()) == shown + (0 if shown and hasty.platform.capabilities.resend_is_safe else 1)


async def test_a_dead_token_costs_nobody_a_message(pair: Pair) -> None:
    await pair.platform.send(pair.people[0], TOLD)
    pair.faults.script = [Fault.DEAD_TOKEN]
    await pair.platform.send(pair.people[0], replace(TOLD, key="n5", body="请再核对。"))
    assert len(pair.chat()) == 2


async def test_a_text_of_the_declared_length_is_shown_whole_and_a_longer_one_is_cut(pair: Pair) -> None:
    limit = pair.platform.capabilities.body_bytes
    words = "检" * ((limit - 6) // 3) + "末"
    await pair.platform.send(pair.people[0], replace(TOLD, facts=(), body=words))
    assert "末" in pair.server.view(pair.chat()[0]).body
    await pair.platform.send(pair.people[0], replace(TOLD, key="n6", title="长", body="长" * 30_000))
    long = pair.server.view(pair.chat()[1]).body
    assert "长长长" in long
    assert len(long) < 30_000


async def test_as_many_buttons_as_declared_are_shown(pair: Pair) -> None:
    able = pair.platform.capabilities
    buttons = [
        Button(f"按钮{number}", action=f"press|visit:{number}|1")
        if able.cards
        else Button(f"按钮{number}", url=f"{SITE}/{number}")
        for number in range(able.max_buttons)
    ]
    await pair.platform.send(pair.people[0], replace(CARD, url="", buttons=tuple(buttons)))
    view = pair.server.view(pair.chat()[0])
    assert [button.text for button in view.buttons][: len(buttons)] == [button.text for button in buttons]


async def test_the_doctor_looks_and_says_what_to_do(pair: Pair) -> None:
    lines = await pair.platform.check()
    assert lines
    assert all(line.seen for line in lines)
    assert all(line.advice for line in lines if not line.ok)
    assert not any(secret in f"{line.seen}{line.advice}" for line in lines for secret in pair.secrets)


async def test_the_table_in_the_documentation_is_what_the_platforms_declare(clock: ManualClock) -> None:
    printed = await table(clock)
    assert printed in DOCUMENT.read_text(encoding="utf-8"), f"docs/platforms.md should hold:\n{printed}"
