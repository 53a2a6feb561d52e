"""Import a county's object library, beside a floor (csv and a bare INSERT of the same rows) and a peer (SQLModel rows
added and committed one by one). Prints seconds and ratios; asserts nothing.

    python bench/imports.py [OBJECTS]
"""

from __future__ import annotations

import csv
import datetime as dt
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlmodel import Session

from bot.cli.demo_data import write_demo_files
from bot.core.db import Database
from bot.inspection.audit.service import SALT
from bot.inspection.imports import IMPORTERS
from bot.inspection.registry.imports import run_import
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tables import METADATA

NOW = dt.datetime(2026, 3, 9, tzinfo=dt.UTC)
PEER_ROWS = 1000  # committed one by one; scaled up


def main(objects: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_demo_files(folder / "sheets", objects=objects)
        floor = bare(folder, data.objects)
        first, again = ours(folder, data.objects)
        peer = one_by_one(folder) * objects / PEER_ROWS
    print(f"{objects:,} rows of CSV into SQLite, synchronous=FULL")
    for what, seconds in (
        ("floor: csv + bare INSERT, nothing checked", floor),
        ("suicha import", first),
        ("suicha import, the same file again", again),
        ("peer: SQLModel, row by row (scaled)", peer),
    ):
        print(f"  {what:<42} {seconds:7.2f} s  {seconds / floor:6.1f} × floor")


def ours(folder: Path, path: Path) -> tuple[float, float]:
    database = Database(f"sqlite:///{folder / 'ours.db'}", info={SALT: "salt of a measurement"})
    METADATA.create_all(database.engine)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        run_import(database, IMPORTERS["objects"], path, now=NOW, max_bytes=1 << 30)
        seconds.append(time.perf_counter() - began)
    database.close()
    return seconds[0], seconds[1]


def bare(folder: Path, path: Path) -> float:
    began = time.perf_counter()
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)][1:]
    connection = sqlite3.connect(folder / "floor.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    marks = ",".join("?" * len(rows[0]))
    connection.execute(f"CREATE TABLE object ({','.join(f'c{n}' for n in range(len(rows[0])))})")
    connection.executemany(f"INSERT INTO object VALUES ({marks})", rows)  # noqa: S608 - marks only
    connection.commit()
    connection.close()
    return time.perf_counter() - began


def one_by_one(folder: Path) -> float:
    database = Database(f"sqlite:///{folder / 'peer.db'}")
    METADATA.create_all(database.engine)
    began = time.perf_counter()
    with Session(database.engine) as session:
        for number in range(PEER_ROWS):
            session.add(InspectionObject(code=f"P{number}", name="某某餐饮店", updated_at=NOW))
            session.commit()
    seconds = time.perf_counter() - began
    database.close()
    return seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60_000)
