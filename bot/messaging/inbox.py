"""What came in, stored once before the platform is answered; a sweep finds what a crash left."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, literal_column, update
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col, select

from bot.core.clock import Clock
from bot.core.db import Database
from bot.core.writers import driver_of
from bot.inspection.audit.service import record
from bot.inspection.notices.models import InboxEvent, InboxState
from bot.platforms.base import InboundEvent

LEASE = dt.timedelta(seconds=60)  # longer than any handler; after it another process may finish the event
TRIES = 5
TOGETHER = 256  # events in one INSERT
_CROWD, _WITHIN = 32, 0.1  # so many callbacks in so many seconds: handlers stand back


# literal: a bound parameter would keep SQLite from using the partial index
_NEW = col(InboxEvent.state) == literal_column("'new'")
# built once, and run past the ORM: every event runs these
_TABLE = InboxEvent.__table__  # type: ignore[attr-defined]
_INTO = (
    f"INSERT INTO {_TABLE.name} (platform, event_id, body, received_at, not_before, state, attempts, error)"
)
_KNOWN = "ON CONFLICT DO NOTHING"
# one statement for any number of events; arrays as they travel, not as text
_ON_POSTGRES = f"""{_INTO} SELECT platform, event_id, body::json, at, at, 'new', 0, ''
  FROM unnest(%b::text[], %b::text[], %b::text[]) AS came (platform, event_id, body), (SELECT %s::timestamptz AS at) AS now
  {_KNOWN} RETURNING platform, event_id, id"""  # noqa: S608 - our own names
_SINCE = f"SELECT platform, event_id, id FROM {_TABLE.name} WHERE id > ? AND id <= ?"  # noqa: S608 - our own names
_sqlite_moment: Callable[[dt.datetime], str] = _TABLE.c.received_at.type.dialect_impl(
    sqlite.dialect()
).bind_processor(sqlite.dialect())
_CLAIM = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row_"), _NEW, _TABLE.c.not_before <= bindparam("now_"))
    .values(attempts=_TABLE.c.attempts + 1, not_before=bindparam("until_"))
    .returning(_TABLE.c.body)
)
_DONE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("row_"))
    .values(state=InboxState.DONE.value, handled_at=bindparam("now_"))
)


def store(session: Session, event: InboundEvent, *, now: dt.datetime) -> int | None:
    """Keep the event; its row id, or None when it was here before."""
    return keep(driver_of(session), [event], now=now)[0]


def keep(driver: Any, events: Sequence[InboundEvent], *, now: dt.datetime) -> list[int | None]:
    """Keep events in one statement; for each its row id, or None when it (or its twin in the list) was here.

    Spelled out for each driver: SQLAlchemy's own INSERT of many rows takes ten times as long, while a chat service
    waits.
    """
    if not isinstance(driver, sqlite3.Connection):
        return _matched(events, _keep_on_postgres(driver, events, now))
    kept, last = _keep_on_sqlite(driver, events, now)
    if kept == len(events):  # SQLite counts up by one
        return list(range(last - kept + 1, last + 1))
    return _matched(events, driver.execute(_SINCE, (last - kept, last)) if kept else ())


def _keep_on_sqlite(
    driver: sqlite3.Connection, events: Sequence[InboundEvent], now: dt.datetime
) -> tuple[int, int]:
    """How many rows are new, and the number of the last. Without RETURNING, whose every row would give other threads
    the chance to hold up this one."""
    at = _sqlite_moment(now)
    values: list[str] = []
    for event in events:
        values += (event.platform, event.event_id, msgspec.json.encode(event).decode(), at, at)
    stored = driver.execute(_of_many(len(events)), values)
    return stored.rowcount, stored.lastrowid or 0


def _keep_on_postgres(
    driver: Any, events: Sequence[InboundEvent], now: dt.datetime
) -> list[tuple[str, str, int]]:
    platforms, ids = [event.platform for event in events], [event.event_id for event in events]
    bodies = [msgspec.json.encode(event).decode() for event in events]
    rows: list[tuple[str, str, int]] = driver.execute(_ON_POSTGRES, (platforms, ids, bodies, now)).fetchall()
    return rows


@functools.lru_cache(maxsize=TOGETHER)
def _of_many(events: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?, ?, 'new', 0, '')"] * events)
    return f"{_INTO} VALUES {rows} {_KNOWN}"


def _matched(events: Sequence[InboundEvent], rows: Iterable[tuple[str, str, int]]) -> list[int | None]:
    new = {(platform, event_id): row_id for platform, event_id, row_id in rows}
    return [new.pop((event.platform, event.event_id), None) for event in events]


def claim(session: Session, row_id: int, *, now: dt.datetime) -> dict[str, Any] | None:
    """Take the event for this process; its body, or None when it is done or somebody else has it."""
    values = {"row_": row_id, "now_": now, "until_": now + LEASE}
    taken: dict[str, Any] | None = session.connection().execute(_CLAIM, values).scalar_one_or_none()
    return taken


def read_event(body: dict[str, Any]) -> InboundEvent:
    return msgspec.convert(body, InboundEvent)


def finish(
    session: Session, row_id: int, *, now: dt.datetime, actor: int | None, what: str, outcome: str
) -> None:
    """The event is done; one audit entry says what it was and how it ended."""
    session.connection().execute(_DONE, {"row_": row_id, "now_": now})
    record(session, "chat.handled", f"inbox:{row_id}", now=now, actor=actor, what=what, outcome=outcome)


def give_back(session: Session, row_id: int, *, now: dt.datetime, error: str) -> bool:
    """A handler broke: try later, or after five tries keep it as failed. True when it will be tried again."""
    event = session.get_one(InboxEvent, row_id)
    event.error = error
    again = event.attempts < TRIES
    event.state = InboxState.NEW if again else InboxState.FAILED
    event.not_before = now + dt.timedelta(seconds=5 * 2**event.attempts)
    session.add(event)
    return again


def left_over(session: Session, *, now: dt.datetime, limit: int = 200) -> list[tuple[int, str]]:
    """Row ids of events nobody finished, oldest first, each with its account (``wecom:insp007``)."""
    query = (
        select(InboxEvent.id, InboxEvent.platform, InboxEvent.body)
        .where(_NEW, col(InboxEvent.not_before) <= now)
        .order_by(col(InboxEvent.not_before), col(InboxEvent.id))
        .limit(limit)
    )
    return [(i or 0, f"{platform}:{body.get('user_id', '')}") for i, platform, body in session.exec(query)]


class Intake:
    """Group commit of what comes in: whatever arrives while one commit is under way is stored by the next, so that
    a callback is durable before its answer and a storm of them costs few commits. On both databases."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._waiting: list[tuple[InboundEvent, asyncio.Future[int | None]]] = []
        self._storing: asyncio.Task[None] | None = None
        self._arrivals: deque[float] = deque(maxlen=_CROWD)

    def is_crowded(self) -> bool:
        """So many callbacks come in just now that whatever can wait should."""
        return len(self._arrivals) == _CROWD and time.monotonic() - self._arrivals[0] < _WITHIN

    async def take(self, event: InboundEvent) -> int | None:
        """The row id once the event is on disk, None when it was there before."""
        done: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, done))
        self._arrivals.append(time.monotonic())
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store(), name="inbox:store")
        return await done

    async def _store(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                rows = await self._db.write_first(self._storing_of([event for event, _ in batch]))
            except Exception as error:  # noqa: BLE001 - it is the callers', each gets it or tries alone
                await self._alone(batch, error)
                continue
            for (_, done), row in zip(batch, rows, strict=True):
                if not done.done():  # its request may have been given up; the sweep finishes what it left
                    done.set_result(row)

    def _storing_of(self, events: list[InboundEvent]) -> Callable[[Any], list[int | None]]:
        now = self._clock.now()
        return lambda driver: keep(driver, events, now=now)

    async def _alone(
        self, batch: list[tuple[InboundEvent, asyncio.Future[int | None]]], error: Exception
    ) -> None:
        """One event that cannot be stored must not refuse the others."""
        for event, done in batch:
            try:
                row = await self._db.write(store, event, now=self._clock.now()) if len(batch) > 1 else None
            except Exception as own:  # noqa: BLE001 - handed to its caller
                error, row = own, None
                failed = True
            else:
                failed = len(batch) == 1
            if not done.done():
                done.set_exception(error) if failed else done.set_result(row)
