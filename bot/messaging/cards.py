"""Keep the cards on people's screens true: what a change made stale is computed again and replaced."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.log import log
from bot.inspection.audit.service import record
from bot.inspection.notices.message import Kind, Skip
from bot.inspection.notices.models import Card, Notice, Priority
from bot.inspection.notices.service import enqueue
from bot.messaging.outbox import refreshable
from bot.messaging.outcomes import drop_token, newest_token, push_token
from bot.messaging.render import Renderer, digest
from bot.messaging.turns import Turns
from bot.platforms.base import CardRef, ErrorClass, OutboundMessage, Platform, PlatformError

LEASE = dt.timedelta(seconds=90)  # longer than the slowest update with its one repetition
_TRIES = 6
_PARALLEL = 32
_NOTICES = Notice.__table__  # type: ignore[attr-defined]
_CLICKED = (
    update(_NOTICES)
    .where(_NOTICES.c.card_id == bindparam("pressed"), _NOTICES.c.clicked_at.is_(None))
    .values(clicked_at=bindparam("now_"))
)  # built once: every press runs it


@dataclass(frozen=True, slots=True)
class Refresh:
    """One card to be replaced, which this process holds meanwhile."""

    card: Card
    until: dt.datetime  # of the lease; whoever touches the card meanwhile changes it
    token: str
    message: OutboundMessage


class Cards:
    """Refresh stale cards, one at a time for each card. What a killed process left is done when its lease ends."""

    def __init__(
        self, db: Database, clock: Clock, *, platforms: Mapping[str, Platform], kinds: Mapping[str, Kind],
        renderer: Renderer,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.platforms, self.kinds, self.renderer = db, clock, platforms, kinds, renderer
        self._turns = Turns()

    async def refresh(self, *, card_id: str = "", limit: int = 100) -> int:
        """Replace what is stale (or just this card). Returns how many were looked at."""
        work = await self.db.write(self.claim, card_id=card_id, now=self.clock.now(), limit=limit)
        await self.update(work)
        return len(work)

    async def update(self, work: Sequence[Refresh]) -> None:
        """Replace what ``claim`` gave."""
        gate = asyncio.Semaphore(_PARALLEL)
        await asyncio.gather(*(self._update(item, gate) for item in work))

    def claim(self, session: Session, *, card_id: str, now: dt.datetime, limit: int) -> list[Refresh]:
        """Take what is stale (or just this card) in the caller's transaction; ``update`` goes on with it."""
        ids = refreshable(now, card_id=card_id).limit(limit).with_for_update(skip_locked=True, of=Card)
        found = session.execute(ids).scalars().all()
        if not found:
            return []
        cards = session.execute(
            update(Card)
            .where(col(Card.card_id).in_(found))
            .values(not_before=now + LEASE, held_until=now + LEASE, tries=Card.tries + 1)
            .returning(Card)
            .execution_options(synchronize_session=False, populate_existing=True)
        ).scalars()
        work = [item for card in cards.all() if (item := self._item(session, card, now)) is not None]
        if work:
            record(session, "cards.refreshed", f"card:{work[0].card.notice_id}", now=now, cards=len(work))
        return work

    def _item(self, session: Session, card: Card, now: dt.datetime) -> Refresh | None:
        try:
            message = self._message(session, card, now)
        except DBAPIError:
            raise
        except Exception:  # noqa: BLE001 - one card that cannot be said must not stop the others
            log.exception("card_broke", card=card.card_id, kind=card.kind)
            card.stale, card.closed, card.held_until = False, True, None
            return None
        if digest(message) == card.shown:  # nothing changed for this person: no update is spent on it
            card.stale, card.tries, card.held_until = False, 0, None
            return None
        card.shown = ""  # nobody knows what it shows until the update is settled
        return Refresh(card, now + LEASE, newest_token(card), message)

    def _message(self, session: Session, card: Card, now: dt.datetime) -> OutboundMessage:
        notice = session.get_one(Notice, card.notice_id)
        content = self.kinds[card.kind].content(session, notice, now)
        if isinstance(content, Skip):
            return OutboundMessage(
                title="此卡片已失效", body=content.reason, card_id=card.card_id, done=content.reason,
                due_at=card.sent_at, duty=notice.subject,
            )  # fmt: skip
        return self.renderer.message(
            card.kind, content, subject=notice.subject, generation=notice.generation, person_id=card.person_id,
            capabilities=self.platforms[card.platform].capabilities, card_id=card.card_id,
        )  # fmt: skip

    async def _update(self, item: Refresh, gate: asyncio.Semaphore) -> None:
        ref = CardRef(item.card.user_id, item.card.card_id, item.token)
        try:
            async with self._turns.of(item.card.card_id), gate:
                sent = await self.platforms[item.card.platform].update(ref, item.message)
        except PlatformError as error:
            await self.db.write(self._settle, item, now=self.clock.now(), error=error)
        except Exception:  # noqa: BLE001 - logged, and the work goes on
            log.exception("card_update_broke", card=item.card.card_id)
        else:
            if await self.db.write(self._settle, item, now=self.clock.now(), token=sent.card_token):
                await self.refresh(card_id=item.card.card_id)  # whoever changed it meanwhile waited for this

    def _settle(
        self,
        session: Session,
        item: Refresh,
        *,
        now: dt.datetime,
        token: str = "",
        error: PlatformError | None = None,
    ) -> bool:
        """Keep what came of it; tell whether the card was changed again meanwhile."""
        card = session.get_one(Card, item.card.card_id, with_for_update=True)
        touched = card.not_before != item.until
        if card.held_until == item.until:  # else the lease ran out, and another has the card
            card.held_until = None
        if error is None or error.cls is ErrorClass.CARD:
            drop_token(card, item.token)
        if error is None:
            card.stale, card.tries, card.shown = touched, 0, digest(item.message)
            if touched:  # also for another that has the card now: what it settles is then looked at again
                card.not_before = now
        elif error.cls is ErrorClass.CARD and newest_token(card):
            card.stale, card.not_before = True, now
        elif error.cls is ErrorClass.CARD or card.tries >= _TRIES:
            card.stale, card.closed = False, True  # it stays as it is: pressing it still tells the truth
            _send_anew(session, item, now=now)
        elif not touched:
            card.not_before = now + dt.timedelta(seconds=error.retry_after or 5 * card.tries)
        session.add(card)
        if token:
            push_token(session, card.card_id, token)
        return touched


def touch_one_card(session: Session, card_id: str, *, now: dt.datetime, afresh: bool = False) -> None:
    """The pressed card shows the truth again, whatever the press did; *afresh*: also where we thought that it did."""
    card = session.get(Card, card_id)
    if card is not None:
        card.shown = "" if afresh else card.shown
        card.stale, card.not_before, card.closed = True, now, False
        session.add(card)


def note_click(session: Session, card_id: str, *, now: dt.datetime) -> None:
    """Whoever pressed a button has read what stands beside it."""
    session.connection().execute(_CLICKED, {"pressed": card_id, "now_": now})


def _send_anew(session: Session, item: Refresh, *, now: dt.datetime) -> None:
    """A card that can be changed no more but still asks for something is followed by a new one."""
    if item.message.done or not item.message.buttons:
        return
    old = session.get_one(Notice, item.card.notice_id)
    if old.expires_at is not None and old.expires_at <= now:
        return
    enqueue(
        session, old.kind, old.subject, recipient_id=old.recipient_id, now=now, generation=old.generation,
        slot=f"{old.slot[:45]}~{item.card.card_id[-12:]}", priority=Priority(old.priority), data=old.data,
        statutory=old.statutory, expires_at=old.expires_at,
    )  # fmt: skip
