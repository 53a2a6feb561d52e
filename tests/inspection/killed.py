"""Play a submission with photos and kill it at every step, each time in a process of its own; then go on and look.

``python -m tests.inspection.killed FOLDER`` prints one JSON line for each step at which it was killed. A step is a
write that reaches the disk, a rename, or a transaction that begins or has been committed.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.sqlite_writer import SqliteWriter
from bot.inspection.audit.service import SALT, verify
from bot.inspection.checklists.models import Answer, Evidence, VisitForm
from bot.inspection.notices.models import Notice
from bot.inspection.tables import METADATA
from tests.fakes import desk as desk_module
from tests.fakes.desk import GOOD, Desk
from tests.fakes.visits import LI, WANG, make_visit

desk_module.render_pdf = lambda _sheet, *, now: (
    b"%PDF-1.7\n1 0 obj\n"
)  # setting type takes seconds and writes nothing
INFO = {SALT: "salt-for-tests-only"}
NOW = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)
CLOSED = {"form_closed", "record_closed"}  # what a phone hears that sends again what has arrived
SAID = GOOD | {"CL-1:5": {"value": "否", "note": "出资时间与章程不符", "id": "a-5"}}


def play(folder: Path) -> None:
    """What the phone does, from the beginning: everything is sent again with the same keys."""
    database = Database(f"sqlite:///{folder / 'suicha.db'}", info=INFO)
    desk = Desk(database, ManualClock(NOW), folder / "evidence")
    desk.arrive(WANG, LI)
    desk.open()
    for step in (
        lambda: desk.photo("CL-1:5", 10), lambda: desk.photo("CL-1:5", 90), lambda: desk.save(SAID), desk.close,
        lambda: desk.sign(WANG), lambda: desk.sign(LI), desk.submit,
    ):  # fmt: skip
        try:
            step()
        except Problem as problem:
            if problem.key not in CLOSED:
                raise
    database.close()


def look(folder: Path) -> dict[str, Any]:
    """What is there in the end, and whether the receipt tells the truth."""
    database = Database(f"sqlite:///{folder / 'suicha.db'}", info=INFO)
    desk = Desk(database, ManualClock(NOW), folder / "evidence")
    receipt = desk.rows(VisitForm)[0].receipt
    listed = sorted(file["sha256"] for file in receipt["files"])
    for sha256 in listed:
        desk.store.read(sha256)
    found = {
        "listed_is_linked": listed == sorted(e.sha256 for e in desk.rows(Evidence)),
        "photos": len(desk.rows(Evidence, Evidence.question == "CL-1:5")),
        "answers": len(desk.rows(Answer)),
        "asked": len(desk.rows(Notice, Notice.kind == "review_request")),
        "chain": database.read_now(verify).broken_at is None,
        "torn": len(
            [
                p
                for p in (folder / "evidence").rglob("*")
                if p.is_file() and len(p.name) != 64 and ".new-" not in p.name
            ]
        ),
    }
    database.close()
    return found


def in_child(act: Callable[[], None]) -> bool:
    """Run *act* in a process of its own; whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - the parent must hear of it
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a run broke instead of being killed")
    return not os.WIFSIGNALED(status)


def deadly(folder: Path, at: int) -> None:
    """Play, and die at step *at*."""
    left = [at]

    def dies(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **values: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **values)

        return step

    os.fsync = dies(os.fsync)
    Path.replace = dies(Path.replace)  # type: ignore[method-assign]
    Database.submit = dies(Database.submit)  # type: ignore[method-assign]
    SqliteWriter._commit_together = dies(SqliteWriter._commit_together)  # type: ignore[method-assign]
    SqliteWriter._answer = dies(SqliteWriter._answer)  # type: ignore[method-assign]
    play(folder)


def prepare(folder: Path) -> None:
    database = Database(f"sqlite:///{folder / 'suicha.db'}", info=INFO)
    METADATA.create_all(database.engine)
    database.write_now(make_visit, now=NOW)
    database.close()


def main(folder: Path) -> None:
    first = folder / "first"
    first.mkdir()
    in_child(lambda: prepare(first))
    for at in range(1, 500):
        here = folder / str(at)
        shutil.copytree(first, here)
        ended = in_child(lambda: deadly(here, at))  # noqa: B023 - called at once
        sys.stdout.write(json.dumps({"at": at, "ended": ended, **go_on_and_look(here)}) + "\n")
        sys.stdout.flush()
        shutil.rmtree(here)
        if ended:
            return


def go_on_and_look(folder: Path) -> dict[str, Any]:
    """In a child too: no thread may be left in the process the next one is forked from."""
    answer = folder / "found.json"

    def act() -> None:
        play(folder)
        answer.write_text(json.dumps(look(folder)))

    in_child(act)
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
