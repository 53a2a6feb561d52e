"""Read a sheet somebody sent: CSV in any encoding met in China, or a workbook; name what cannot be read."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import hashlib
import io
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charset_normalizer import from_bytes

from bot.core.errors import Problem
from bot.core.workbook import open_workbook, sheet_named

Progress = Callable[[int], None]  # called with the bytes read so far

EXTRA = "\0extra"  # key under which cells beyond the last header are handed over
_BLOCK = 1 << 20
_UNPACKED = 4  # a workbook may unpack to so many times the size allowed for the file
_OLE, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BOOKS = {".xlsx", ".xlsm", ".xls"}
_FOREIGN = {
    b"%PDF": "PDF 文件", b"\x89PNG": "图片", b"\xff\xd8\xff": "图片", b"Rar!": "RAR 压缩包",
    b"7z\xbc\xaf": "7z 压缩包",
    b"\x1f\x8b": "gzip 压缩包",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """``rows`` gives (row number as a spreadsheet counts, cells by header) and can be read once."""

    headers: tuple[str, ...]
    rows: Iterator[tuple[int, dict[str, str]]]
    sha256: str
    size: int  # bytes


def rows(path: Path, *, max_bytes: int) -> Iterator[tuple[int, dict[str, str]]]:
    """All rows of the sheet at *path*; ``Problem`` as :func:`open_sheet`."""
    return open_sheet(path, max_bytes=max_bytes).rows


def open_sheet(path: Path, *, max_bytes: int, progress: Progress = lambda _: None) -> Sheet:
    """Open *path*; ``Problem`` names the file and what is wrong with it.

    The header is the first row with two filled cells: a title above it is passed over. A file over
    *max_bytes* is refused before it is read.
    """
    size = _size(path, max_bytes)
    with path.open("rb") as file:
        head = file.read(2048)
    is_book = head.startswith((_OLE, _ZIP))
    _require_honest_name(path, head, is_book=is_book)
    if is_book:
        sha256, _ = _survey(path)
        table = _book_rows(path, head, max_bytes=max_bytes, size=size, progress=progress)
    else:
        sha256, encoding = _survey(path)
        table = _text_rows(path, encoding, progress=progress)
    headers = _headers(path, table)
    return Sheet(headers, _dicts(headers, table), sha256, size)


def _size(path: Path, max_bytes: int) -> int:
    try:
        status = path.stat()
    except OSError:
        raise Problem("sheet_missing", "找不到文件", 文件=path.name) from None
    if not stat.S_ISREG(status.st_mode):
        raise Problem("sheet_missing", "这不是文件", 文件=path.name)
    if status.st_size > max_bytes:
        limit = f"{max_bytes / 1024**2:.0f} MB"
        raise Problem("sheet_too_large", "文件太大，请拆成几个文件", 文件=path.name, 上限=limit)
    if not status.st_size:
        raise Problem("sheet_empty", "文件是空的", 文件=path.name)
    return status.st_size


def _require_honest_name(path: Path, head: bytes, *, is_book: bool) -> None:
    """Refuse a file that is not what its name says, in words that say what to do."""
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise Problem("sheet_kind", f"这是{name}，不是表格", 文件=path.name)
    if is_book and path.suffix.lower() not in _BOOKS:
        raise Problem("sheet_kind", "内容是 Excel 工作簿，请把扩展名改为 .xlsx", 文件=path.name)
    if not is_book and path.suffix.lower() in _BOOKS:
        if b"<html" in head.lower() or b"<table" in head.lower():
            raise Problem("sheet_kind", "这是网页表格，请用 Excel 打开后另存为 .xlsx", 文件=path.name)
        raise Problem("sheet_kind", "扩展名是工作簿，内容不是；若是 CSV，请改名为 .csv", 文件=path.name)


# -- text ----------------------------------------------------------------------------------------------


def _survey(path: Path) -> tuple[str, str]:
    """The digest of the whole file and the first encoding that reads all of it ("" when none does)."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        head = file.read(4)
        wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        names = ["utf-16"] if wide else ["utf-8", "gb18030"]
        decoders = {name: codecs.getincrementaldecoder(name)() for name in names}
        file.seek(0)
        while block := file.read(_BLOCK):
            digest.update(block)
            _feed(decoders, block)
    _feed(decoders, b"", final=True)
    chosen = next(iter(decoders), "")
    return digest.hexdigest(), {"utf-8": "utf-8-sig"}.get(chosen, chosen)


