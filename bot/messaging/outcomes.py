"""The rows of delivery after something left: every outcome is stored, a batch in a handful of statements."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Boolean, Integer, String, and_, bindparam, case, literal, or_, update
from sqlmodel import Session, col

from bot.core.tables import Moment
from bot.inspection.audit.service import record
from bot.inspection.notices.models import Attempt, Card, Notice, NoticeState
from bot.messaging.people import bury


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
    card_id: str = ""
    card_token: str = ""
    still_shows: str | None = (
        None  # the digest of what a try before put on the card, where the truth moved on
    )
    bury: tuple[str, str] | None = None
    person_id: int | None = None
    platform: str = ""
    attempt: int = 0  # which try; 0: decided before anything could leave


_ID, _WORKER = bindparam("id_", type_=Integer()), bindparam("worker_", type_=String())
_DETAIL = bindparam("detail_", type_=String())
_STATE = bindparam("state_", type_=String())
_NOW, _RETRY = bindparam("now_", type_=Moment()), bindparam("retry_", type_=Moment())
_TOKEN, _CARD = bindparam("token_", type_=String()), bindparam("card_id_", type_=String())
_TRY = (
    update(Attempt.__table__)  # type: ignore[attr-defined]
    .where(col(Attempt.notice_id) == _ID, col(Attempt.n) == bindparam("n_"))
    .values(outcome=bindparam("outcome_"), code=bindparam("code_"), detail=_DETAIL, ref=bindparam("ref_"))
)
_MINE = and_(col(Notice.state) == NoticeState.SENDING, col(Notice.lease_by) == _WORKER)
# our lease had run out, and whoever took over did not get through
_AFTER_ALL = and_(col(Notice.state) == NoticeState.QUEUED, bindparam("sent_", type_=Boolean()))
_FREE = {"lease_until": None, "lease_by": "", "detail": _DETAIL}
_DONE = (
    update(Notice.__table__)  # type: ignore[attr-defined]
    .where(col(Notice.id) == _ID, or_(_MINE, _AFTER_ALL))
    .values(state=_STATE, done_at=_NOW, **_FREE)
)
_LATE = col(Notice.expires_at) <= _RETRY
_AGAIN = (
    update(Notice.__table__)  # type: ignore[attr-defined]
    .where(col(Notice.id) == _ID, _MINE)
    .values(
        state=case((_LATE, literal(NoticeState.EXPIRED.value)), else_=_STATE),
        not_before=case((_LATE, col(Notice.not_before)), else_=_RETRY),
        done_at=case((_LATE, _NOW), else_=None),
        **_FREE,
    )
)
_STILL_SHOWS = (
    update(Card.__table__)  # type: ignore[attr-defined]
    .where(col(Card.card_id) == _CARD)
    .values(shown=bindparam("shown_"), stale=True, not_before=_NOW)
)
_KEEP_TOKEN = (
    update(Card.__table__)  # type: ignore[attr-defined]
    .where(col(Card.card_id) == _CARD, ~col(Card.token).contains(_TOKEN))
    .values(token=case((col(Card.token) == "", _TOKEN), else_=col(Card.token) + " " + _TOKEN))
)


def settle(session: Session, outcomes: Sequence[Outcome], *, worker: str, now: dt.datetime) -> None:
    """Store how each try ended, with one audit entry for the batch. A process whose lease ran out changes only
    its own attempts."""
    tries = [
        {"id_": o.notice_id, "n_": o.attempt, "outcome_": o.result, "code_": o.code, "detail_": o.detail,
         "ref_": o.ref}
        for o in outcomes if o.attempt
    ]  # fmt: skip
    if tries:
        session.execute(_TRY, tries)
    _end(session, outcomes, worker=worker, now=now)
    if tokens := [
        {"card_id_": o.card_id, "token_": o.card_token} for o in outcomes if o.card_token and o.card_id
    ]:
        session.execute(_KEEP_TOKEN, tokens)
    if behind := [
        {"card_id_": o.card_id, "shown_": o.still_shows, "now_": now}
        for o in outcomes if o.still_shows is not None
    ]:  # fmt: skip
        session.execute(_STILL_SHOWS, behind)
    for outcome in outcomes:
        if outcome.bury:
            platform, user_id = outcome.bury
            bury(
                session,
                platform=platform,
                user_id=user_id,
                reason=outcome.detail,
                now=now,
                person_id=outcome.person_id,
            )
    counts = Counter(o.state or "retry" for o in outcomes)
    record(session, "notices.settled", f"notice:{outcomes[0].notice_id}", now=now,
           notices=[o.notice_id for o in outcomes], **{str(k): n for k, n in counts.items()})  # fmt: skip


def _end(session: Session, outcomes: Sequence[Outcome], *, worker: str, now: dt.datetime) -> None:
    ended = [
        {"id_": o.notice_id, "worker_": worker, "sent_": o.result == "sent", "state_": o.state,
         "detail_": o.detail, "now_": now}
        for o in outcomes if o.state is not None and o.state is not NoticeState.HELD
    ]  # fmt: skip
    if ended:
        session.execute(_DONE, ended)
    again = [
        {"id_": o.notice_id, "worker_": worker, "state_": o.state or NoticeState.QUEUED, "detail_": o.detail,
         "retry_": o.retry_at or now, "now_": now}
        for o in outcomes if o.state in (None, NoticeState.HELD)
    ]  # fmt: skip
    if again:
        session.execute(_AGAIN, again)


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
