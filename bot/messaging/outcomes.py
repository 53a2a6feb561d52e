"""The rows of delivery after something left: every outcome is stored, a batch in a handful of statements."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    String,
    Subquery,
    Update,
    and_,
    bindparam,
    case,
    literal,
    update,
)
from sqlmodel import Session, col

from bot.core.bulk import OverRows
from bot.core.tables import BigId, Moment
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
    via: str = ""  # where that try went


def put_back(notice_id: int, *, now: dt.datetime) -> Outcome:
    """Claimed, and nothing left: somebody claims it again."""
    return Outcome(notice_id, "retry", None, retry_at=now)


_NOTICES = Notice.__table__  # type: ignore[attr-defined]
_ATTEMPTS = Attempt.__table__  # type: ignore[attr-defined]
_NOW, _RETRY = bindparam("now_", type_=Moment()), bindparam("retry_", type_=Moment())
_TOKEN, _CARD = bindparam("token_", type_=String()), bindparam("card_id_", type_=String())
_TRY = OverRows(
    {"id": BigId, "n": Integer(), "outcome": String(), "code": String(), "detail": String(), "ref": String()},
    lambda given: (
        update(_ATTEMPTS)
        .where(_ATTEMPTS.c.notice_id == given.c.id, _ATTEMPTS.c.n == given.c.n)
        .values(outcome=given.c.outcome, code=given.c.code, detail=given.c.detail, ref=given.c.ref)
    ),
)
_WORKER = bindparam("worker_", type_=String())
_MINE = and_(_NOTICES.c.state == NoticeState.SENDING.value, _NOTICES.c.lease_by == _WORKER)
_FREE: dict[str, Any] = {"lease_until": None, "lease_by": ""}


def _counted(n: ColumnElement[int], via: ColumnElement[str]) -> dict[str, Any]:
    """The notice counts the try, unless somebody who took over counts a later one."""
    later = n > _NOTICES.c.attempts
    return {
        "attempts": case((later, n), else_=_NOTICES.c.attempts),
        "platform": case((later, via), else_=_NOTICES.c.platform),
    }


def _done(given: Subquery) -> Update:
    # our lease may have run out, and whoever took over did not get through. As a CASE it tempts nobody to look for the
    # rows by their state: they are found by their keys
    still_open = case(
        (_NOTICES.c.state == NoticeState.SENDING.value, _NOTICES.c.lease_by == _WORKER),
        else_=and_(_NOTICES.c.state == NoticeState.QUEUED.value, given.c.sent),
    )
    return (
        update(_NOTICES)
        .where(_NOTICES.c.id == given.c.id, still_open)
        .values(
            state=given.c.state,
            detail=given.c.detail,
            done_at=_NOW,
            **_counted(given.c.n, given.c.via),
            **_FREE,
        )
    )


_DONE = OverRows(
    {"id": BigId, "state": String(), "detail": String(), "sent": Boolean(), "n": Integer(), "via": String()},
    _done,
)
_LATE = col(Notice.expires_at) <= _RETRY
_AGAIN = (
    update(_NOTICES)
    .where(_NOTICES.c.id == bindparam("id_", type_=Integer()), _MINE)
    .values(
        state=case((_LATE, literal(NoticeState.EXPIRED.value)), else_=bindparam("state_", type_=String())),
        not_before=case((_LATE, col(Notice.not_before)), else_=_RETRY),
        done_at=case((_LATE, _NOW), else_=None),
        detail=bindparam("detail_", type_=String()),
        **_counted(bindparam("n_", type_=Integer()), bindparam("via_", type_=String())),
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
    tries = [[o.notice_id, o.attempt, o.result, o.code, o.detail, o.ref] for o in outcomes if o.attempt]
    if tries:
        _TRY.run(session.connection(), tries)
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
        [o.notice_id, o.state, o.detail, o.result == "sent", o.attempt, o.via]
        for o in outcomes if o.state is not None and o.state is not NoticeState.HELD
    ]  # fmt: skip
    if ended:
        _DONE.run(session.connection(), ended, worker_=worker, now_=now)
    again = [
        {"id_": o.notice_id, "worker_": worker, "state_": o.state or NoticeState.QUEUED, "detail_": o.detail,
         "retry_": o.retry_at or now, "now_": now, "n_": o.attempt, "via_": o.via}
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
