"""What a database is told while something is done: by SQLAlchemy, and past it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from sqlalchemy import event
from sqlmodel import Session

from bot.core import prepared
from bot.core.db import Database


class Told(NamedTuple):
    sql: str
    values: Any


@contextmanager
def statements(db: Database) -> Iterator[list[Told]]:
    """Every statement to the writing connection, without beginning and end of the transaction."""
    told: list[Told] = []

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_rest: object) -> None:
        if sql.split(maxsplit=1)[0].upper() in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
            told.append(Told(sql, values))

    given = prepared.Words.given

    def note_given(words: prepared.Words, values: dict[str, Any]) -> Any:
        ready = given(words, values)
        note(None, None, words.sql, ready)
        return ready

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with patch.object(prepared.Words, "given", note_given):
            yield told
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@contextmanager
def held_up(db: Database) -> Iterator[list[Future[Any]]]:
    """What is submitted inside to its one writer waits until the end; then all of it must be answered."""
    held, go, futures = threading.Event(), threading.Event(), list[Future[Any]]()

    def hold(_session: Session) -> None:
        held.set()
        assert go.wait(5)

    first = db.submit(hold)
    assert held.wait(5)
    try:
        yield futures
    finally:
        go.set()
    first.exception(timeout=5)
    for future in futures:
        future.exception(timeout=5)
