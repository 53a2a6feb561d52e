"""Write and verify the audit chain. Every service that changes something calls ``record`` in its transaction."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session

from bot.core.canonical import canonical
from bot.core.prepared import Prepared
from bot.inspection.audit.models import AuditEntry, AuditHead

SALT = "audit_salt"  # key in Session.info, set where the database is opened
_SYSTEM = "system"


# built once: every change of every service runs these
_HEADS: Table = AuditHead.__table__  # type: ignore[attr-defined]
_ONE = _HEADS.c.id == 1
_HEAD = Prepared(select(_HEADS.c.seq, _HEADS.c.hash).where(_ONE).with_for_update())
_MOVE_HEAD = update(_HEADS).where(_ONE).values(seq=bindparam("new_seq"), hash=bindparam("new_hash"))
_ENTRIES: Table = AuditEntry.__table__  # type: ignore[attr-defined]
_APPEND = insert(_ENTRIES).values(
    {column.name: bindparam(column.name, type_=column.type) for column in _ENTRIES.c}
)
# PostgreSQL takes both in one statement
_APPEND_AND_MOVE = Prepared(_MOVE_HEAD.add_cte(_APPEND.cte("appended")))
_ONLY_APPEND, _ONLY_MOVE = Prepared(_APPEND), Prepared(_MOVE_HEAD)


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
    session.flush()  # before others wait for the head of the chain
    connection = session.connection()  # past the ORM, which would look for objects of these rows
    seq, prev = _lock_head(connection)
    seq += 1
    digest = actor_digest(session.info[SALT], actor)
    this = entry_hash(prev, seq, now, digest, action, subject, data)
    entry = {"seq": seq, "at": now, "actor": digest, "action": action, "subject": subject, "data": data,
             "prev_hash": prev, "hash": this}  # fmt: skip
    head = {"new_seq": seq, "new_hash": this}
    if connection.dialect.name == "postgresql":
        _APPEND_AND_MOVE.run(connection, **entry, **head)
        return
    _ONLY_APPEND.run(connection, **entry)
    _ONLY_MOVE.run(connection, **head)


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
