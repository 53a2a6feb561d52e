"""The rows of delivery before anything leaves: hold, expire, claim with a lease, note each attempt.

Every step is a statement over the whole batch; nothing is done row by row.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, col

from bot.core.bulk import OverRows, rows_changed
from bot.core.clock import china_day
from bot.core.prepared import Prepared
from bot.core.tables import BigId, Moment
from bot.inspection.notices.message import Told
from bot.inspection.notices.models import Attempt, Card, Notice, NoticeState, Priority
from bot.messaging.quotas import add
from bot.messaging.tries import TOGETHER
from bot.platforms.shared import Budget

BATCH = 64  # notices claimed together: as many as a kill can leave with an unknown outcome
LEASE = dt.timedelta(seconds=90)  # longer than the slowest request with its one token refresh
QUIET = "免打扰时段"


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt about to leave."""

    notice_id: int
    n: int
    platform: str
    target: str
    repeated: bool
    card: dict[str, Any] | None = None  # the row of a card that is new
    card_id: str = ""
    shown: str = ""
    was_shown: str = ""  # by a try before this one, if it arrived
    closes: str = ""  # the card on an account that refused
    together: bool = False  # with others in one call
    renames: bool = False  # the notice knew another card, or none


# literal states: a bound parameter would keep SQLite from using the partial indexes
_QUEUED = col(Notice.state) == literal_column("'queued'")
_WAITING = and_(
    col(Notice.state).in_([literal_column("'queued'"), literal_column("'held'")]),
    # every priority there is: what is due is one short walk of the index for each, in the order it goes out
    col(Notice.priority).in_([literal_column(f"'{priority}'") for priority in Priority]),
)
_SENDING = col(Notice.state) == literal_column("'sending'")
_STALE = text("card.stale")
_LOUD = or_(col(Notice.statutory).is_(True), col(Notice.priority) == Priority.URGENT)


def _ready(now: dt.datetime | ColumnElement[Any], *, quiet: bool) -> ColumnElement[bool]:
    return and_(_WAITING, col(Notice.not_before) <= now, _LOUD if quiet else true())


def _abandoned(now: dt.datetime | ColumnElement[Any], *, quiet: bool) -> ColumnElement[bool]:
    return and_(_SENDING, col(Notice.lease_until) <= now, _LOUD if quiet else true())


def count_due(session: Session, *, now: dt.datetime, quiet: bool) -> int:
    """Notices that could go out now or are on their way, and cards that could be refreshed."""
    due = or_(_ready(now, quiet=quiet), _abandoned(now, quiet=quiet))
    notices = select(func.count()).select_from(Notice).where(due)
    sending = select(func.count()).select_from(Notice).where(_SENDING, col(Notice.lease_until) > now)
    cards = select(func.count()).select_from(refreshable(now).subquery())
    return sum(int(session.execute(query).scalar_one()) for query in (notices, sending, cards))


def refreshable(now: dt.datetime, *, card_id: str = "") -> Select[Any]:
    """Ids of cards that are on a screen and no longer true; or just this one, which somebody pressed.

    A card that any process is changing waits: of two updates on their way the earlier could arrive last.
    """
    free = or_(col(Card.held_until).is_(None), col(Card.held_until) <= now)
    stale = select(col(Card.card_id)).where(_STALE, col(Card.not_before) <= now, free)
    if card_id:
        return stale.where(col(Card.card_id) == card_id)
    return stale.join(Notice, col(Notice.id) == Card.notice_id).where(col(Notice.state) == NoticeState.SENT)


