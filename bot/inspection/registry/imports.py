"""Run an import: read, parse, store in chunks, count. Each chunk is one transaction.

A run that stops midway has stored whole chunks; importing the file again finds them unchanged and goes on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from bot.core.columns import Binding, Fault, Layout, Row, Tally
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit import service as audit
from bot.inspection.registry.models import ImportBatch
from bot.inspection.registry.report import RejectsFile, Report
from bot.inspection.registry.sheets import EXTRA, Progress, Sheet, open_sheet

CHUNK = 5000  # rows in one transaction
_TURN = 0x5C_0001  # advisory lock on PostgreSQL


class Upsert(Protocol):
    """A service that stores parsed rows; the same rows again count as unchanged."""

    def __call__(self, session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally: ...


@dataclass(frozen=True, slots=True)
class Importer:
    layout: Layout
    upsert: Upsert


class _Undo(Exception):  # noqa: N818 - not an error: it carries the tally of a dry run out of the transaction
    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally


def run_import(
    db: Database,
    importer: Importer,
    path: Path,
    *,
    now: dt.datetime,
    max_bytes: int,
    dry_run: bool = False,
    rejects: Path | None = None,
    progress: Progress = lambda _: None,
    actor: int | None = None,
) -> Report:
    """Import the sheet at *path*. ``Problem`` when the file as a whole cannot be taken: nothing is stored.

    Rows that cannot be taken are in the report and, with the original columns, in the file *rejects*
    (default: beside the sheet). A dry run gives the same report and stores nothing.
    """
    sheet = open_sheet(path, max_bytes=max_bytes, progress=progress)
    binding = importer.layout.bind(sheet.headers)
    report = Report(importer.layout.kind, path.name, dry_run=dry_run, unknown_headers=binding.unknown)
    if not dry_run:
        report.batch_id = db.write_now(_begin, report=report, sha256=sheet.sha256, now=now)
    out = RejectsFile(rejects or path.with_name(f"{path.stem}.未导入.csv"), sheet.headers)
    run = _Run(db, importer, binding, report, out, now)
    try:
        run.all(sheet)
        if not report.total:
            raise Problem("sheet_empty", "文件只有表头，没有数据", 文件=path.name)
    except BaseException as error:
        report.stopped = report.stopped or f"第{report.total}行附近中断：{type(error).__name__}"
        raise
    finally:
        report.rejects_file = out.close()
        if not dry_run:
            db.write_now(_finish, report=report, sha256=sheet.sha256, now=now, actor=actor)
    progress(sheet.size)
    return report


@dataclass(slots=True)
class _Run:
    """One pass over one sheet."""

    db: Database
    importer: Importer
    binding: Binding
    report: Report
    out: RejectsFile
    now: dt.datetime
    seen: dict[object, int] = field(default_factory=dict)  # key of a row -> its number

    def all(self, sheet: Sheet) -> None:
        """Take every row; a sheet that breaks off is an early end, what was read before is kept."""
        try:
            for chunk in _chunks(sheet.rows):
                self._store(self._parse(chunk), dict(chunk))
        except Problem as problem:
            if not self.report.total:
                raise
            self.report.stopped = str(problem)

    def _parse(self, chunk: list[tuple[int, dict[str, str]]]) -> list[Row]:
        good = []
        for number, cells in chunk:
            self.report.total += 1
            values, faults = self.binding.parse(cells)
            if EXTRA in cells:
                faults.insert(0, Fault("", cells[EXTRA], "这一行的列数比表头多，可能有未加引号的逗号"))
            if faults:
                self._reject(number, cells, faults)
            elif (first := self.seen.setdefault(self._key(values), number)) != number:
                self.report.duplicates += 1
                key = self.importer.layout.key[0]
                fault = Fault(self.importer.layout.header_of(key), str(values[key]), f"与第{first}行重复")
                self._turn_away(number, cells, [fault])
            else:
                good.append(Row(number, values))
        return good

    def _key(self, values: dict[str, object]) -> object:
        key = self.importer.layout.key
        return values[key[0]] if len(key) == 1 else tuple(values[name] for name in key)

    def _store(self, rows: list[Row], cells: dict[int, dict[str, str]]) -> None:
        tally = _dry(self.db, self.importer.upsert, rows, self.now) if self.report.dry_run else (
            self.db.write_now(_apply, upsert=self.importer.upsert, rows=rows, now=self.now)
        )  # fmt: skip
        self.report.new += tally.new
        self.report.changed += tally.changed
        self.report.unchanged += tally.unchanged
        for number, fault in tally.faults.items():
            self._reject(number, cells[number], [fault])

    def _reject(self, number: int, cells: dict[str, str], faults: list[Fault]) -> None:
        self.report.rejected += 1
        self._turn_away(number, cells, faults)

    def _turn_away(self, number: int, cells: dict[str, str], faults: list[Fault]) -> None:
        for fault in faults:
            self.report.note(number, fault)
        self.out.add(
            number, cells, "；".join(f"{f.header}：{f.reason}" if f.header else f.reason for f in faults)
        )


def _chunks(rows: Iterator[tuple[int, dict[str, str]]]) -> Iterator[list[tuple[int, dict[str, str]]]]:
    chunk: list[tuple[int, dict[str, str]]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _dry(db: Database, upsert: Upsert, rows: Sequence[Row], now: dt.datetime) -> Tally:
    """Store and take back: the tally is the true one and nothing stays."""
    try:
        db.write_now(_undone, upsert=upsert, rows=rows, now=now)
    except _Undo as undo:
        return undo.tally
    raise AssertionError("unreachable")


def _undone(session: Session, *, upsert: Upsert, rows: Sequence[Row], now: dt.datetime) -> None:
    tally = _apply(session, upsert=upsert, rows=rows, now=now)
    session.flush()
    raise _Undo(tally)


def _apply(session: Session, *, upsert: Upsert, rows: Sequence[Row], now: dt.datetime) -> Tally:
    if session.get_bind().dialect.name == "postgresql":  # imports take turns: both would insert the same code
        session.execute(select(func.pg_advisory_xact_lock(_TURN)))
    return upsert(session, rows, now=now)


def _begin(session: Session, *, report: Report, sha256: str, now: dt.datetime) -> int:
    batch = ImportBatch(kind=report.kind, filename=report.filename, sha256=sha256, started_at=now)
    session.add(batch)
    session.flush()
    assert batch.id is not None
    return batch.id


def _finish(session: Session, *, report: Report, sha256: str, now: dt.datetime, actor: int | None) -> None:
    """Close the batch and put its counts into the audit chain; a stopped one keeps ``finished_at`` empty."""
    kept = [[r.row, r.header, r.value, r.reason] for r in report.rejects]
    session.execute(
        update(ImportBatch)
        .where(col(ImportBatch.id) == report.batch_id)
        .values(
            counts=report.counts() | ({"stopped": report.stopped} if report.stopped else {}),
            rejects=kept,
            finished_at=None if report.stopped else now,
        )
    )
    action = "import.stopped" if report.stopped else "import.finished"
    audit.record(session, action, f"import:{report.batch_id}", now=now, actor=actor, kind=report.kind,
                 sha256=sha256, **report.counts())  # fmt: skip
