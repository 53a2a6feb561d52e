"""Columns of a sheet somebody fills in: which headers mean which field, and how a cell becomes a value.

A new header spelling is one more word in ``Column.aliases``; headers are compared without spaces, case, width
and the marks people add to them (``名称 *``, ``名称（必填）``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.core.errors import Problem
from bot.core.words import keepable

Parse = Callable[[str], Any]  # raises ValueError with a zh-CN reason
Rule = Callable[[dict[str, Any]], "Fault | None"]

_MARKS = re.compile(r"[(（【\[](必填|选填|可选|必须|\*)[)）】\]]|[*＊\s:：]")


class Need(StrEnum):
    """How much a column must be there."""

    FILLED = "FILLED"  # the column is there and every row has a value
    PRESENT = "PRESENT"  # the column is there, a cell may be empty
    OPTIONAL = "OPTIONAL"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be taken: the header as the person wrote it, the cell, a zh-CN reason."""

    header: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Column:
    """One field. ``default`` stands for an empty or missing cell; ``note`` (zh-CN) is for the guide."""

    field: str
    header: str
    parse: Parse
    aliases: tuple[str, ...] = ()
    need: Need = Need.OPTIONAL
    default: Any = ""
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.header, *self.aliases)


@dataclass(frozen=True, slots=True)
class Layout:
    """All columns of one kind of sheet. ``key`` are the fields that make a row unique within a file."""

    kind: str
    title: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()  # look at the whole parsed row

    def bind(self, headers: Sequence[str]) -> Binding:
        """Match *headers*; ``Problem`` ``import_columns`` names columns that are missing or given twice."""
        return _bind(self, headers)

    def header_of(self, name: str) -> str:
        """The standard header of field *name*."""
        return next(column.header for column in self.columns if column.field == name)


@dataclass(frozen=True, slots=True)
class Binding:
    """A layout against the headers of one file; ``unknown`` headers are ignored, and reported."""

    layout: Layout
    found: tuple[tuple[Column, str], ...]  # column, the header as written
    unknown: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def parse(self, row: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
        """Values by field and every fault of the row; the values are incomplete when there are faults."""
        values, faults = dict(self.defaults), []
        for column, header in self.found:
            cell = keepable(row.get(header, "")).strip()
            if not cell:
                if column.need is Need.FILLED:
                    faults.append(Fault(header, "", f"“{column.header}”未填写"))
                continue
            try:
                values[column.field] = column.parse(cell)
            except ValueError as error:
                faults.append(Fault(header, cell, str(error)))
        if not faults:
            faults = [fault for rule in self.layout.rules if (fault := rule(values)) is not None]
        return values, faults


@dataclass(frozen=True, slots=True)
class Row:
    """A parsed row on its way into the tables; ``number`` as a spreadsheet counts."""

    number: int
    values: dict[str, Any]


@dataclass(slots=True)
class Tally:
    """What became of some rows; ``faults`` by row number."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: dict[int, Fault] = field(default_factory=dict)

    def count(self, *, new: bool, changed: bool) -> None:
        """One more row that came in."""
        self.new += new
        self.changed += changed and not new
        self.unchanged += not (new or changed)


def plain_header(text: str) -> str:
    """A header without width, case, spaces and the usual marks."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).replace("(必填)", "")).casefold()


def _bind(layout: Layout, headers: Sequence[str]) -> Binding:
    by_name = {plain_header(name): column for column in layout.columns for name in column.names}
    found: dict[str, tuple[Column, str]] = {}
    unknown: list[str] = []
    for header in headers:
        column = by_name.get(plain_header(header))
        if column is None:
            unknown.append(header)
        elif column.field in found:
            twice = found[column.field][1]
            raise Problem("import_columns", f"两列都是“{column.header}”：“{twice}”和“{header}”，请只留一列")
        else:
            found[column.field] = (column, header)
    missing = [c for c in layout.columns if c.need is not Need.OPTIONAL and c.field not in found]
    if missing:
        names = "、".join(f"“{column.header}”" for column in missing)
        raise Problem("import_columns", f"{layout.title}缺少列{names}", 文件中的列="、".join(headers) or "无")
    defaults = {column.field: column.default for column in layout.columns}
    return Binding(layout, tuple(found.values()), tuple(h for h in unknown if h), defaults)


# -- what cells are ------------------------------------------------------------------------------------


def text(limit: int) -> Parse:
    """Text of at most *limit* characters."""

    def parse(cell: str) -> str:
        if len(cell) > limit:
            raise ValueError(f"最多{limit}个字，现为{len(cell)}个字")
        return cell

    return parse


def words(cell: str) -> list[str]:
    """A list separated by 、 ； ; ， , or |, without repeats, in the order written."""
    return list(dict.fromkeys(word for part in re.split(r"[、;；,，|]", cell) if (word := part.strip())))


def choice(options: Mapping[str, Any]) -> Parse:
    """One of *options*, given by any of its words."""
    known = {plain_header(name): value for name, value in options.items()}

    def parse(cell: str) -> Any:
        try:
            return known[plain_header(cell)]
        except KeyError:
            raise ValueError(f"只能填{_joined(options)}") from None

    return parse


def choices(options: Mapping[str, Any]) -> Parse:
    """Several of *options*, separated as in :func:`words`."""
    one = choice(options)
    return lambda cell: [one(word) for word in words(cell)]


def _joined(options: Mapping[str, Any]) -> str:
    """The first word of each meaning."""
    first: dict[Any, str] = {}
    for word, value in options.items():
        first.setdefault(value, word)
    return "、".join(first.values())