# built once and run on the table: every batch runs these, and building them anew cost as much as running them
_NOTICES = Notice.__table__  # type: ignore[attr-defined]
_NOW, _UNTIL = bindparam("now_", type_=Moment()), bindparam("until_", type_=Moment())
_HOLD = Prepared(
    update(_NOTICES)
    .where(
        _WAITING, col(Notice.not_before) <= _NOW, ~_LOUD,
        or_(col(Notice.expires_at).is_(None), col(Notice.expires_at) > _UNTIL),
    )
    .values(state=NoticeState.HELD.value, not_before=_UNTIL, detail=QUIET)
)  # fmt: skip
_ENDED = {"state": NoticeState.EXPIRED.value, "done_at": _NOW, "lease_until": None, "lease_by": ""}
_EXPIRE = Prepared(
    update(_NOTICES)
    .where(_WAITING, col(Notice.not_before) <= _NOW, col(Notice.expires_at) <= _NOW)
    .values(detail="已过时效，不再发送", **_ENDED)
)
_BREAK_OFF = Prepared(
    update(_NOTICES)
    .where(_SENDING, col(Notice.lease_until) <= _NOW, col(Notice.expires_at) <= _NOW)
    .values(detail="发送中断，结果不明；已过时效，不再发送", **_ENDED)
    .returning(col(Notice.id))
)
_USEFUL = or_(col(Notice.expires_at).is_(None), col(Notice.expires_at) > _NOW)


def _first(due: ColumnElement[bool]) -> Select[Any]:
    """The most pressing of *due*; those that another process is taking are left to it."""
    return (
        select(_NOTICES.c.id, _NOTICES.c.attempts, _NOTICES.c.priority)
        .where(due, _USEFUL)
        .order_by(_NOTICES.c.priority, _NOTICES.c.not_before, _NOTICES.c.id)
        .limit(bindparam("most_", type_=Integer()))
        .with_for_update(skip_locked=True)
    )


_NEXT = {quiet: Prepared(_first(_ready(_NOW, quiet=quiet))) for quiet in (False, True)}
_LEFT = {quiet: Prepared(_first(_abandoned(_NOW, quiet=quiet))) for quiet in (False, True)}
_TAKE = OverRows(
    {"id": BigId},
    lambda given: (
        update(_NOTICES)
        .where(_NOTICES.c.id == given.c.id)
        .values(state=NoticeState.SENDING.value, lease_by=bindparam("worker_"), lease_until=_UNTIL)
    ),
)
_SAID = (
    "id", "kind", "subject", "generation", "recipient_id", "slot", "priority", "statutory", "data", "created_at",
    "attempts", "card_id", "moved",
)  # fmt: skip
_CLAIMED = OverRows(
    {"id": BigId},
    lambda given: select(*(_NOTICES.c[name] for name in _SAID)).where(_NOTICES.c.id.in_(select(given.c.id))),
)


def hold(session: Session, *, now: dt.datetime, until: dt.datetime) -> int:
    """Quiet hours: what is due and neither statutory nor urgent waits until they end. Returns how many."""
    return _HOLD.run(session.connection(), now_=now, until_=until).count


def expire(session: Session, *, now: dt.datetime, metered: Collection[str] = ()) -> None:
    """End what is useless by now, also where a kill left it on its way. On *metered* platforms a try that was broken
    off counts as a call: it may have cost one."""
    session.flush()
    connection = session.connection()
    _EXPIRE.run(connection, now_=now)
    broken_off = [row.id for row in _BREAK_OFF.run(connection, now_=now).rows()]
    _note_interruption(session, broken_off, now=now, metered=metered)


def claim(
    session: Session,
    *,
    worker: str,
    now: dt.datetime,
    quiet: bool,
    limit: int = BATCH,
    metered: Collection[str] = (),
) -> list[int]:
    """Lease up to *limit* due notices to *worker*, urgent first, and return their ids. *metered* as in ``expire``."""
    connection = session.connection()
    left = _LEFT[quiet].run(connection, now_=now, most_=limit).rows()
    found = _NEXT[quiet].run(connection, now_=now, most_=limit).rows()
    if left:
        found = sorted([*left, *found], key=lambda row: row.priority)[:limit]
    ids = [row.id for row in found]
    if ids:
        _TAKE.run(connection, [[notice] for notice in ids], worker_=worker, until_=now + LEASE)
        known = {row.id for row in left}
        begun = [row.id for row in found if row.attempts or row.id in known]
        _note_interruption(session, begun, now=now, metered=metered)
    return ids


