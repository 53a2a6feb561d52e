"""The process is killed between any two steps of a submission with photos: what the receipt lists is what is stored.

A step is a commit or a file that reaches the disk. The process really ends there, without a farewell; another one goes
on from what it finds, as a phone does that sends again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.ids import sha256_hex
from bot.inspection.audit.service import verify
from bot.inspection.checklists.models import Answer, Evidence, RecordSheet, SheetSignature
from bot.inspection.tasks.models import VisitState
from tests.conftest import INFO
from tests.fakes.visits import LI, REVIEWER, WANG, make_visit
from tests.inspection.killed_play import desk_in

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def prepared(sqlite_template: Path, clock: ManualClock, tmp_path: Path) -> Path:
    """A folder with one visit, and nobody connected to its database."""
    folder = tmp_path / "before"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "suicha.db")
    database = Database(f"sqlite:///{folder / 'suicha.db'}", info=INFO)
    database.write_now(make_visit, now=clock.now())
    database.close()
    return folder


def test_what_the_receipt_lists_is_stored_wherever_the_process_was_killed(
    prepared: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    words = [sys.executable, "-m", "tests.inspection.killed_play", str(prepared), str(results)]
    played = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)  # noqa: S603 - our own
    assert played.returncode == 0, played.stderr[-2000:]
    folders = sorted(results.iterdir(), key=lambda folder: int(folder.name))
    assert len(folders) > 15
    for folder in folders:
        _, receipt = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
        check(folder, receipt, int(folder.name))


def check(folder: Path, receipt: dict[str, Any], at: int) -> None:
    """One form, one result, one sheet; every file of the receipt is whole, and none is missing from it."""
    desk = desk_in(folder)
    linked = {e.sha256 for e in desk.rows(Evidence)}
    assert {f["sha256"] for f in receipt["files"]} == linked, at
    assert all(sha256_hex(desk.store.read(sha256)) == sha256 for sha256 in linked), at
    assert len([f for f in receipt["files"] if f["name"].startswith("CL-1 第")]) == 2, at
    assert len(desk.rows(RecordSheet)) == 1
    assert desk.rows(RecordSheet)[0].pdf_sha256 in linked
    assert sorted(s.person_id for s in desk.rows(SheetSignature)) == [WANG, LI], at
    assert {a.version for a in desk.rows(Answer)} == {1}
    assert desk.visit().state == VisitState.IN_REVIEW
    assert desk.told("review_request") == [REVIEWER], at
    assert desk.db.read_now(verify).broken_at is None, at
    desk.db.close()
