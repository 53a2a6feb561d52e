"""Keep the cards on people's screens true: what a change made stale is computed again and replaced."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlmodel import Session, col

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.log import log
from bot.inspection.audit.service import record
from bot.inspection.notices.message import Kind, Skip
from bot.inspection.notices.models import Card, Notice, NoticeState
from bot.messaging.outbox import pop_token, push_token
from bot.messaging.render import Renderer
from bot.platforms.base import CardRef, ErrorClass, OutboundMessage, Platform, PlatformError

_TRIES = 6
_PARALLEL = 32


@dataclass(frozen=True, slots=True)
class _Refresh:
    card: Card
    token: str
    message: OutboundMessage


class Cards:
    """Refresh stale cards, one at a time for each card."""

    def __init__(
        self, db: Database, clock: Clock, *, platforms: Mapping[str, Platform], kinds: Mapping[str, Kind],
        renderer: Renderer,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.platforms, self.kinds, self.renderer = db, clock, platforms, kinds, renderer
        self._one_at_a_time: dict[str, asyncio.Lock] = {}

    async def refresh(self, *, card_id: str = "", limit: int = 100) -> int:
        """Replace what is stale (or just this card). Returns how many were looked at."""
        work = await self.db.write(self._claim, card_id=card_id, now=self.clock.now(), limit=limit)
        gate = asyncio.Semaphore(_PARALLEL)
        await asyncio.gather(*(self._update(item, gate) for item in work))
        return len(work)

    def _claim(self, session: Session, *, card_id: str, now: dt.datetime, limit: int) -> list[_Refresh]:
        ids = (
            select(Card.card_id)  # type: ignore[call-overload]
            .join(Notice, col(Notice.id) == Card.notice_id)
            .where(col(Card.stale).is_(True), col(Card.not_before) <= now, Notice.state == NoticeState.SENT)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if card_id:
            ids = ids.where(Card.card_id == card_id)
        cards = session.execute(
            update(Card)
            .where(col(Card.card_id).in_(ids.scalar_subquery()))
            .values(stale=False, tries=Card.tries + 1)
            .returning(Card)
            .execution_options(synchronize_session=False, populate_existing=True)
        ).scalars()
        work = [self._item(session, card, now) for card in cards]
        if work:
            record(session, "cards.refreshed", f"card:{work[0].card.notice_id}", now=now, cards=len(work))
        return work

    def _item(self, session: Session, card: Card, now: dt.datetime) -> _Refresh:
        notice = session.get_one(Notice, card.notice_id)
        content = self.kinds[card.kind].content(session, notice, now)
        if isinstance(content, Skip):
            message = OutboundMessage(title="此卡片已失效", body=content.reason, card_id=card.card_id, done=content.reason)
        else:
            message = self.renderer.message(
                card.kind, content, subject=notice.subject, generation=notice.generation, person_id=card.person_id,
                capabilities=self.platforms[card.platform].capabilities, card_id=card.card_id,
            )  # fmt: skip
        item = _Refresh(card, pop_token(card), message)
        session.add(card)
        return item

    async def _update(self, item: _Refresh, gate: asyncio.Semaphore) -> None:
        lock = self._one_at_a_time.setdefault(item.card.card_id, asyncio.Lock())
        try:
            async with gate, lock:
                ref = CardRef(item.card.user_id, item.card.card_id, item.token)
                sent = await self.platforms[item.card.platform].update(ref, item.message)
        except PlatformError as error:
            await self.db.write(self._settle, item, now=self.clock.now(), error=error)
        except Exception:
            log.exception("card_update_broke", card=item.card.card_id)
        else:
            await self.db.write(self._settle, item, now=self.clock.now(), token=sent.card_token)
        finally:
            if not lock.locked():
                self._one_at_a_time.pop(item.card.card_id, None)

    def _settle(
        self, session: Session, item: _Refresh, *, now: dt.datetime, token: str = "", error: PlatformError | None = None
    ) -> None:
        card = session.get_one(Card, item.card.card_id)
        if error is None:
            card.closed = bool(item.message.done)
            card.tries = 0
        elif error.cls is not ErrorClass.CARD and card.tries < _TRIES:
            if item.token:
                card.token = f"{card.token} {item.token}".strip()
            card.stale, card.not_before = True, now + dt.timedelta(seconds=error.retry_after or 5 * card.tries)
        # a card that can be changed no more stays as it is: pressing it still tells the truth
        session.add(card)
        if token:
            push_token(session, card.card_id, token)
