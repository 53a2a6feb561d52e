"""The process is killed between any two steps of a submission with photos: what the receipt lists is what is stored.

Each step is a commit or a file that reaches the disk. The child process really ends there, without a farewell; another
one goes on from what it finds, as a phone does that sends again.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session as SqlSession

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.ids import sha256_hex
from bot.inspection.audit.service import verify
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.checklists.models import Answer, Evidence, RecordSheet, SheetSignature
from bot.inspection.checklists.queries import form_facts
from bot.inspection.results.submit import Receipt
from bot.inspection.tasks.models import VisitState
from tests.conftest import INFO
from tests.fakes.desk import GOOD, Desk
from tests.fakes.visits import LI, REVIEWER, VISIT, WANG, make_visit

pytestmark = pytest.mark.slow
_KILLED = 77
_PROCESSES = multiprocessing.get_context("forkserver")  # forks from a process without threads
_PROCESSES.set_forkserver_preload([__name__])


class Killer:
    """Ends the process at the *at*-th step; counts them when it never comes to that."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            os._exit(_KILLED)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def done(*values: Any, **named: Any) -> Any:
            self.step()
            result = call(*values, **named)
            self.step()
            return result

        return done


def inspect(desk: Desk) -> Receipt:
    """Everything from arriving to the receipt; what is done already is not done again."""
    desk.arrive(WANG, LI)
    desk.open()
    facts = desk.db.read_now(form_facts, VISIT)
    if facts.record is None:
        desk.save(GOOD)
        for number in (3, 7):
            desk.photo(f"CL-1:{number}", number * 10)
        desk.close()
    if facts.is_open:
        desk.sign(WANG)
        desk.sign(LI)
    return desk.submit(sign=False)


def child(folder: Path, at: int, say: Connection) -> None:
    """The life of one process: to the end, or to its *at*-th step."""
    killer = Killer(at)
    SqlSession.commit = killer.around(SqlSession.commit)  # type: ignore[method-assign]
    EvidenceStore.put = killer.around(EvidenceStore.put)  # type: ignore[method-assign]
    receipt = inspect(desk_in(folder))
    say.send((killer.steps, asdict(receipt)))
    os._exit(0)


def in_a_process(folder: Path, at: int = 0) -> tuple[int, dict[str, Any]]:
    """Run ``inspect`` in a process of its own; how many steps it took and its receipt, (0, {}) when it was killed."""
    hear, say = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=child, args=(folder, at, say))
    process.start()
    say.close()
    process.join(60)
    assert process.exitcode == (_KILLED if at else 0), (at, process.exitcode)
    return (0, {}) if at else hear.recv()


def desk_in(folder: Path) -> Desk:
    clock = ManualClock(dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA))
    return Desk(Database(f"sqlite:///{folder / 'suicha.db'}", info=INFO), clock, folder / "evidence")


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
    steps, _ = in_a_process(shutil.copytree(prepared, tmp_path / "whole"))
    assert steps > 30
    for at in range(1, steps + 1):
        folder = shutil.copytree(prepared, tmp_path / f"killed-{at}")
        in_a_process(folder, at)
        _, receipt = in_a_process(folder)
        assert in_a_process(folder)[1] == receipt  # sent once more
        check(folder, receipt, at)
        shutil.rmtree(folder)


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
