"""Cards on people's screens are refreshed to the truth, whatever happened in between."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from sqlmodel import Session, select

from bot.inspection.audit.service import verify
from bot.inspection.notices.message import Ask, Content, Skip
from bot.inspection.notices.models import Card, Notice, NoticeState
from bot.inspection.notices.service import touch_cards
from bot.messaging import outcomes
from bot.messaging.cards import LEASE, Cards, touch_one_card
from bot.platforms.base import ErrorClass, PlatformError
from tests.fakes.platform import Killed
from tests.messaging.rig import Rig


def error(cls: ErrorClass, *, after: float = 0.0) -> PlatformError:
    return PlatformError("60140", cls=cls, retry_after=after)


def say(rig: Rig, state: str, *, closed: str = "") -> None:
    rig.truth["card"] = lambda *_: Content({"state": state}, asks=(Ask("收到", "accept"),), closed=closed)


async def sent_card(rig: Rig, *, subject: str = "visit:7", user: str = "u1") -> int:
    notice = rig.promise(rig.person(f"wecom:{user}"), "card", subject=subject)
    await rig.until_quiet()
    assert rig.notice(notice).state == NoticeState.SENT
    return notice


def touch(rig: Rig, subject: str = "visit:7") -> None:
    rig.db.write_now(touch_cards, subject, now=rig.clock.now())


async def test_a_card_that_is_no_longer_true_is_replaced_once(rig: Rig) -> None:
    notice = await sent_card(rig)
    say(rig, "已接收")
    assert await rig.cards.refresh() == 0
    touch(rig)
    assert await rig.cards.refresh() == 1
    assert await rig.cards.refresh() == 0
    [(ref, message)] = rig.wecom.updated
    card = rig.card(notice)
    assert (ref.user_id, ref.card_id, ref.card_token) == ("u1", card.card_id, "token-1")
    assert (message.body, message.card_id, message.done) == ("状态：已接收", card.card_id, "")
    assert (card.stale, card.tries, card.token) == (False, 0, "")
    assert rig.db.read_now(verify).broken_at is None


async def test_a_card_nobody_needs_is_closed_with_the_reason(rig: Rig) -> None:
    await sent_card(rig)
    rig.truth["card"] = lambda *_: Skip("已改派，您不再负责这次检查")
    touch(rig)
    await rig.cards.refresh()
    [(_, message)] = rig.wecom.updated
    assert (message.done, message.buttons) == ("已改派，您不再负责这次检查", ())


async def test_what_closed_for_a_while_opens_again(rig: Rig) -> None:
    """Bug: a card that said 已申请回避，待决定 kept saying it after the request was denied."""
    rig.wecom.token_per_update = True
    await sent_card(rig)
    for state, closed in (("待决定", "已申请回避，待决定"), ("已接收", "")):
        say(rig, state, closed=closed)
        touch(rig)
        await rig.cards.refresh()
    assert [m.done for _, m in rig.wecom.updated] == ["已申请回避，待决定", ""]
    assert [b.text for b in rig.wecom.updated[-1][1].buttons] == ["收到"]


async def test_a_press_brings_a_token_and_only_the_pressed_card_is_refreshed(rig: Rig) -> None:
    first, second = await sent_card(rig), await sent_card(rig, subject="visit:8", user="u2")
    pressed = rig.card(first).card_id

    def press(session: Session) -> None:
        outcomes.push_token(session, pressed, "fresh")
        touch_one_card(session, pressed, now=rig.clock.now())

    say(rig, "已接收")
    rig.db.write_now(press)
    touch(rig, "visit:8")
    assert await rig.cards.refresh(card_id=pressed) == 1
    assert [(r.card_id, r.card_token) for r, _ in rig.wecom.updated] == [(pressed, "fresh")]
    assert rig.card(first).token == "token-1"  # the older one is kept for later
    assert rig.card(second).stale


async def test_a_spent_token_gives_way_to_the_next_and_then_a_new_card_follows_once(rig: Rig) -> None:
    notice = await sent_card(rig)
    card_id = rig.card(notice).card_id
    rig.db.write_now(outcomes.push_token, card_id, "spent")
    say(rig, "已接收")
    touch(rig)
    rig.wecom.then(error(ErrorClass.CARD))
    await rig.cards.refresh()
    assert rig.card(notice).token == "token-1"
    rig.wecom.then(error(ErrorClass.CARD))
    await rig.cards.refresh()
    card = rig.db.read_now(lambda s: s.get_one(Card, card_id))
    assert (card.stale, card.closed, card.token) == (False, True, "")
    await rig.until_quiet()
    new = rig.wecom.shown[-1][1]
    assert (new.body, new.card_id != card_id, len(rig.wecom.shown)) == ("状态：已接收", True, 2)
    touch(rig)
    assert await rig.cards.refresh() == 0  # nothing is tried without hope

    def press(session: Session) -> None:
        outcomes.push_token(session, card_id, "new")
        touch_one_card(session, card_id, now=rig.clock.now())

    rig.db.write_now(press)
    assert await rig.cards.refresh(card_id=card_id) == 1
    assert rig.wecom.updated[-1][0].card_token == "new"


async def test_a_busy_service_is_tried_again_and_the_token_is_kept(rig: Rig) -> None:
    notice = await sent_card(rig)
    say(rig, "已接收")
    touch(rig)
    rig.wecom.then(error(ErrorClass.RETRY, after=30), error(ErrorClass.UNKNOWN, after=30))
    for _ in range(2):
        assert await rig.cards.refresh() == 1
        assert await rig.cards.refresh() == 0
        rig.clock.advance(seconds=30)
    assert await rig.cards.refresh() == 1
    assert [r.card_token for r, _ in rig.wecom.updated] == ["token-1"]
    assert not rig.card(notice).stale


async def test_no_update_is_spent_on_a_card_that_looks_the_same(rig: Rig) -> None:
    notice = await sent_card(rig)
    touch(rig)
    await rig.cards.refresh()
    card = rig.card(notice)
    assert (rig.wecom.calls, card.stale, card.token) == (1, False, "token-1")


async def test_a_card_whose_update_was_lost_is_updated_even_when_the_truth_is_as_it_was(rig: Rig) -> None:
    """The lost update may have arrived: the screen may show what is no longer true."""
    await sent_card(rig)
    before = rig.truth["card"]
    say(rig, "已接收")
    touch(rig)
    rig.wecom.then(error(ErrorClass.UNKNOWN, after=30))
    await rig.cards.refresh()
    rig.truth["card"] = before
    rig.clock.advance(seconds=30)
    await rig.cards.refresh()
    assert [m.body for _, m in rig.wecom.updated] == ["状态：待接收"]


async def test_a_card_that_never_succeeds_is_given_up(rig: Rig) -> None:
    await sent_card(rig)
    say(rig, "已接收")
    touch(rig)
    rig.wecom.then(*[error(ErrorClass.RETRY)] * 20)
    for _ in range(20):
        await rig.cards.refresh()
        rig.clock.advance(minutes=10)
    assert rig.wecom.calls == 1 + 6


async def test_a_process_killed_while_refreshing_leaves_the_card_to_the_next(rig: Rig) -> None:
    """Bug: the card was marked as refreshed before anything was sent, so it stayed untrue for ever."""
    await sent_card(rig)
    say(rig, "已接收")
    touch(rig)
    rig.wecom.then(Killed())
    with pytest.raises(Killed):
        await rig.cards.refresh()
    assert await rig.cards.refresh() == 0
    rig.clock.advance(seconds=LEASE.total_seconds())
    assert await rig.cards.refresh() == 1
    assert [(r.card_token, m.body) for r, m in rig.wecom.updated] == [("token-1", "状态：已接收")]


async def being_updated(rig: Rig, calls: int) -> asyncio.Task[int]:
    """A refresh that is on its way and waits for the service."""
    rig.wecom.gate = asyncio.Event()
    running = asyncio.create_task(rig.cards.refresh())
    for _ in range(2000):
        if rig.wecom.calls == calls:
            break
        await asyncio.sleep(0.001)
    return running


def another_process(rig: Rig) -> Cards:
    return Cards(rig.db, rig.clock, platforms=rig.platforms, kinds=rig.kinds, renderer=rig.renderer)


async def test_a_change_during_a_refresh_is_shown_right_after_it_and_by_no_other_process_before(
    rig: Rig,
) -> None:
    """Of two updates of one card on their way at once the older could arrive last."""
    rig.wecom.token_per_update = True
    await sent_card(rig)
    say(rig, "已接收")
    touch(rig)
    running = await being_updated(rig, 2)
    say(rig, "检查中")
    rig.clock.advance(seconds=1)
    await asyncio.to_thread(touch, rig)
    other = another_process(rig)
    [card_id] = rig.db.read_now(lambda s: s.exec(select(Card.card_id)).all())
    assert await other.refresh() == await other.refresh(card_id=card_id) == 0
    assert rig.wecom.gate is not None
    rig.wecom.gate.set()
    await running
    assert [m.body for _, m in rig.wecom.updated] == ["状态：已接收", "状态：检查中"]
    assert await rig.cards.refresh() == await other.refresh() == 0


async def test_a_frozen_process_holds_a_card_no_longer_than_its_lease_and_is_overruled_when_it_wakes(
    rig: Rig,
) -> None:
    rig.wecom.token_per_update = True
    await sent_card(rig)
    say(rig, "已接收")
    touch(rig)
    frozen = await being_updated(rig, 2)
    gate, rig.wecom.gate = rig.wecom.gate, None
    say(rig, "检查中")
    rig.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await another_process(rig).refresh() == 1
    assert gate is not None
    gate.set()
    await frozen  # its late update put the old state back; what it finds when it settles makes that good
    assert [m.body for _, m in rig.wecom.updated] == ["状态：检查中", "状态：已接收", "状态：检查中"]
    assert await rig.cards.refresh() == 0


async def test_a_card_that_is_not_out_yet_is_not_refreshed_but_sent_true(rig: Rig) -> None:
    notice = rig.promise(rig.person("wecom:u1"), "card", subject="visit:7")
    rig.wecom.then(error(ErrorClass.RETRY))
    await rig.until_quiet()
    say(rig, "已接收")
    touch(rig)
    assert await rig.cards.refresh() == 0
    rig.clock.advance(minutes=10)
    await rig.until_quiet()
    assert rig.wecom.bodies() == ["状态：已接收"]
    assert rig.notice(notice).state == NoticeState.SENT


async def test_one_card_that_cannot_be_said_does_not_stop_the_others(rig: Rig) -> None:
    """Bug: it rolled the whole batch back at every tick."""
    bad = await sent_card(rig, subject="visit:7")
    good = await sent_card(rig, subject="visit:8", user="u2")

    def truth(_session: Session, notice: Notice, _now: dt.datetime) -> Content:
        if notice.id == bad:
            raise LookupError("bug")
        return Content({"state": "已接收"})

    rig.truth["card"] = truth
    touch(rig, "visit:7")
    touch(rig, "visit:8")
    await rig.cards.refresh()
    assert [r.card_id for r, _ in rig.wecom.updated] == [rig.card(good).card_id]
    assert await rig.cards.refresh() == 0


async def test_every_press_and_change_leaves_one_card_row(rig: Rig) -> None:
    await sent_card(rig)
    for _ in range(3):
        touch(rig)
        await rig.cards.refresh()
    assert len(rig.db.read_now(lambda s: s.exec(select(Card)).all())) == 1
