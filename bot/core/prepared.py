"""Statements that run all day: worked out once for each database, and run on the driver's own cursor.

What SQLAlchemy does around a statement takes as long as the statement; around a form handed in, longer than the form.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
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

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Every row of the answer, as a named tuple."""
        words, cursor = self._run(connection, values)
        return [words.row(row) for row in cursor.fetchall()]

    def change(self, connection: Connection, **values: Any) -> int:
        """How many rows it changed."""
        return int(self._run(connection, values)[1].rowcount)

    def _run(self, connection: Connection, values: dict[str, Any]) -> tuple[Words, Any]:
        dialect = connection.dialect
        words = self._known.get(dialect.name) or self._learn(dialect)
        driver: Any = connection.connection.driver_connection
        try:
            return words, driver.execute(words.sql, words.given(values))
        except Exception as error:
            base = dialect.loaded_dbapi.Error
            if not isinstance(error, base):
                raise
            raise DBAPIError.instance(
                words.sql, None, error, base, hide_parameters=True, dialect=dialect
            ) from error

    def _learn(self, dialect: Dialect) -> Words:
        statement = self._make if isinstance(self._make, Executable) else self._make(dialect.name)
        words = self._known[dialect.name] = _words(statement, dialect)
        return words


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
