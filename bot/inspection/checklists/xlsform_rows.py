"""A workbook by the conventions of XLSForm as plain rows: sheets ``survey``, ``choices`` and ``settings``.

Source: xlsform.org reference tables and pyxform's aliases. Cells are text; rows are counted as a spreadsheet does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.errors import Problem
from bot.core.workbook import open_workbook, sheet_named

_MAX_BYTES = 10 * 1024 * 1024
_MAX_ROWS, _MAX_COLUMNS = 2000, 60
_ALIASES = {
    "caption": "label", "value": "name", "list name": "list_name", "relevance": "relevant",
    "constraint_msg": "constraint_message",
    "body::jr:count": "repeat_count", "repeat count": "repeat_count", "form_name": "form_title",
}  # fmt: skip
_CHINESE = ("中文", "zh", "chinese")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a sheet: its number and its filled cells by column."""

    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: a person opens the file and finds it."""

    sheet: str
    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.sheet} 第{self.row}行" if self.row else self.sheet
        return f"{place} {self.column}：{self.reason}" if self.column else f"{place}：{self.reason}"


@dataclass(frozen=True, slots=True)
class Workbook:
    survey: list[Row]
    choices: list[Row]
    settings: dict[str, str]


def read_workbook(path: Path) -> Workbook:
    """Read the three sheets; raises ``Problem("xlsform_unreadable")``."""
    book = _open(path)
    names = {name.strip().lower(): name for name in book.sheet_names}
    if "survey" not in names:
        raise _unreadable(path, f"没有名为 survey 的工作表（现有：{'、'.join(book.sheet_names)}）")
    survey = _rows(book, names["survey"], path)
    choices = _rows(book, names["choices"], path) if "choices" in names else []
    settings = _rows(book, names["settings"], path) if "settings" in names else []
    return Workbook(survey, choices, settings[0].cells if settings else {})


def _open(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _unreadable(path, "文件超过 10 MB，不像一张检查表")
    except OSError as error:
        raise _unreadable(path, "文件读不出来") from error
    try:
        return open_workbook(path)
    except Problem as problem:
        raise _unreadable(path, problem.text) from problem


def _rows(book: Any, name: str, path: Path) -> list[Row]:
    try:
        sheet = sheet_named(book, name, path)
    except Problem as problem:
        raise _unreadable(path, problem.text) from problem
    lines = sheet.to_python(skip_empty_area=False)
    if len(lines) > _MAX_ROWS or any(len(line) > _MAX_COLUMNS for line in lines[:1]):
        raise _unreadable(path, f"工作表 {name} 超过 {_MAX_ROWS} 行或 {_MAX_COLUMNS} 列")
    if not lines:
        return []
    columns = _columns([_text(cell) for cell in lines[0]])
    found = []
    for number, line in enumerate(lines[1:], start=2):
        cells = {columns[n]: text for n, cell in enumerate(line) if n in columns and (text := _text(cell))}
        if cells:
            found.append(Row(number, cells))
    return found


def _columns(headers: list[str]) -> dict[int, str]:
    """Which column is what; of several languages the Chinese one, else the first."""
    found: dict[int, str] = {}
    for n, header in enumerate(headers):
        plain, _, language = header.strip().lower().partition("::")
        name = _ALIASES.get(header.strip().lower(), _ALIASES.get(plain, plain))
        before = next((m for m, other in found.items() if other == name), None)
        if before is not None:
            if not any(word in language for word in _CHINESE):
                continue
            del found[before]
        if name:
            found[n] = name
    return found


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() if cell is not None else ""


def _unreadable(path: Path, reason: str) -> Problem:
    return Problem("xlsform_unreadable", f"{path.name}：{reason}。")
