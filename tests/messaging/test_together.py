"""Two officers press at the same moment: one effect each, and both end up seeing the same truth."""

from __future__ import annotations

import asyncio

from sqlmodel import Session, select

from bot.inspection.notices.message import Ask, Content
from bot.inspection.notices.models import Card, Talk
from bot.inspection.notices.service import touch_cards
from bot.messaging.router import Context, Reply
from bot.messaging.talks import open_talk
from bot.platforms.base import ErrorClass, InboundKind, PlatformError
from tests.messaging.rig import Rig


def _accepted(session: Session) -> list[str]:
    return sorted(session.exec(select(Talk.person_key)).all())


def arrange(rig: Rig) -> list[int]:
    """Two officers with a card each about the same visit; a press is kept once for each of them."""
    notices = [rig.promise(rig.person(f"wecom:{user}"), "card", subject="visit:7") for user in ("u1", "u2")]
    rig.wecom.token_per_update = True
    rig.truth["card"] = lambda s, _n, _t: Content(
        {"state": f"已接收 {len(_accepted(s))} 人"}, asks=(Ask("收到", "accept"),)
    )

    def press(session: Session, *, ctx: Context) -> None:
        open_talk(session, f"accepted:{ctx.person_id}", topic="accepted", now=ctx.clock.now())
        touch_cards(session, "visit:7", now=ctx.clock.now())

    async def accept(ctx: Context) -> Reply:
        await ctx.db.write(press, ctx=ctx)
        return Reply()

    rig.router.action("accept")(accept)
    return notices


async def test_both_presses_count_once_and_both_cards_show_both(rig: Rig) -> None:
    notices = arrange(rig)
    await rig.until_quiet()
    cards = [rig.card(n) for n in notices]
    events = [
        rig.event("", user=card.user_id, kind=InboundKind.BUTTON, action="accept|visit:7|1", card_id=card.card_id,
                  card_token=f"press-{card.user_id}")
        for card in cards
    ]  # fmt: skip
    await asyncio.gather(*(rig.dispatcher.take(e) for e in (*events, *events)))
    await rig.dispatcher.settle()
    while await rig.cards.refresh():
        pass
    assert len(rig.db.read_now(_accepted)) == 2
    last = {ref.user_id: message.body for ref, message in rig.wecom.updated}
    assert last == {"u1": "状态：已接收 2 人", "u2": "状态：已接收 2 人"}


async def test_a_card_that_missed_its_update_is_refreshed_later(rig: Rig) -> None:
    notices = arrange(rig)
    await rig.until_quiet()
    first, second = (rig.card(n) for n in notices)
    rig.wecom.then(None, *[PlatformError("busy", cls=ErrorClass.RETRY, retry_after=30)] * 2)
    event = rig.event(
        "",
        user="u1",
        kind=InboundKind.BUTTON,
        action="accept|visit:7|1",
        card_id=first.card_id,
        card_token="p1",
    )
    await rig.dispatcher.take(event)
    await rig.dispatcher.settle()
    await rig.cards.refresh()
    assert rig.db.read_now(lambda s: s.get_one(Card, second.card_id)).stale
    for _ in range(3):
        rig.clock.advance(seconds=30)
        await rig.cards.refresh()
    last = {ref.user_id: message.body for ref, message in rig.wecom.updated}
    assert last == {"u1": "状态：已接收 1 人", "u2": "状态：已接收 1 人"}
