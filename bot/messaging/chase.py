"""Nobody read and nobody answered in time: the person's next account is tried, and in the end the lead is told.

Reading is asked of the platform just before, where it tells; an answer is what the message's own slice says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import Session, col, select

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.log import log
from bot.core.writers import WAKE
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.message import Kind, Skip, Told
from bot.inspection.notices.models import Attempt, Notice, NoticeState
from bot.inspection.profile import Profile
from bot.messaging.hours import is_quiet
from bot.messaging.saying import content_of
from bot.messaging.unreached import NO_ANSWER
from bot.platforms.base import Platform, PlatformError, Receipt

_LOOKED_AT = 200  # notices in one tick
_GIVE_UP = dt.timedelta(days=3)  # older ones are the reminders' business
_SEEN = {Receipt.READ: "read_at", Receipt.UNREAD: "delivered_at"}


@dataclass(frozen=True, slots=True)
class _Sent:
    notice_id: int
    platform: str
    target: str
    ref: str
    answered: bool


class Chase:
    """One per process; two at once change nothing, since each move is conditional on what it saw."""

    def __init__(
        self, db: Database, clock: Clock, *, platforms: Mapping[str, Platform], kinds: Mapping[str, Kind],
        profile: Profile, calendar: WorkCalendar,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.platforms, self.kinds = db, clock, platforms, kinds
        self.profile, self.calendar = profile, calendar

    async def look(self) -> int:
        """Returns how many notices move on."""
        now = self.clock.now()
        if is_quiet(self.profile, self.calendar, now=now):
            return 0
        silent = await self.db.read(self._silent, now=now)
        told = await self._ask([one for one in silent if not one.answered])
        return await self.db.write(self._move, silent, told, now=now) if silent else 0

    def _silent(self, session: Session, *, now: dt.datetime) -> list[_Sent]:
        found: list[_Sent] = []
        for hours, kinds in self._by_patience().items():
            query = (
                select(Notice, Attempt)
                .join(Attempt, col(Attempt.notice_id) == col(Notice.id))
                .where(
                    col(Notice.kind).in_(kinds), Notice.state == NoticeState.SENT, col(Notice.read_at).is_(None),
                    col(Notice.clicked_at).is_(None), col(Notice.done_at) <= now - dt.timedelta(hours=hours),
                    col(Notice.done_at) > now - _GIVE_UP, Notice.detail != NO_ANSWER,
                    Attempt.n == Notice.attempts,
                )
                .order_by(col(Notice.done_at))
                .limit(_LOOKED_AT)
            )  # fmt: skip
            found += [self._of(session, notice, attempt, now) for notice, attempt in session.exec(query)]
        return found

    def _by_patience(self) -> dict[int, list[str]]:
        """Kinds of message by the hours in which somebody should have read or answered."""
        found: dict[int, list[str]] = {}
        for kind, hours in self.profile.messages.answer_hours.items():
            if kind in self.kinds:
                found.setdefault(hours, []).append(kind)
        return found

    def _of(self, session: Session, notice: Told, attempt: Attempt, now: dt.datetime) -> _Sent:
        content = content_of(self.kinds, session, notice, now)
        answered = isinstance(content, Skip) or bool(content.closed) or not content.asks
        return _Sent(notice.id or 0, attempt.platform, attempt.target, attempt.ref, answered)

    async def _ask(self, sent: Sequence[_Sent]) -> dict[int, Receipt]:
        """What the platforms tell of these, each message asked for once."""
        told: dict[int, Receipt] = {}
        asked: dict[tuple[str, str], Mapping[str, Receipt]] = {}
        for one in sent:
            platform = self.platforms.get(one.platform)
            if platform is None or not one.ref or not platform.capabilities.read_receipts:
                continue
            if (one.platform, one.ref) not in asked:
                try:
                    asked[one.platform, one.ref] = await platform.receipts(one.ref)
                except PlatformError as error:
                    log.warning("receipts_failed", platform=one.platform, code=error.code)
                    asked[one.platform, one.ref] = {}
            if one.target in asked[one.platform, one.ref]:
                told[one.notice_id] = asked[one.platform, one.ref][one.target]
        return told

    def _move(
        self, session: Session, silent: Sequence[_Sent], told: Mapping[int, Receipt], *, now: dt.datetime
    ) -> int:
        for receipt, column in _SEEN.items():
            ids = [notice for notice, seen in told.items() if seen is receipt]
            if ids:
                session.execute(update(Notice).where(col(Notice.id).in_(ids)).values({column: now}))
        answered = [one.notice_id for one in silent if one.answered]
        if answered:
            session.execute(update(Notice).where(col(Notice.id).in_(answered)).values(clicked_at=now))
        unseen = [s.notice_id for s in silent if not s.answered and told.get(s.notice_id) is not Receipt.READ]
        moved = session.execute(
            update(Notice)
            .where(
                col(Notice.id).in_(unseen), col(Notice.state) == NoticeState.SENT, col(Notice.read_at).is_(None),
                col(Notice.clicked_at).is_(None), col(Notice.expires_at).is_(None) | (col(Notice.expires_at) > now),
            )
            .values(state=NoticeState.QUEUED, moved=Notice.moved + 1, not_before=now, detail="未读未答")
        ).rowcount  # type: ignore[attr-defined]  # fmt: skip
        if moved:
            record(session, "notices.moved_on", f"notice:{unseen[0]}", now=now, notices=moved)
            session.info[WAKE] = True
        return int(moved)
