"""The rows of delivery: claim with a lease, note each attempt before it leaves, store every outcome."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal_column, or_, select, text, update
from sqlmodel import Session, col

from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.notices.models import Attempt, Card, Notice, NoticeState, Priority
from bot.messaging.people import bury

BATCH = 64  # notices claimed together: as many as a kill can leave with an unknown outcome
LEASE = dt.timedelta(seconds=90)  # longer than the slowest request with its one token refresh


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended. ``state`` None means queued again at ``retry_at``."""

    notice_id: int
    result: str  # attempt outcome: sent | retry | failed | unknown | skipped
    state: NoticeState | None
    retry_at: dt.datetime | None = None
    code: str = ""
    detail: str = ""
    ref: str = ""
    card_token: str = ""
    bury: tuple[str, str] | None = None
    attempt: int = 0  # which try; 0: decided before anything could leave


@dataclass(frozen=True, slots=True)
class Earlier:
    """What went before: tries that may have arrived without our knowing, and when the first one was."""

    unknown: int = 0
    first_at: dt.datetime | None = None


# literal states: a bound parameter would keep SQLite from using the partial indexes
_QUEUED = col(Notice.state) == literal_column("'queued'")
_SENDING = col(Notice.state) == literal_column("'sending'")
_STALE = text("card.stale")


def _due(now: dt.datetime, *, quiet: bool) -> ColumnElement[bool]:
    ready = and_(_QUEUED, col(Notice.not_before) <= now)
    abandoned = and_(_SENDING, col(Notice.lease_until) <= now)
    if quiet:
        loud = or_(col(Notice.statutory).is_(True), col(Notice.priority) == Priority.URGENT)
        ready, abandoned = and_(ready, loud), and_(abandoned, loud)
    return or_(ready, abandoned)


def count_due(session: Session, *, now: dt.datetime, quiet: bool) -> int:
    """Notices that could go out now or are on their way, and cards that could be refreshed."""
    notices = select(func.count()).select_from(Notice).where(_due(now, quiet=quiet))
    sending = select(func.count()).select_from(Notice).where(_SENDING, col(Notice.lease_until) > now)
    cards = select(func.count()).select_from(refreshable(now).subquery())
    return sum(int(session.execute(query).scalar_one()) for query in (notices, sending, cards))


def refreshable(now: dt.datetime, *, card_id: str = "") -> Select[Any]:
    """Ids of cards that are on a screen and no longer true; or just this one, which somebody pressed."""
    stale = select(col(Card.card_id)).where(_STALE, col(Card.not_before) <= now)
    if card_id:
        return stale.where(col(Card.card_id) == card_id)
    return stale.join(Notice, col(Notice.id) == Card.notice_id).where(col(Notice.state) == NoticeState.SENT)


