"""Open a spreadsheet that somebody made elsewhere, without trusting it: sizes are looked at before it is unfolded."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import python_calamine as calamine

from bot.core.errors import Problem

MAX_CELLS = 30_000_000  # a reader unfolds the whole rectangle: one cell far out would take all memory
_BLOCK = 1 << 20
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_PLACE = re.compile(rb'r="([A-Z]{1,3})(\d{1,7})"')


def open_workbook(path: Path) -> Any:
    """The workbook at *path*. Raises Problem ``sheet_encrypted``, ``sheet_broken`` or ``sheet_too_large``."""
    if zipfile.is_zipfile(path):
        _require_small_rectangles(path)
    try:
        return calamine.CalamineWorkbook.from_path(str(path))
    except calamine.PasswordError:
        raise Problem("sheet_encrypted", "工作簿设有密码，请去掉密码后再导入", 文件=path.name) from None
    except (calamine.CalamineError, OSError) as error:
        raise _broken(path, str(error)) from None


def sheet_named(book: Any, name: str, path: Path) -> Any:
    """One sheet, unfolded. Raises Problem ``sheet_broken``; a reader that panics says so and nothing else stops."""
    try:
        return book.get_sheet_by_name(name)
    except (calamine.CalamineError, OSError) as error:
        raise _broken(path, str(error)) from None
    except BaseException as error:  # a panic of the reader is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise Problem(
            "sheet_too_large", "工作表大得读不了，请删去多余的空行空列后再导入", 文件=path.name
        ) from None


def _broken(path: Path, why: str) -> Problem:
    return Problem("sheet_broken", "工作簿已损坏或不是 Excel 文件", 文件=path.name, 原因=why[:80])


def _require_small_rectangles(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in filter(_SHEET.fullmatch, archive.namelist()):
                with archive.open(name) as sheet:
                    _require_small(path, sheet)
    except (zipfile.BadZipFile, OSError, EOFError):
        raise _broken(path, "压缩内容读不出来") from None


def _require_small(path: Path, sheet: Any) -> None:
    """Rows are in order, so the last place of a block has its highest row; columns are few and seen once each."""
    columns, last_row, tail = set[bytes](), 0, b""
    while block := sheet.read(_BLOCK):
        found = _PLACE.findall(tail + block)
        columns.update(column for column, _ in found)
        last_row = max([last_row, *(int(row) for _, row in found[-1:])])
        if max(map(_number, columns), default=0) * last_row > MAX_CELLS:
            raise Problem("sheet_too_large", "工作表有内容在很远的行或列，请删去后再导入", 文件=path.name,
                          范围=f"{max(columns, key=_number).decode()}{last_row}")  # fmt: skip
        tail = block[-16:]


def _number(column: bytes) -> int:
    """A is 1, XFD is 16,384."""
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number
