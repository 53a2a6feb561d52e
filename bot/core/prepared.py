"""Statements that run all day: worked out once for each database, and run on the driver's own cursor.

What SQLAlchemy does around a statement takes as long as the statement; around a form handed in, longer than the form.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Executable, Select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

Make = Executable | Callable[[str], Executable]  # one for both databases, or one for each by its name
_Process = Callable[[Any], Any]
_row_type: Any = namedtuple  # noqa: PYI024 - its fields are known at run time only


class Prepared:
    """A statement with named parameters (no lists), in the transaction of a connection.

    What waits in a session is not flushed before it. Errors are SQLAlchemy's, without the parameters.
    """

    def __init__(self, make: Make) -> None:
        self._make = make
        self._known: dict[str, Words] = {}  # by the name of the database

    def run(self, connection: Connection, **values: Any) -> Answer:
        dialect = connection.dialect
        words = self._known.get(dialect.name) or self._learn(dialect)
        driver: Any = connection.connection.driver_connection
        try:
            return Answer(words, driver.execute(words.sql, words.given(values)))
        except dialect.loaded_dbapi.Error as error:
            raise _sqlalchemys(error, words.sql, connection) from error

    def _learn(self, dialect: Dialect) -> Words:
        statement = self._make if isinstance(self._make, Executable) else self._make(dialect.name)
        words = self._known[dialect.name] = _words(statement, dialect)
        return words


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database said. Of what is run ``together``, ``count`` is known after the block, and ``rows`` inside it wait
    for all that was run so far."""

    words: Words
    cursor: Any

    @property
    def count(self) -> int:
        """How many rows were changed."""
        return int(self.cursor.rowcount)

    def rows(self) -> list[Any]:
        """Every row, as a named tuple."""
        return [self.words.row(row) for row in self.cursor.fetchall()]


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """What is run inside goes to PostgreSQL in one go and is answered in one, after the block; there, too, raises the first
    that failed. One statement still sees what those before it did, and what others committed meanwhile."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        yield
        return
    try:
        with driver.pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise _sqlalchemys(error, "together", connection) from error


def _sqlalchemys(error: Exception, sql: str, connection: Connection) -> DBAPIError:
    """The error as SQLAlchemy raises it; a connection that broke is not rolled back, which would raise another."""
    base = connection.dialect.loaded_dbapi.Error
    lost = bool(getattr(connection.connection.driver_connection, "closed", False))
    if lost:
        connection.invalidate(error)
    found = DBAPIError.instance(sql, None, error, base, hide_parameters=True, connection_invalidated=lost,
                                dialect=connection.dialect)  # fmt: skip
    assert isinstance(found, DBAPIError)
    return found


@dataclass(frozen=True, slots=True)
class Words:
    """A statement in the driver's words, and how values and answers are made ready."""

    sql: str
    order: tuple[str, ...] | None  # of the parameters, where the driver takes them by place
    fixed: dict[str, Any]  # parameters that the statement itself gives
    ready: dict[str, _Process]
    make: Callable[[Sequence[Any]], Any]
    read: tuple[tuple[int, _Process], ...] = field(default=())

    def given(self, values: dict[str, Any]) -> dict[str, Any] | tuple[Any, ...]:
        for name, process in self.ready.items():
            values[name] = process(values[name])
        if self.order is None:
            return self.fixed | values if self.fixed else values
        known = self.fixed | values
        return tuple([known[name] for name in self.order])

    def row(self, found: Sequence[Any]) -> Any:
        if self.read:
            found = list(found)
            for place, process in self.read:
                found[place] = process(found[place])
        return self.make(found)


def _words(statement: Executable, dialect: Dialect) -> Words:
    compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    assert not compiled.post_compile_params, "a list is another statement each time"
    columns = _columns(statement)
    places = enumerate(kind.dialect_impl(dialect).result_processor(dialect, None) for _, kind in columns)
    ready = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect)
        for bind, name in compiled.bind_names.items()
    }
    return Words(
        compiled.string,
        order=tuple(compiled.positiontup) if compiled.positional else None,
        fixed={
            name: _processed(ready[name], bind.effective_value)
            for bind, name in compiled.bind_names.items()
            if not bind.required
        },
        ready={
            name: ready[name] for bind, name in compiled.bind_names.items() if bind.required and ready[name]
        },
        make=_row_type("Row", [name for name, _ in columns], rename=True)._make,
        read=tuple((place, process) for place, process in places if process),
    )


def _processed(process: _Process | None, value: Any) -> Any:
    return process(value) if process else value


def _columns(statement: Executable) -> list[tuple[str, TypeEngine[Any]]]:
    """Names and types of what it answers with."""
    if isinstance(statement, Select):
        found = statement.column_descriptions
    elif isinstance(statement, UpdateBase):
        found = statement.returning_column_descriptions
    else:
        found = []
    return [(column["name"], column["type"]) for column in found]
