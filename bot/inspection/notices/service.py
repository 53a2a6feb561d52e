"""Promise that somebody is told. Called by every service that changes something, in the same transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, literal_column, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, SQLModel, col

from bot.core.bulk import insert_many
from bot.core.prepared import Answer, Prepared, together
from bot.core.writers import WAKE
from bot.inspection.notices.models import Card, Notice, NoticeState, Priority

_CHUNK = 5000
_NOTICES: Table = Notice.__table__  # type: ignore[attr-defined]
_ON_SQLITE = sqlite_insert(_NOTICES).on_conflict_do_nothing()
_ON_POSTGRES = pg_insert(_NOTICES).on_conflict_do_nothing().returning(_NOTICES.c.id)
_CARDS: Table = Card.__table__  # type: ignore[attr-defined]
_TOUCH = Prepared(
    update(_CARDS)
    .where(_CARDS.c.subject == bindparam("about"), _CARDS.c.closed.is_(False))
    .values(stale=True, not_before=bindparam("when"))
)


def row(
    kind: str,
    subject: str,
    *,
    recipient_id: int,
    now: dt.datetime,
    slot: str = "",
    generation: int = 1,
    priority: Priority = Priority.NORMAL,
    not_before: dt.datetime | None = None,
    expires_at: dt.datetime | None = None,
    statutory: bool = False,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One notice as a row for :func:`enqueue_many`. ``expires_at`` is when it becomes useless."""
    return {
        "kind": kind, "subject": subject, "recipient_id": recipient_id, "slot": slot, "generation": generation,
        "priority": priority, "not_before": not_before or now, "expires_at": expires_at, "statutory": statutory,
        "data": data or {}, "state": NoticeState.QUEUED, "attempts": 0, "lease_by": "", "created_at": now,
        "platform": "", "detail": "", "card_id": "",
    }  # fmt: skip


def enqueue(session: Session, kind: str, subject: str, **fields: Any) -> bool:
    """Promise one notice; False when (kind, subject, recipient, slot) was promised before. Fields as ``row``."""
    return enqueue_many(session, [row(kind, subject, **fields)]) == 1


def enqueue_many(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """Promise many; those promised before are left as they are. Returns how many are new."""
    session.flush()
    connection = session.connection()
    statement = _ON_SQLITE if connection.dialect.name == "sqlite" else _ON_POSTGRES
    new = sum(
        insert_many(connection, statement, rows[start : start + _CHUNK])
        for start in range(0, len(rows), _CHUNK)
    )
    if new:
        session.info[WAKE] = True
    return new


def withdraw(
    session: Session, subject: str, *, reason: str, now: dt.datetime, kinds: Iterable[str] = (),
    recipient_id: int | None = None,
) -> int:  # fmt: skip
    """Take back what waits about *subject* (all kinds, or these; everybody, or one). Returns how many."""
    session.flush()
    withdrawn = _withdrawn(session, subject, kinds, reason=reason, recipient_id=recipient_id, now=now)
    _read_again(session, Notice, withdrawn.count)
    return withdrawn.count


def supersede(
    session: Session, subject: str, *, reason: str, now: dt.datetime, kinds: Iterable[str], recipient_id: int | None = None
) -> None:  # fmt: skip
    """``withdraw`` and ``touch_cards``: something was done, so that *kinds* need not be said any more."""
    with superseding(session, subject, reason=reason, now=now, kinds=kinds, recipient_id=recipient_id):
        pass


@contextmanager
def superseding(
    session: Session, subject: str, *, reason: str, now: dt.datetime, kinds: Iterable[str], recipient_id: int | None = None
) -> Iterator[Connection]:  # fmt: skip
    """``supersede``, ``together`` with what is run on the connection inside."""
    session.flush()
    connection = session.connection()
    with together(connection):
        yield connection
        withdrawn = _withdrawn(session, subject, kinds, reason=reason, recipient_id=recipient_id, now=now)
        touched = _TOUCH.run(connection, about=subject, when=now)
    _read_again(session, Notice, withdrawn.count)
    _look_at_cards(session, touched.count)


def withdraw_all(session: Session, subjects: Sequence[str], *, reason: str, now: dt.datetime) -> None:
    """The *subjects* (some hundreds at a time) are no more: what waits is taken back, what was told counts as
    withdrawn. What a process is sending at the moment ends as it ends."""
    ended = col(Notice.state).in_((NoticeState.SENDING, NoticeState.EXPIRED, NoticeState.SKIPPED))
    statement = update(Notice).where(col(Notice.subject).in_(subjects), ~ended)
    session.flush()
    done = func.coalesce(col(Notice.done_at), now)
    session.execute(statement.values(state=NoticeState.WITHDRAWN, detail=reason, done_at=done))


def touch_cards(session: Session, subject: str, *, now: dt.datetime) -> None:
    """What stands on people's cards about *subject* is no longer true: the sweep refreshes them.

    Cards are left alone once the platform refuses to change them; a press opens them again.
    """
    session.flush()
    _look_at_cards(session, _TOUCH.run(session.connection(), about=subject, when=now).count)


def _look_at_cards(session: Session, touched: int) -> None:
    _read_again(session, Card, touched)
    if touched:
        session.info[WAKE] = True


def _withdrawn(
    session: Session, subject: str, kinds: Iterable[str], *, reason: str, recipient_id: int | None, now: dt.datetime
) -> Answer:  # fmt: skip
    named = {f"kind_{n}": kind for n, kind in enumerate(kinds)}
    who = {} if recipient_id is None else {"who": recipient_id}
    statement = _withdrawing(len(named), recipient_id is not None)
    return statement.run(session.connection(), about=subject, why=reason, when=now, **named, **who)


@cache
def _withdrawing(kinds: int, one: bool) -> Prepared:
    """The statement for so many kinds, for *one* recipient or all: written once, it is compiled once."""
    columns = _NOTICES.c
    waiting = columns.state.in_(
        [literal_column(f"'{state}'") for state in (NoticeState.QUEUED, NoticeState.HELD)]
    )
    statement = update(_NOTICES).where(columns.subject == bindparam("about"), waiting)
    if kinds:
        statement = statement.where(columns.kind.in_([bindparam(f"kind_{n}") for n in range(kinds)]))
    if one:
        statement = statement.where(columns.recipient_id == bindparam("who"))
    return Prepared(
        statement.values(state=NoticeState.WITHDRAWN, detail=bindparam("why"), done_at=bindparam("when"))
    )


def _read_again(session: Session, kept: type[SQLModel], changed: int) -> None:
    """What this session holds of rows that were changed past the ORM."""
    for held in session.identity_map.values() if changed else ():
        if isinstance(held, kept):
            session.refresh(held)
