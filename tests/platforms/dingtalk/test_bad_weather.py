"""Many people, and every fifth call going wrong: nothing shown twice, nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.platforms.base import Button, CardRef, ErrorClass, InboundKind, OutboundMessage, PlatformError, Sent
from bot.simulator.people import SimPerson
from tests.platforms.dingtalk.rig import Rig, dingtalk

PEOPLE = [f"u{number:04d}" for number in range(60)]
PASSING = {ErrorClass.RETRY, ErrorClass.UNKNOWN, ErrorClass.TOKEN}


def task(user_id: str) -> OutboundMessage:
    accept = Button("接受", action=f"accept:{user_id}")
    return OutboundMessage("检查任务", "幸福超市", buttons=(accept,), card_id=f"visit-{user_id}")


async def insist(act: Callable[[], Awaitable[Sent]]) -> None:
    """Do as messaging does: repeat what may pass, with the same card id."""
    for _ in range(20):
        try:
            await act()
        except PlatformError as error:
            if error.cls not in PASSING:
                raise
        else:
            return
    raise AssertionError("twenty attempts failed")


async def serve(rig: Rig, user_id: str) -> None:
    await insist(lambda: rig.platform.send(user_id, task(user_id)))
    (bubble,) = rig.chat(user_id)
    await rig.server.press(user_id, bubble.id, f"accept:{user_id}")
    closed = replace(task(user_id), done="已接受")
    await insist(lambda: rig.platform.update(CardRef(user_id, bubble.card_id), closed))


async def test_in_bad_weather_every_card_is_shown_once_and_every_press_arrives() -> None:
    async with dingtalk(settings={"timeout": 0.3}, tries=10) as rig:
        for user_id in PEOPLE:
            rig.world.add_person(SimPerson("dingtalk", user_id, user_id))
        await rig.connect()
        rig.faults.percent, rig.faults.hold = 20.0, 0.4
        await asyncio.gather(*(serve(rig, user_id) for user_id in PEOPLE), rig.server.disconnect_all())
        presses = Counter(event.action for event in rig.inbox.events if event.kind is InboundKind.BUTTON)
        assert set(presses) == {f"accept:{user_id}" for user_id in PEOPLE}
        assert len({event.event_id for event in rig.inbox.events}) == len(PEOPLE)  # repeats keep their id
        assert all(rig.server.view(bubble).closed == "已接受" for one in PEOPLE for bubble in rig.chat(one))
        assert rig.faults.happened.total() > len(PEOPLE) / 3
