"""What a database is told while something is done: by SQLAlchemy, and past it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from sqlalchemy import event

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