def claim(
    session: Session, *, worker: str, now: dt.datetime, quiet: bool, limit: int = BATCH
) -> list[Notice]:
    """Lease up to *limit* due notices to *worker*, urgent first; expired ones end here."""
    _expire(session, now=now)
    ids = (
        select(col(Notice.id))
        .where(_due(now, quiet=quiet))
        .order_by(col(Notice.priority), col(Notice.not_before), col(Notice.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = session.execute(ids).scalars().all()
    if not found:
        return []
    claimed = session.execute(
        update(Notice)
        .where(col(Notice.id).in_(found))
        .values(state=NoticeState.SENDING, lease_by=worker, lease_until=now + LEASE)
        .returning(Notice)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).scalars()
    return sorted(claimed, key=lambda n: (n.priority, n.not_before, n.id or 0))


def _expire(session: Session, *, now: dt.datetime) -> None:
    late = col(Notice.expires_at) <= now
    ended = {"state": NoticeState.EXPIRED, "done_at": now, "lease_until": None, "lease_by": ""}
    session.execute(
        update(Notice)
        .where(_QUEUED, col(Notice.not_before) <= now, late)
        .values(detail="已过时效，不再发送", **ended)
    )
    broken_off = session.execute(
        update(Notice)
        .where(_SENDING, col(Notice.lease_until) <= now, late)
        .values(detail="发送中断，结果不明；已过时效，不再发送", **ended)
        .returning(col(Notice.id))
    ).scalars()
    _note_interruption(session, broken_off.all())


def _note_interruption(session: Session, notice_ids: Sequence[int]) -> None:
    if notice_ids:
        session.execute(
            update(Attempt)
            .where(col(Attempt.notice_id).in_(notice_ids), col(Attempt.outcome) == "sending")
            .values(outcome="unknown", detail="进程中断")
        )


def earlier_tries(session: Session, notice_ids: Sequence[int]) -> dict[int, Earlier]:
    """What is known of each notice's tries before this one; one that nobody finished is of unknown outcome."""
    _note_interruption(session, notice_ids)
    unknown = func.sum(case((col(Attempt.outcome) == "unknown", 1), else_=0))
    rows = session.execute(
        select(col(Attempt.notice_id), unknown, func.min(Attempt.at))
        .where(col(Attempt.notice_id).in_(notice_ids))
        .group_by(col(Attempt.notice_id))
    )
    return {notice: Earlier(int(n), first) for notice, n, first in rows}


def card_for(session: Session, notice: Notice, *, platform: str, user_id: str, now: dt.datetime) -> str:
    """The id of the notice's card: the same on every try, and a new one for another account."""
    known = session.get(Card, notice.card_id) if notice.card_id else None
    if known is not None and (known.platform, known.user_id) == (platform, user_id):
        return known.card_id
    return new_id(now.timestamp())


def begin(
    session: Session, notice: Notice, *, platform: str, user_id: str, card_id: str, shown: str, repeated: bool,
    now: dt.datetime,
) -> None:  # fmt: skip
    """Note the attempt and, with a *card_id*, the card's row with the digest of what it will show, before
    anything leaves."""
    notice.attempts += 1
    notice.platform = platform
    if card_id and card_id != notice.card_id:
        if notice.card_id:
            session.execute(
                update(Card).where(col(Card.card_id) == notice.card_id).values(closed=True, stale=False)
            )
        notice.card_id = card_id
        session.add(
            Card(card_id=card_id, notice_id=notice.id or 0, person_id=notice.recipient_id, platform=platform,
                 user_id=user_id, kind=notice.kind, subject=notice.subject, shown=shown, sent_at=now)
        )  # fmt: skip
    elif card_id:
        session.execute(update(Card).where(col(Card.card_id) == card_id).values(shown=shown))
    session.add(notice)
    session.add(
        Attempt(notice_id=notice.id or 0, n=notice.attempts, platform=platform, at=now, repeated=repeated)
    )


def settle(session: Session, outcomes: Sequence[Outcome], *, worker: str, now: dt.datetime) -> None:
    """Store how each try ended, with one audit entry for the batch."""
    for outcome in outcomes:
        if outcome.attempt:
            session.execute(
                update(Attempt)
                .where(col(Attempt.notice_id) == outcome.notice_id, col(Attempt.n) == outcome.attempt)
                .values(outcome=outcome.result, code=outcome.code, detail=outcome.detail, ref=outcome.ref)
            )
        notice = session.get_one(Notice, outcome.notice_id, with_for_update=True)
        if notice.state == NoticeState.SENDING and notice.lease_by == worker:
            _end(notice, outcome, now=now)
        elif outcome.result == "sent" and notice.state == NoticeState.QUEUED:
            _end(notice, outcome, now=now)  # our lease had run out, and whoever took over did not get through
        session.add(notice)
        if outcome.card_token and notice.card_id:
            push_token(session, notice.card_id, outcome.card_token)
        if outcome.bury:
            bury(session, platform=outcome.bury[0], user_id=outcome.bury[1], reason=outcome.detail, now=now)
    counts = Counter(o.state or "retry" for o in outcomes)
    record(session, "notices.settled", f"notice:{outcomes[0].notice_id}", now=now,
           notices=[o.notice_id for o in outcomes], **{str(k): n for k, n in counts.items()})  # fmt: skip


def _end(notice: Notice, outcome: Outcome, *, now: dt.datetime) -> None:
    notice.lease_until, notice.lease_by, notice.detail = None, "", outcome.detail
    if outcome.state is None:
        notice.state, notice.not_before = NoticeState.QUEUED, outcome.retry_at or now
    else:
        notice.state, notice.done_at = outcome.state, now


def push_token(session: Session, card_id: str, token: str) -> None:
    """Keep an update token; each is good for one update, the newest is used first."""
    card = session.get(Card, card_id)
    if card is not None and token not in card.token.split():
        card.token = f"{card.token} {token}".strip()
        session.add(card)


def newest_token(card: Card) -> str:
    """The token to try next; empty when none is left."""
    return (card.token.split() or [""])[-1]


def drop_token(card: Card, token: str) -> None:
    """A token that was used up."""
    card.token = " ".join(left for left in card.token.split() if left != token)
