"""Write and verify the audit chain. Every service that changes something calls ``record`` in its transaction.

Whoever appends holds the end of the chain until the transaction ends. On PostgreSQL, where many write at once, entries
therefore wait in the session and are appended by its commit; SQLite has one writer and appends at once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, event, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from bot.core.bulk import rows_into
from bot.core.canonical import canonical
from bot.core.prepared import Prepared, together
from bot.inspection.audit.models import AuditEntry, AuditHead

SALT = "audit_salt"  # key in Session.info, set where the database is opened
_SYSTEM = "system"


# built once: every change of every service runs these
_HEADS: Table = AuditHead.__table__  # type: ignore[attr-defined]
_ONE = _HEADS.c.id == 1
_HEAD = Prepared(select(_HEADS.c.seq, _HEADS.c.hash).where(_ONE).with_for_update())
_MOVE = Prepared(update(_HEADS).where(_ONE).values(seq=bindparam("new_seq"), hash=bindparam("new_hash")))
_ENTRIES: Table = AuditEntry.__table__  # type: ignore[attr-defined]
_WAITING = "audit_waiting"  # key in Session.info: entries that the commit appends


class _Entry(NamedTuple):
    at: dt.datetime
    actor: str
    action: str
    subject: str
    data: dict[str, Any]


_APPEND = rows_into(_ENTRIES, ("seq", *_Entry._fields, "prev_hash", "hash"))


@dataclass(frozen=True, slots=True)
class ChainReport:
    """``broken_at`` is the first sequence number that does not hold, None when the whole chain does."""

    entries: int
    head: str
    broken_at: int | None = None
    reason: str = ""


@lru_cache(maxsize=4096)
def actor_digest(salt: str, person_id: int | None) -> str:
    """16 bytes of HMAC-SHA256 in hex; the system itself is ``system``."""
    if person_id is None:
        return _SYSTEM
    return hmac.digest(salt.encode(), f"person:{person_id}".encode(), "sha256").hex()[:32]


def entry_hash(  # noqa: PLR0917 - the order of the arguments is the order that is hashed
    prev: str, seq: int, at: dt.datetime, actor: str, action: str, subject: str, data: dict[str, Any]
) -> str:
    """SHA-256 over the canonical JSON of the entry and the hash before it."""
    moment = at.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(canonical([prev, seq, moment, actor, action, subject, data])).hexdigest()


def record(
    session: Session, action: str, subject: str, *, now: dt.datetime, actor: int | None = None, **data: Any
) -> None:
    """Append one entry. *data* is JSON-able and names no person: use ids of rows, counts, hashes."""
    session.flush()  # past the ORM, which would look for objects of these rows
    entry = _Entry(now, actor_digest(session.info[SALT], actor), action, subject, data)
    if session.get_bind().dialect.name == "sqlite" or session.in_nested_transaction():
        _append(session.connection(), (entry,))
    else:
        session.info.setdefault(_WAITING, []).append(entry)


@contextlib.contextmanager
def may_fail(session: Session) -> Iterator[None]:
    """A part of a service that is taken back alone when it raises; what was recorded before it stays recorded."""
    append_waiting(session)
    with session.begin_nested():
        yield


@event.listens_for(Session, "before_commit")
def append_waiting(session: Session) -> None:
    """Append what waits for the commit; from here to its end nobody else can append."""
    if _WAITING in session.info:
        session.flush()  # before others wait for the end of the chain
        _append(session.connection(), session.info.pop(_WAITING))


@event.listens_for(Session, "after_soft_rollback")
def _forget_waiting(session: Session, ended: SessionTransaction) -> None:
    if not ended.nested:
        session.info.pop(_WAITING, None)


def _append(connection: Connection, entries: Sequence[_Entry]) -> None:
    seq, prev = _lock_head(connection)
    rows = []
    for entry in entries:
        seq += 1
        this = entry_hash(prev, seq, *entry)
        rows.append((seq, *entry, prev, this))
        prev = this
    with together(connection):
        _APPEND.run(connection, rows)
        _MOVE.run(connection, new_seq=seq, new_hash=prev)


def _lock_head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last entry; other writers wait until this transaction ends."""
    head = _HEAD.run(connection).rows()
    if not head:
        make = sqlite_insert if connection.dialect.name == "sqlite" else pg_insert
        connection.execute(make(_HEADS).values(id=1, seq=0, hash="0" * 64).on_conflict_do_nothing())
        head = _HEAD.run(connection).rows()
    return head[0].seq, head[0].hash


def verify(session: Session) -> ChainReport:
    """Recompute the whole chain and name the first entry that does not hold."""
    columns = AuditEntry.__table__.c  # type: ignore[attr-defined]
    query = select(*columns).order_by(columns.seq).execution_options(yield_per=2000)
    with contextlib.closing(session.execute(query)) as entries:
        report = _follow(entries)
    if report.broken_at is not None:
        return report
    head = session.execute(text("SELECT seq, hash FROM audithead WHERE id = 1")).one_or_none()
    if head is not None and (head[0], head[1]) != (report.entries, report.head):
        return replace(report, broken_at=report.entries + 1, reason="末尾记录被删除")
    return report


def _follow(entries: Iterable[Any]) -> ChainReport:
    prev, seq = "0" * 64, 0
    for entry in entries:
        seq += 1
        if entry.seq != seq:
            return ChainReport(seq - 1, prev, seq, "缺少记录")
        if entry.prev_hash != prev:
            return ChainReport(seq - 1, prev, seq, "与上一条不相接")
        want = entry_hash(prev, seq, entry.at, entry.actor, entry.action, entry.subject, entry.data)
        if not hmac.compare_digest(want, entry.hash):
            return ChainReport(seq - 1, prev, seq, "内容被改动")
        prev = entry.hash
    return ChainReport(seq, prev)
