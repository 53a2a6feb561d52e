"""How each database is opened: SQLite with its write-ahead log, PostgreSQL with an end to what stands still."""

from __future__ import annotations

import json
import select
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import QueuePool

T = TypeVar("T")

_TRIES = 5
_FOR_OTHERS = {"40001", "40P01", "25P03"}  # serialization failure, deadlock, a process that stood still
_plain_json = json.JSONEncoder(ensure_ascii=False).encode


def to_json(value: Any) -> str:
    """A JSON column's text; words stay readable in it, because labels are searched as text. A draft of fifty answers
    takes the library an eighth of the standard one's time."""
    try:
        return msgspec.json.encode(value).decode()
    except TypeError:  # a kind of key that only the standard one knows
        return _plain_json(value)


def _from_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # a NaN, which earlier releases wrote
        return json.loads(text)


def postgres_engine(url: URL, *, connections: int, still: float) -> Engine:
    """A process that is frozen or suspended in the middle of a transaction keeps its locks, and who wants the same rows
    would wait for it for ever; so PostgreSQL ends what stood still for *still* seconds, and its owner begins anew."""
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        json_serializer=to_json,
        json_deserializer=_from_json,
        hide_parameters=True,  # names and numbers of people, in an error that is logged
    )
    event.listen(engine, "checkout", _still_there)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = {int(still * 1000)}")
        connection.commit()

    return engine


def _still_there(driver: Any, _record: object, _pooled: object) -> None:
    """A server that restarted has said so on the socket; asking it each time would take a round trip.

    Raises what makes the pool open a connection anew.
    """
    heard = select.poll()
    if not driver.closed:
        heard.register(driver.fileno(), select.POLLIN)
    if driver.closed or heard.poll(0):
        raise DisconnectionError


def sqlite_engine(url: Any, *, write: bool) -> Engine:
    # a connection goes back to the pool with its transaction ended: no reader pins an old WAL snapshot
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1 if write else 8,
        max_overflow=0 if write else 8,
        connect_args={"timeout": 30, "check_same_thread": False},
        json_serializer=to_json,
        json_deserializer=_from_json,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        for pragma in ("busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        if write:
            _use_wal(connection)
        else:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        _end_failed_commit(connection.connection.driver_connection)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def repeated(run: Callable[[], T], *, when_lost: Callable[[], bool] = lambda: False) -> T:
    """*run* a transaction, again if PostgreSQL ended it for the sake of others, or if its connection broke and *when_lost*
    says that nothing of it can have been stored."""
    for _ in range(_TRIES - 1):
        try:
            return run()
        except Exception as error:
            if not may_pass(error) or (was_lost(error) and not when_lost()):
                raise
    return run()


def may_pass(error: BaseException) -> bool:
    """Whether the same again may succeed: PostgreSQL ended it for the sake of others, or the connection broke."""
    return _was_ended(error) or was_lost(error)


def was_lost(error: BaseException) -> bool:
    """Whether the connection broke, and PostgreSQL did not say why: then a commit may have been stored."""
    return isinstance(error, DBAPIError) and error.connection_invalidated and not _was_ended(error)


def _was_ended(error: BaseException) -> bool:
    return getattr(getattr(error, "orig", error), "sqlstate", None) in _FOR_OTHERS


@contextmanager
def own_connection(engine: Engine) -> Iterator[Any]:
    """The driver's own connection, on which every statement is a transaction of its own. What SQLAlchemy does around a
    transaction takes longer than storing thirty rows."""
    pooled = engine.raw_connection()
    driver: Any = pooled.driver_connection
    try:
        if isinstance(driver, sqlite3.Connection):
            _end_failed_commit(driver)
            yield driver
        else:
            driver.autocommit = True
            yield driver
            driver.autocommit = False
    except BaseException:
        pooled.invalidate()  # whatever state it is in: the next one is new
        raise
    finally:
        pooled.close()


def _end_failed_commit(driver: sqlite3.Connection) -> None:
    """A COMMIT that failed left its transaction open, and nobody else rolls it back."""
    if driver.in_transaction:
        driver.rollback()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. Changing the mode does not wait for another process that opens the same new
    file, so it is tried again; once on, it stays with the file."""
    for attempt in range(50):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt == 49:
                raise
            time.sleep(0.02)
        else:
            return
