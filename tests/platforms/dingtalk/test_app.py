"""Answers that the simulated service does not give by itself."""

from __future__ import annotations

from typing import Any

import pytest

from bot.platforms.base import ErrorClass, InboundEvent, InboundKind, OutboundMessage, PlatformError
from bot.simulator.faults import Fault
from tests.platforms.dingtalk.rig import START, Rig

HELLO = OutboundMessage("你好", "欢迎")
CARD = OutboundMessage("任务", "幸福超市", card_id="visit-1")


def answer_with(rig: Rig, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    async def api(*_args: object, **_more: object) -> dict[str, Any]:
        return answer

    monkeypatch.setattr(rig.platform._client, "api", api)


async def test_a_throttled_person_is_written_to_later(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(rig, monkeypatch, {"flowControlledStaffIdList": ["u1001"], "processQueryKey": "pqk"})
    with pytest.raises(PlatformError) as caught:
        await rig.platform.send("u1001", HELLO)
    assert (caught.value.cls, caught.value.retry_after) == (ErrorClass.RETRY, 60.0)


@pytest.mark.parametrize("answer", [{}, {"result": None}, {"result": {"deliverResults": []}}])
async def test_a_card_without_delivery_results_is_referred_to_by_its_id(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    answer_with(rig, monkeypatch, answer)
    assert (await rig.platform.send("u1001", CARD)).ref == "visit-1"


async def test_a_photo_of_unknown_kind_keeps_the_type_it_claims(rig: Rig) -> None:
    for name, body in (("odd", b"no magic number"), ("empty", b"")):
        rig.world.media[name] = (body, "image/x-odd", "")
        assert (await rig.platform.fetch_media(name)).media_type == "image/x-odd"


async def test_a_reply_that_fails_for_another_reason_is_not_sent_twice(rig: Rig) -> None:
    await rig.platform.send("u1002", HELLO)
    address = f"{rig.base}/robot/sendBySession?session=any"
    event = InboundEvent(
        "dingtalk",
        "msg-1",
        InboundKind.TEXT,
        "u1001",
        START,
        reply_token=address,
        reply_until=START.replace(hour=2),
    )
    rig.faults.script = [Fault.BUSY]
    with pytest.raises(PlatformError) as caught:
        await rig.platform.reply(event, HELLO)
    assert caught.value.cls is ErrorClass.RETRY
    assert rig.chat() == []
