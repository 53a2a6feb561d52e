"""Plays an inspection in processes that are killed; run by ``test_killed``, from a process without threads."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session as SqlSession

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.checklists.queries import form_facts
from bot.inspection.results.submit import Receipt
from tests.conftest import INFO
from tests.fakes.desk import GOOD, Desk
from tests.fakes.visits import LI, VISIT, WANG

KILLED = 77


class Killer:
    """Ends the process after the *at*-th step (a commit, a file on the disk), without a farewell."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def after(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def done(*values: Any, **named: Any) -> Any:
            result = call(*values, **named)
            self.steps += 1
            if self.steps == self.at:
                os._exit(KILLED)
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


def desk_in(folder: Path) -> Desk:
    clock = ManualClock(dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA))
    return Desk(Database(f"sqlite:///{folder / 'suicha.db'}", info=INFO), clock, folder / "evidence")


def in_a_process(folder: Path, at: int = 0) -> int:
    """One process from its start to its end or its *at*-th step; writes ``receipt.json`` where it came to one."""
    child = os.fork()
    if child == 0:
        killer = Killer(at)
        SqlSession.commit = killer.after(SqlSession.commit)  # type: ignore[method-assign]
        EvidenceStore.put = killer.after(EvidenceStore.put)  # type: ignore[method-assign]
        receipt = asdict(inspect(desk_in(folder)))
        (folder / "receipt.json").write_text(json.dumps([killer.steps, receipt]), encoding="utf-8")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(prepared: Path, results: Path) -> None:
    """Kill after each step in turn, on a fresh copy, and let another process go on."""
    whole = shutil.copytree(prepared, results / "0")
    assert in_a_process(whole) == 0
    steps = json.loads((whole / "receipt.json").read_text(encoding="utf-8"))[0]
    for at in range(1, steps + 1):
        folder = shutil.copytree(prepared, results / str(at))
        assert in_a_process(folder, at) == KILLED, at
        assert in_a_process(folder) == 0, at


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
