"""A try ends in doubt, and the truth changes before it is repeated: the person has one card, and the account of it is
what the simulated service shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.db import Database
from bot.inspection.notices.message import Ask, Content
from bot.inspection.notices.models import NoticeState
from bot.inspection.notices.service import touch_cards
from bot.platforms.base import CLOSED
from bot.simulator.faults import Fault
from bot.simulator.people import SimMessage
from tests.platforms.pairs import HASTE
from tests.stories.matrix import SERVICES, Cell, cell

_ASK = Ask("收到", "accept")
DOUBTS = (Fault.LOST, Fault.LATE_ANSWER)


@pytest.fixture(params=list(SERVICES))
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def told_anew(made: Cell, fault: Fault, then: Content) -> tuple[int, list[SimMessage]]:
    """Promise a card whose first try ends in doubt; its subject changes meanwhile. Its notice and the person's cards."""
    user = made.pair.people[1]
    made.rig.truth["card"] = lambda *_: Content({"state": "等您签名"}, asks=(_ASK,))
    made.promise(user, "card")
    (_, notice) = list(made.promised.values())[-1]
    made.pair.faults.script[:] = [fault]
    await made.rig.delivery.run_once()
    assert made.pair.faults.happened[fault] == 1
    made.rig.truth["card"] = lambda *_: then
    subject = made.rig.notice(notice).subject
    made.rig.db.write_now(touch_cards, subject, now=made.rig.clock.now())
    await made.to_rest()
    await made.rig.cards.refresh()
    await made.to_rest()
    return notice, [bubble for bubble in made.pair.chat(user) if bubble.card_id]


@pytest.mark.parametrize("fault", DOUBTS)
async def test_a_card_that_was_over_before_it_could_be_repeated_stands_there_once(
    fault: Fault, service: str, db: Database, tmp_path: Path
) -> None:
    """Found by the demo with faults: the officer had signed meanwhile, so words went out in place of the card."""
    async with cell(service, db, tmp_path, patience=HASTE) as made:
        notice, shown = await told_anew(
            made, fault, Content({"state": "已签名"}, closed="已签名 03-11 09:00")
        )
        row = made.rig.notice(notice)
        assert row.state == NoticeState.SENT
        assert [bubble.card_id for bubble in shown] == [row.card_id]
        assert all(attempt.ref for attempt in made.rig.attempts(notice) if attempt.outcome == "sent")
        if fault is Fault.LOST:
            assert "已签名 03-11 09:00" in str(shown[0])


@pytest.mark.parametrize("fault", DOUBTS)
async def test_a_card_that_still_asks_is_followed_by_the_truth(
    fault: Fault, service: str, db: Database, tmp_path: Path
) -> None:
    """Where the first try arrived, WeCom refuses the other words under the same task_id: it is told, not refused."""
    async with cell(service, db, tmp_path, patience=HASTE) as made:
        notice, shown = await told_anew(made, fault, Content({"state": "改到周五"}, asks=(_ASK,)))
        row = made.rig.notice(notice)
        assert row.state == NoticeState.SENT
        assert shown[0].card_id == row.card_id
        assert "改到周五" in str(shown[-1].content)
        follows = (
            service == "wecom" and fault is Fault.LATE_ANSWER
        )  # without a token a card cannot be changed
        assert len(shown) == 1 + follows


async def test_the_button_of_a_card_that_is_over_asks_for_nothing(db: Database, tmp_path: Path) -> None:
    async with cell("wecom", db, tmp_path, patience=HASTE) as made:
        made.rig.truth["card"] = lambda *_: Content({"state": "已签名"}, closed="已签名")
        user = made.pair.people[1]
        made.promise(user, "card")
        made.pair.faults.script[:] = [None, Fault.SERVER_ERROR]  # the button stays on
        await made.to_rest()
        await made.pair.listen()
        card = made.pair.chat(user)[-1]
        assert not card.closed
        before = len(made.pair.inbox())
        await made.pair.server.press(user, card.id, CLOSED)
        (event,) = (await made.pair.heard(before + 1))[before:]
        await made.rig.dispatcher.take(event)
        await made.rig.dispatcher.settle()
        await made.to_rest()
        assert [bubble.closed for bubble in made.pair.chat(user)] == ["已签名"]
