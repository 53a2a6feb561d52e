"""The adapter against the simulated WeCom, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.core.clock import ManualClock
from bot.platforms.base import Button, CardRef, ErrorClass, InboundKind, OutboundMessage, PlatformError
from bot.simulator.faults import Fault
from tests.platforms.wecom.rig import Rig, running

ACCEPT = Button("签收", action="accept:v1", style="primary")
CARD = OutboundMessage(
    title="检查任务待签收",
    body="**甲厂** 消防通道",
    facts=(("企业", "甲厂"), ("截止", "1 月 8 日")),
    buttons=(ACCEPT, Button("详情", url="https://gov.example/t/42")),
    card_id="visit-0f3c9b1e",
)
NOTE = OutboundMessage(title="", body="收到。")


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock) as built:
        yield built


async def refused(rig: Rig, *, to: str = "insp007", message: OutboundMessage = NOTE) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await rig.platform.send(to, message)
    return caught.value


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


async def test_a_press_comes_back_as_a_button_event_and_its_token_closes_the_card(rig: Rig) -> None:
    await rig.platform.send("insp007", CARD)
    await rig.server.press("insp007", rig.chat()[0].id, "accept:v1")
    (event,) = rig.service.inbox
    assert (event.kind, event.user_id, event.action) == (InboundKind.BUTTON, "insp007", "accept:v1")
    assert event.card_id == CARD.card_id
    card = CardRef("insp007", event.card_id, event.card_token)
    await rig.platform.update(card, OutboundMessage(title="已签收", body="", done="已签收 09:30"))
    assert rig.server.view(rig.chat()[0]).closed == "已签收 09:30"
    with pytest.raises(PlatformError) as spent:
        await rig.platform.update(card, CARD)
    assert spent.value.cls is ErrorClass.CARD


async def test_a_lost_answer_is_unknown_and_the_same_message_again_is_shown_once(clock: ManualClock) -> None:
    async with running(clock, timeout=0.2) as rig:
        await rig.platform.send("insp008", NOTE)  # the token is there
        rig.faults.script = [Fault.LATE_ANSWER]
        error = await refused(rig, message=CARD)
        assert error.cls is ErrorClass.UNKNOWN
        sent = await rig.platform.send("insp007", CARD)
        assert sent.card_token
        assert len(rig.chat()) == 1
        await asyncio.sleep(0)