def _feed(decoders: dict[str, codecs.IncrementalDecoder], block: bytes, *, final: bool = False) -> None:
    """Let each decoder read on; drop the ones that cannot."""
    for name in list(decoders):
        try:
            decoders[name].decode(block, final)
        except UnicodeDecodeError:
            del decoders[name]


def _text_rows(path: Path, encoding: str, *, progress: Progress) -> Iterator[tuple[int, list[str]]]:
    if not encoding:
        with path.open("rb") as file:
            guess = from_bytes(file.read(_BLOCK)).best()
        if guess is None:
            raise Problem("sheet_encoding", "文字编码认不出来，请另存为 UTF-8 的 CSV", 文件=path.name)
        encoding = guess.encoding
    with (
        path.open("rb") as raw,
        io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="") as file,
    ):
        sample = file.readline(65536)
        if "\0" in sample:
            raise Problem("sheet_kind", "这不是文字表格", 文件=path.name)
        while sample and not _delimiter(sample):  # a title stands above the header
            sample = file.readline(65536)
        delimiter = _delimiter(sample) or ","
        file.seek(0)
        number = 0
        try:
            for number, row in enumerate(csv.reader(file, delimiter=delimiter), start=1):
                if number % 4096 == 0:
                    progress(raw.tell())
                yield number, row
        except (csv.Error, UnicodeDecodeError) as error:
            where = f"第{number + 1}行读不下去"
            raise Problem("sheet_broken", where, 文件=path.name, 原因=str(error)) from None


def _delimiter(line: str) -> str:
    """The separator seen most often in *line*; empty when there is none."""
    best = max(",\t;|，", key=line.count)
    return best if line.count(best) else ""


# -- workbooks -----------------------------------------------------------------------------------------


def _book_rows(
    path: Path, head: bytes, *, max_bytes: int, size: int, progress: Progress
) -> Iterator[tuple[int, list[str]]]:
    if head.startswith(_OLE) and _ENCRYPTED in path.read_bytes():
        raise Problem("sheet_encrypted", "工作簿设有密码，请去掉密码后再导入", 文件=path.name)
    if head.startswith(_ZIP):
        _require_small_when_unpacked(path, _UNPACKED * max_bytes)
    book = open_workbook(path)
    sheets = (sheet_named(book, name, path) for name in book.sheet_names)
    sheet = next((s for s in sheets if s.height), None)
    if sheet is None:
        raise Problem("sheet_empty", "工作簿里没有数据", 文件=path.name)
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number % 4096 == 0:
            progress(size * number // sheet.height)
        yield number, [_cell(value) for value in row]


def _require_small_when_unpacked(path: Path, limit: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        raise Problem("sheet_broken", "工作簿已损坏，请重新导出", 文件=path.name) from None
    if not any(name.startswith("xl/workbook") for name in names):
        raise Problem("sheet_kind", "这是压缩包，不是 Excel 工作簿", 文件=path.name)
    if unpacked > limit:
        raise Problem("sheet_too_large", "工作簿展开后太大，请拆成几个文件", 文件=path.name)


def _cell(value: Any) -> str:
    """A cell as text: whole numbers without a point, dates as 2026-03-01."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, bool):
        return "是" if value else "否"
    return value.isoformat() if isinstance(value, dt.date) else str(value)


# -- headers -------------------------------------------------------------------------------------------


def _headers(path: Path, table: Iterator[tuple[int, list[str]]]) -> tuple[str, ...]:
    for _, row in table:
        if sum(1 for cell in row if cell.strip()) < 2:
            continue
        names = [cell.strip() for cell in row]
        while not names[-1]:
            names.pop()
        repeated = {name for name in names if name and names.count(name) > 1}
        if repeated:
            raise Problem("sheet_headers", "表头有重复的列", 文件=path.name, 列="、".join(sorted(repeated)))
        return tuple(names)
    raise Problem("sheet_headers", "找不到表头（至少要有两列）", 文件=path.name)


def _dicts(
    headers: tuple[str, ...], table: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by header; empty ones are passed over, cells beyond the last header come under ``EXTRA``."""
    width = len(headers)
    for number, row in table:
        if any(row) and any(cell.strip() for cell in row):
            cells = dict(zip(headers, row, strict=False))
            if len(row) > width and (extra := "".join(row[width:]).strip()):
                cells[EXTRA] = extra
            yield number, cells