def claimed(session: Session, notice_ids: Sequence[int]) -> list[Told]:
    """What was claimed, in that order: only what is needed to say it, and no objects that somebody could change."""
    found = {n.id: n for n in _CLAIMED.run(session.connection(), [[notice] for notice in notice_ids]).rows()}
    return [found[notice] for notice in notice_ids]


_ATTEMPTS = Attempt.__table__  # type: ignore[attr-defined]
_OTHERS = _ATTEMPTS.alias()
_TRIED: dict[str, TypeEngine[Any]] = {
    "notice_id": BigId, "n": Integer(), "platform": String(), "target": String(), "ref": String(),
    "repeated": Boolean(),
}  # fmt: skip
_TRY = OverRows(
    _TRIED,
    lambda given: insert(_ATTEMPTS).from_select(
        [*_TRIED, "at", "outcome", "code", "detail"],
        select(given, _NOW, literal_column("'sending'"), literal_column("''"), literal_column("''")),
    ),
)
_CARDS = Card.__table__  # type: ignore[attr-defined]
_CLOSE = OverRows(
    {"card_id": String()},
    lambda given: update(_CARDS).where(_CARDS.c.card_id == given.c.card_id).values(closed=True, stale=False),
)
_SHOW = rows_changed(_CARDS, ("shown",))
_POINT = rows_changed(_NOTICES, ("card_id",))
_LAST = select(func.max(_OTHERS.c.n)).where(_OTHERS.c.notice_id == _NOTICES.c.id).scalar_subquery()
_CATCH_UP = OverRows(
    {"id": BigId},
    lambda given: (
        update(_NOTICES)
        .where(
            _NOTICES.c.id == given.c.id, _ATTEMPTS.c.notice_id == given.c.id,
            _ATTEMPTS.c.n > _NOTICES.c.attempts, _ATTEMPTS.c.n == _LAST,
        )
        .values(attempts=_ATTEMPTS.c.n, platform=_ATTEMPTS.c.platform)
    ),
)  # fmt: skip


def _note_interruption(
    session: Session, notice_ids: Sequence[int], *, now: dt.datetime, metered: Collection[str]
) -> None:
    """Tries that nobody finished are of unknown outcome, and their notices, which count what was settled, count them
    as well."""
    if not notice_ids:
        return
    interrupted = session.execute(
        update(Attempt)
        .where(col(Attempt.notice_id).in_(notice_ids), col(Attempt.outcome) == "sending")
        .values(outcome="unknown", detail="进程中断")
        .returning(col(Attempt.platform))
        .execution_options(synchronize_session=False)
    ).scalars()
    calls = Counter(name for name in interrupted if name in metered)
    add(session, {(name, Budget.CALLS.value, china_day(now)): n for name, n in calls.items()})
    _CATCH_UP.run(session.connection(), [[notice] for notice in notice_ids])


def begin(session: Session, begun: Sequence[Begun], *, now: dt.datetime) -> None:
    """Note the attempts and, for cards, their rows with the digest of what they will show, before anything
    leaves. The notice counts a try when it is settled, or when somebody finds it broken off."""
    if not begun:
        return
    connection = session.connection()
    tries = [
        [b.notice_id, b.n, b.platform, b.target, TOGETHER if b.together else "", b.repeated] for b in begun
    ]
    _TRY.run(connection, tries, now_=now)
    if closed := [[b.closes] for b in begun if b.closes]:
        _CLOSE.run(connection, closed)
    if new := [b.card for b in begun if b.card]:
        connection.execute(insert(_CARDS), new)
    if again := [[b.card_id, b.shown] for b in begun if b.card_id and not b.card]:
        _SHOW.run(connection, again)
    if renamed := [[b.notice_id, b.card_id] for b in begun if b.renames]:
        _POINT.run(connection, renamed)
