"""Many rows in one statement: inserted by the ten thousand, or changed together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Executable, Insert, String, Subquery, Table, bindparam, text
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeEngine

from bot.core.prepared import Answer, Prepared

# how SQLite takes the values of an element of a JSON array; PostgreSQL takes each column as an array of its own, which
# costs it less than half of walking JSON
_ELEMENT = "json_extract(value, '$[{n}]')"


class OverRows:
    """A statement over rows that come as parameters. The database walks them in one go: SQLite without asking for
    Python's lock at each row, beside whatever other threads do, and PostgreSQL with one answer.

    *make* builds the statement around the rows, which look like a table with *columns*: whole numbers, texts, booleans.
    What waits in a session is not flushed before it.
    """

    def __init__(
        self, columns: Mapping[str, TypeEngine[Any]], make: Callable[[Subquery], Executable]
    ) -> None:
        self._texts = [isinstance(kind, String) for kind in columns.values()]
        self._statement = Prepared(lambda database: make(_given(columns, database)))

    def run(self, connection: Connection, given: Sequence[Sequence[Any]], **values: Any) -> Answer:
        """Run it for the rows in *given*, whose values stand in the order of the columns, with other parameters in
        *values*."""
        return self._statement.run(connection, **self._parameters(connection, given), **values)

    def _parameters(self, connection: Connection, given: Sequence[Sequence[Any]]) -> dict[str, str]:
        if connection.dialect.name == "sqlite":
            return {"rows": msgspec.json.encode(given).decode()}
        columns = list(zip(*given, strict=True)) or [()] * len(self._texts)
        return {
            f"rows_{n}": _array(values, texts=texts)
            for n, (values, texts) in enumerate(zip(columns, self._texts, strict=True))
        }


def _given(columns: Mapping[str, TypeEngine[Any]], database: str) -> Subquery:
    names = list(columns)
    if database == "sqlite":
        picked = ", ".join(
            f"CAST({_ELEMENT.format(n=n)} AS {columns[name].compile()}) AS {name}"
            for n, name in enumerate(names)
        )
        walk = f"SELECT {picked} FROM json_each(:rows)"  # noqa: S608 - our own names
    else:
        arrays = ", ".join(f"CAST(:rows_{n} AS {columns[name].compile()}[])" for n, name in enumerate(names))
        walk = f"SELECT * FROM unnest({arrays}) AS walked({', '.join(names)})"  # noqa: S608 - our own names
    return text(walk).columns(**columns).subquery("given")


def _array(values: Sequence[Any], *, texts: bool) -> str:
    """PostgreSQL's words for an array: numbers and booleans as in JSON, texts in quotes."""
    if not texts:
        return f"{{{msgspec.json.encode(values).decode()[1:-1]}}}"
    if not values:
        return "{}"
    every = "".join(values)
    if '"' in every or "\\" in every:
        values = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(values) + '"}'


def insert_many(connection: Connection, statement: Insert, rows: Sequence[dict[str, Any]]) -> int:
    """Run *statement*, an INSERT into one table, for rows that all have the same keys; returns how many it made.

    On SQLite the rows go to the driver as tuples, and a value that comes back (a moment, a state) is made ready
    once: SQLAlchemy's own way took three quarters of the time that a large draw needs. PostgreSQL answers with what
    the statement returns, or with nothing.
    """
    if not rows:
        return 0
    if connection.dialect.name != "sqlite":
        if len(rows) == 1:
            return _of_one_row(statement, tuple(rows[0])).run(connection, **rows[0]).count
        result = connection.execute(statement, list(rows))
        return len(result.all()) if result.returns_rows else len(rows)
    sql, columns = _prepared(statement, tuple(rows[0]), connection.dialect)
    lines = list(zip(*(values_of(rows) for values_of in columns), strict=True))
    done = connection.exec_driver_sql(sql, lines, execution_options={"preserve_rowcount": True})
    return int(done.rowcount)


@lru_cache(maxsize=256)
def _of_one_row(statement: Insert, names: tuple[str, ...]) -> Prepared:
    """The statement for a row that says these, the rest as the model says."""
    table = statement.table
    assert isinstance(table, Table)
    given = {name: bindparam(name, type_=table.c[name].type) for name in names}
    rest = {
        column.name: column.default.arg
        for column in table.c
        if column.name not in given and isinstance(column.default, ScalarElementColumnDefault)
    }
    return Prepared(statement.inline().values(rest | given))


_ValuesOf = Callable[[Sequence[dict[str, Any]]], list[Any]]


@lru_cache(maxsize=256)
def _prepared(statement: Insert, names: tuple[str, ...], dialect: Dialect) -> tuple[str, list[_ValuesOf]]:
    """The statement in the driver's words and how to get each of its columns from rows, worked out once: for a single
    row that costs ten times the row."""
    table = statement.table
    assert isinstance(table, Table)
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    order: Sequence[str] = compiled.positiontup or names
    return str(compiled), [_values_of(table, name, dialect, given=name in names) for name in order]


def _values_of(table: Table, name: str, dialect: Dialect, *, given: bool) -> _ValuesOf:
    ready = _made_ready(table, name, dialect)
    if given:
        return lambda rows: ready([row[name] for row in rows])
    default = _default(table, name)
    return lambda rows: ready([default] * len(rows))


def _default(table: Table, name: str) -> Any:
    """What the model says where a row says nothing."""
    default = table.c[name].default
    assert isinstance(default, ScalarElementColumnDefault), f"rows must give {name}"
    return default.arg


def _made_ready(table: Table, name: str, dialect: Dialect) -> Callable[[list[Any]], list[Any]]:
    """How the driver wants the values of a column."""
    process = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
    if process is None:
        return lambda values: values

    def ready(values: list[Any]) -> list[Any]:
        known: dict[Any, Any] = {}
        return [_once(process, known, value) for value in values]

    return ready


def _once(process: Callable[[Any], Any], known: dict[Any, Any], value: Any) -> Any:
    key = value or type(value)  # JSON's empty lists and objects are many, and the only ones that are alike
    try:
        return known[key]
    except KeyError:
        made = known[key] = process(value)
    except TypeError:  # has no hash
        made = process(value)
    return made
