"""Promise that somebody is told. Called by every service that changes something, in the same transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Table, bindparam, func, literal_column, update
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel, col

from bot.core.bulk import OverRows, insert_many
from bot.core.prepared import Answer, together
from bot.core.tables import Moment
from bot.core.writers import WAKE
from bot.inspection.notices.models import Card, Notice, NoticeState, Priority

_CHUNK = 5000
_NOTICES: Table = Notice.__table__  # type: ignore[attr-defined]
_CARDS: Table = Card.__table__  # type: ignore[attr-defined]
_UNSAID: list[ColumnElement[str]] = [
    literal_column(f"'{state}'") for state in (NoticeState.QUEUED, NoticeState.HELD)
]  # bound, the list would be written out at each run
_ABOUT: dict[str, TypeEngine[Any]] = {"subject": String(), "at": Moment()}
_TOUCH = OverRows(
    _ABOUT,
    lambda given: (
        update(_CARDS)
        .where(_CARDS.c.subject == given.c.subject, _CARDS.c.closed.is_(False))
        .values(stale=True, not_before=given.c.at)
    ),
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
    new = sum(
        insert_many(connection, _NOTICES, rows[start : start + _CHUNK], unless_there=True)
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
    withdrawn = _withdrawn(session, [(subject, now)], kinds, reason=reason, recipient_id=recipient_id)
    _read_again(session, Notice, withdrawn.count)
    return withdrawn.count


def supersede(
    session: Session, subject: str, *, reason: str, now: dt.datetime, kinds: Iterable[str], recipient_id: int | None = None
) -> None:  # fmt: skip
    """``withdraw`` and ``touch_cards``: something was done, so that *kinds* need not be said any more."""
    with superseding(session, [(subject, now)], reason=reason, kinds=kinds, recipient_id=recipient_id):
        pass


@contextmanager
def superseding(
    session: Session, abouts: Sequence[tuple[str, dt.datetime]], *, reason: str, kinds: Iterable[str],
    recipient_id: int | None = None,
) -> Iterator[Connection]:  # fmt: skip
    """``supersede`` of several subjects, each at its moment, ``together`` with what is run on the connection inside."""
    session.flush()
    connection = session.connection()
    with together(connection):
        yield connection
        withdrawn = _withdrawn(session, abouts, kinds, reason=reason, recipient_id=recipient_id)
        touched = _TOUCH.run(connection, abouts)
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
    _look_at_cards(session, _TOUCH.run(session.connection(), [(subject, now)]).count)


def _look_at_cards(session: Session, touched: int) -> None:
    _read_again(session, Card, touched)
    if touched:
        session.info[WAKE] = True


def _withdrawn(
    session: Session, abouts: Sequence[tuple[str, dt.datetime]], kinds: Iterable[str], *, reason: str,
    recipient_id: int | None,
) -> Answer:  # fmt: skip
    named = {f"kind_{n}": kind for n, kind in enumerate(kinds)}
    who = {} if recipient_id is None else {"who": recipient_id}
    statement = _withdrawing(len(named), recipient_id is not None)
    return statement.run(session.connection(), abouts, why=reason, **named, **who)


@cache
def _withdrawing(kinds: int, one: bool) -> OverRows:
    """The statement for so many kinds, for *one* recipient or all: written once, it is compiled once."""
    columns = _NOTICES.c
    which: list[ColumnElement[bool]] = [columns.state.in_(_UNSAID)]
    if kinds:
        which.append(columns.kind.in_([bindparam(f"kind_{n}") for n in range(kinds)]))
    if one:
        which.append(columns.recipient_id == bindparam("who"))
    return OverRows(
        _ABOUT,
        lambda given: (
            update(_NOTICES)
            .where(columns.subject == given.c.subject, *which)
            .values(state=NoticeState.WITHDRAWN, detail=bindparam("why"), done_at=given.c.at)
        ),
    )


def _read_again(session: Session, kept: type[SQLModel], changed: int) -> None:
    """What this session holds of rows that were changed past the ORM."""
    for held in session.identity_map.values() if changed else ():
        if isinstance(held, kept):
            session.refresh(held)
