"""The rows of delivery: claim with a lease, note each attempt before it leaves, store every outcome."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, update
from sqlmodel import Session, col

from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.notices.models import Attempt, Card, Notice, NoticeState, Priority
from bot.messaging.people import bury

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
    attempted: bool = True  # False: decided before anything could leave


def _due(now: dt.datetime, *, quiet: bool) -> object:
    ready = and_(Notice.state == NoticeState.QUEUED, Notice.not_before <= now)  # type: ignore[arg-type]
    abandoned = and_(Notice.state == NoticeState.SENDING, col(Notice.lease_until) <= now)  # type: ignore[arg-type]
    due = or_(ready, abandoned)
    if quiet:
        due = and_(due, or_(col(Notice.statutory).is_(True), Notice.priority == Priority.URGENT))  # type: ignore[arg-type]
    return due


def count_due(session: Session, *, now: dt.datetime, quiet: bool) -> int:
    """Notices that could go out now, and cards that could be refreshed."""
    notices = session.execute(select(func.count()).select_from(Notice).where(_due(now, quiet=quiet))).scalar_one()  # type: ignore[arg-type]
    sending = session.execute(
        select(func.count()).select_from(Notice).where(Notice.state == NoticeState.SENDING)  # type: ignore[arg-type]
    ).scalar_one()
    cards = session.execute(
        select(func.count()).select_from(Card).where(col(Card.stale).is_(True), col(Card.not_before) <= now)
    ).scalar_one()
    return int(notices) + int(sending) + int(cards)


def claim(session: Session, *, worker: str, now: dt.datetime, quiet: bool, limit: int = 200) -> list[Notice]:
    """Lease up to *limit* due notices to *worker*, urgent first; expired ones end here."""
    session.execute(
        update(Notice)
        .where(
            Notice.state == NoticeState.QUEUED, Notice.not_before <= now, col(Notice.expires_at) <= now,  # type: ignore[arg-type]
        )
        .values(state=NoticeState.EXPIRED, done_at=now, detail="已过时效，不再发送")
    )  # fmt: skip
    ids = (
        select(Notice.id)  # type: ignore[call-overload]
        .where(_due(now, quiet=quiet))
        .order_by(Notice.priority, Notice.not_before, Notice.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = session.execute(
        update(Notice)
        .where(col(Notice.id).in_(ids.scalar_subquery()))
        .values(state=NoticeState.SENDING, lease_by=worker, lease_until=now + LEASE)
        .returning(Notice)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).scalars()
    return sorted(claimed, key=lambda n: (n.priority, n.not_before, n.id or 0))


def unknown_before(session: Session, notice_ids: Sequence[int]) -> dict[int, int]:
    """How many earlier tries of each notice may have arrived without our knowing."""
    session.execute(
        update(Attempt)
        .where(col(Attempt.notice_id).in_(notice_ids), Attempt.outcome == "sending")  # type: ignore[arg-type]
        .values(outcome="unknown", detail="进程中断")
    )
    rows = session.execute(
        select(Attempt.notice_id, func.count())  # type: ignore[call-overload]
        .where(col(Attempt.notice_id).in_(notice_ids), Attempt.outcome == "unknown")
        .group_by(Attempt.notice_id)
    )
    return {notice: int(n) for notice, n in rows}


def begin(
    session: Session, notice: Notice, *, platform: str, user_id: str, card: bool, repeated: bool, now: dt.datetime
) -> str:
    """Note the attempt and, for a card, its row, before anything leaves. Returns the card id (empty: no card)."""
    if card and (not notice.card_id or notice.platform != platform):
        notice.card_id = new_id(now.timestamp())
    notice.attempts += 1
    notice.platform = platform
    session.add(notice)
    session.add(
        Attempt(notice_id=notice.id or 0, n=notice.attempts, platform=platform, at=now, repeated=repeated)
    )
    if card and session.get(Card, notice.card_id) is None:
        session.add(
            Card(card_id=notice.card_id, notice_id=notice.id or 0, person_id=notice.recipient_id, platform=platform,
                 user_id=user_id, kind=notice.kind, subject=notice.subject, sent_at=now)
        )  # fmt: skip
    return notice.card_id if card else ""


def settle(session: Session, outcomes: Sequence[Outcome], *, now: dt.datetime) -> None:
    """Store how each try ended, with one audit entry for the batch."""
    for outcome in outcomes:
        notice = session.get_one(Notice, outcome.notice_id)
        if outcome.attempted:
            session.execute(
                update(Attempt)
                .where(Attempt.notice_id == notice.id, Attempt.n == notice.attempts)  # type: ignore[arg-type]
                .values(outcome=outcome.result, code=outcome.code, detail=outcome.detail, ref=outcome.ref)
            )
        notice.lease_until, notice.lease_by = None, ""
        notice.detail = outcome.detail
        if outcome.state is None:
            notice.state, notice.not_before = NoticeState.QUEUED, outcome.retry_at or now
        else:
            notice.state, notice.done_at = outcome.state, now
        session.add(notice)
        if outcome.card_token and notice.card_id:
            push_token(session, notice.card_id, outcome.card_token)
        if outcome.bury:
            bury(session, platform=outcome.bury[0], user_id=outcome.bury[1], reason=outcome.detail, now=now)
    counts = Counter(o.state or "retry" for o in outcomes)
    record(session, "notices.settled", f"notice:{outcomes[0].notice_id}", now=now,
           notices=[o.notice_id for o in outcomes], **{str(k): n for k, n in counts.items()})  # fmt: skip


def push_token(session: Session, card_id: str, token: str) -> None:
    """Keep an update token; each is good for one update, the newest is used first."""
    card = session.get(Card, card_id)
    if card is not None and token not in card.token.split():
        card.token = f"{card.token} {token}".strip()
        session.add(card)


def pop_token(card: Card) -> str:
    """Use up the newest token."""
    *rest, token = card.token.split() or [""]
    card.token = " ".join(rest)
    return token
