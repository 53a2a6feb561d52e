"""Many rows in one statement: inserted by the ten thousand, or changed together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    Executable,
    Float,
    Integer,
    Numeric,
    String,
    Subquery,
    Table,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.core.engines import to_json
from bot.core.prepared import Answer, Prepared
from bot.core.tables import Moment

# how SQLite takes the values of an element of a JSON array; PostgreSQL takes each column as an array of its own, which
# costs it less than half of walking JSON
_ELEMENT = "json_extract(value, '$[{n}]')"
_POSTGRES = make_url("postgresql+psycopg://").get_dialect()()
_NUMBERS = (Integer, Boolean, Float, Numeric)


class OverRows:
    """A statement over rows that come as parameters. The database walks them in one go: SQLite without asking for
    Python's lock at each row, beside whatever other threads do, and PostgreSQL with one answer.

    *make* builds the statement around the rows, which look like a table with *columns*: numbers, booleans, texts, days,
    moments, JSON. What waits in a session is not flushed before it.
    """

    def __init__(
        self, columns: Mapping[str, TypeEngine[Any]], make: Callable[[Subquery], Executable]
    ) -> None:
        self._kinds = list(columns.values())
        self._ready: dict[str, list[_Ready | None]] = {}  # by the name of the database
        self._statement = Prepared(lambda database: make(_given(columns, database)))

    def run(self, connection: Connection, given: Sequence[Sequence[Any]], **values: Any) -> Answer:
        """Run it for the rows in *given*, whose values stand in the order of the columns, with other parameters in
        *values*."""
        return self._statement.run(connection, **self._parameters(connection, given), **values)

    def _parameters(self, connection: Connection, given: Sequence[Sequence[Any]]) -> dict[str, str]:
        dialect = connection.dialect
        ready = self._ready.get(dialect.name)
        if ready is None:
            ready = self._ready[dialect.name] = [_made_text(kind, dialect) for kind in self._kinds]
        columns: list[Sequence[Any]] = list(zip(*given, strict=True)) or [()] * len(ready)
        columns = [
            values if process is None else [value if value is None else process(value) for value in values]
            for values, process in zip(columns, ready, strict=True)
        ]
        if dialect.name == "sqlite":
            _refuse_nul(columns, self._kinds)
            return {"rows": msgspec.json.encode(list(zip(*columns, strict=True))).decode()}
        return {
            f"rows_{n}": _array(values, texts=not isinstance(kind, _NUMBERS))
            for n, (values, kind) in enumerate(zip(columns, self._kinds, strict=True))
        }


@lru_cache(maxsize=256)
def rows_into(table: Table, columns: tuple[str, ...], *, unless_there: bool = False) -> OverRows:
    """An INSERT of rows with these *columns*, the others as the model says; *unless_there*, which is for PostgreSQL, leaves
    alone what a unique key has already."""
    rest = {
        column.name: literal(column.default.arg, column.type)
        for column in table.c
        if column.name not in columns and isinstance(column.default, ScalarElementColumnDefault)
    }
    into = pg_insert(table).on_conflict_do_nothing() if unless_there else insert(table).inline()
    return OverRows(
        {name: table.c[name].type for name in columns},
        lambda given: into.from_select(
            [*columns, *rest], select(given, *rest.values()), include_defaults=False
        ),
    )


def rows_changed(table: Table, columns: Sequence[str]) -> OverRows:
    """An UPDATE of *columns* in rows that begin with the key."""
    (key,) = table.primary_key.columns
    return OverRows(
        {name: table.c[name].type for name in (key.name, *columns)},
        lambda given: (
            update(table).where(key == given.c[key.name]).values({name: given.c[name] for name in columns})
        ),
    )


def _is_text(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind.impl_instance if isinstance(kind, TypeDecorator) else kind, String)


def _refuse_nul(columns: Sequence[Sequence[Any]], kinds: Sequence[TypeEngine[Any]]) -> None:
    """SQLite reads a text out of JSON up to the first NUL, where PostgreSQL refuses it."""
    for values, kind in zip(columns, kinds, strict=True):
        if _is_text(kind) and "\x00" in "".join(filter(None, values)):
            raise ValueError("a text has no NUL")


_Ready = Callable[[Any], Any]


def _made_text(kind: TypeEngine[Any], dialect: Dialect) -> _Ready | None:
    """How a value becomes what the database reads it from; None where it is that already."""
    if isinstance(kind, JSON):
        return to_json
    if dialect.name == "sqlite":
        process: _Ready | None = kind.dialect_impl(dialect).bind_processor(dialect)
        return process
    if isinstance(kind, Moment):  # many rows are of one moment
        return lru_cache(maxsize=8)(lambda value: str(kind.process_bind_param(value, dialect)))
    return dt.date.isoformat if isinstance(kind, Date) else None


def _given(columns: Mapping[str, TypeEngine[Any]], database: str) -> Subquery:
    if database == "sqlite":
        picked = ", ".join(_picked(n, name, kind) for n, (name, kind) in enumerate(columns.items()))
        walk = f"SELECT {picked} FROM json_each(:rows)"  # noqa: S608 - our own names
    else:
        arrays = ", ".join(
            f"CAST(:rows_{n} AS {_on_postgres(kind)}[])" for n, kind in enumerate(columns.values())
        )
        walk = f"SELECT * FROM unnest({arrays}) AS walked({', '.join(columns)})"  # noqa: S608 - our own names
    return text(walk).columns(**columns).subquery("given")


def _picked(n: int, name: str, kind: TypeEngine[Any]) -> str:
    """A column out of an element; as a number is taken what is none, where SQLite hears of a day or of JSON."""
    word = kind.compile() if isinstance(kind, _NUMBERS) else "TEXT"
    return f"CAST({_ELEMENT.format(n=n)} AS {word}) AS {name}"


def _on_postgres(kind: TypeEngine[Any]) -> str:
    """A text too long for its column is refused where it is stored; a cast would cut it off without a word."""
    return "TEXT" if _is_text(kind) else kind.compile(dialect=_POSTGRES)


def _array(values: Sequence[Any], *, texts: bool) -> str:
    """PostgreSQL's words for an array: numbers and booleans as in JSON, texts in quotes."""
    if not texts:
        return f"{{{msgspec.json.encode(values).decode()[1:-1]}}}"
    if not values:
        return "{}"
    if None in values:
        return f"{{{','.join('NULL' if value is None else _quoted(value) for value in values)}}}"
    every = "".join(values)
    if '"' in every or "\\" in every:
        return f"{{{','.join(map(_quoted, values))}}}"
    return '{"' + '","'.join(values) + '"}'


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def insert_many(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, unless_there: bool = False
) -> int:
    """Insert rows that all have the same keys; *unless_there* leaves alone what a unique key has already. Returns how many
    it made.

    SQLAlchemy's own way took three quarters of the time that a large draw needs. SQLite takes tuples, of which a value
    that comes back (a moment, a state) is made ready once; PostgreSQL walks arrays.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    if connection.dialect.name != "sqlite":
        walked = rows_into(table, names, unless_there=unless_there)
        return walked.run(connection, [[row[name] for name in names] for row in rows]).count
    sql, columns = _prepared(table, names, connection.dialect, unless_there=unless_there)
    lines = list(zip(*(values_of(rows) for values_of in columns), strict=True))
    done = connection.exec_driver_sql(sql, lines, execution_options={"preserve_rowcount": True})
    return int(done.rowcount)


_ValuesOf = Callable[[Sequence[dict[str, Any]]], list[Any]]


@lru_cache(maxsize=256)
def _prepared(
    table: Table, names: tuple[str, ...], dialect: Dialect, *, unless_there: bool
) -> tuple[str, list[_ValuesOf]]:
    """The statement in the driver's words and how to get each of its columns from rows, worked out once: for a single
    row that costs ten times the row."""
    statement = sqlite_insert(table).on_conflict_do_nothing() if unless_there else insert(table)
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
