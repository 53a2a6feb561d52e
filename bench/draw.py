"""A province's draw, from rows in the database to a locked, audited list with all visits and teams stored.

Pool of 1,000,000 in SQLite, four classes; 20,000 officers with districts, labels, absences and recusals. Each phase is
printed beside the floor measured in the same run (a bare read of id and class, a bare loop of SHA-256, a bare INSERT of the
same rows) and beside the naive way (``random.sample`` over ORM rows). The teams are held against the min-cost flow of
ortools. Asserts nothing. Ratios are of
processor time, which others on the machine disturb least.

    python bench/draw.py [OBJECTS] [OFFICERS]
"""

from __future__ import annotations

import datetime as dt
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import insert
from sqlmodel import Session, select

from bench._matching import measure_matching
from bot.core.collecting import uncollected
from bot.core.db import Database
from bot.inspection.audit.service import SALT
from bot.inspection.audit.service import verify as verify_chain
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws import algorithm
from bot.inspection.draws.bundle import bundle
from bot.inspection.draws.pool import eligible
from bot.inspection.draws.preparation import waive_check
from bot.inspection.draws.queries import require_draw
from bot.inspection.draws.service import commit_draw, lock_draw, reveal_draw
from bot.inspection.draws.verify import verify_bundle
from bot.inspection.people.models import Absence, Department, Officer, Person, PersonRole, Relation, Role
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.plans.strata import StratumRule
from bot.inspection.profile import load_profile
from bot.inspection.registry.models import InspectionObject, Item, ItemClass
from bot.inspection.tables import METADATA
from bot.inspection.tasks.models import (
    Library,
    LibraryConfirmation,
    Task,
    TaskItem,
    TaskState,
    Visit,
    VisitOfficer,
)

NOW = dt.datetime(2026, 3, 9, 1, 0, tzinfo=dt.UTC)
CLASSES = {"A": 65.4, "B": 25.3, "C": 7.7, "D": 1.6}  # field guide 3
RATIOS = {"A": 1, "B": 2, "C": 18, "D": 45}  # about 32,000 of a million
DISTRICTS = [f"区{n}" for n in range(20)]
LABEL = "特种设备"
PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()


def main(objects: int, officers: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bench.db"
        database = Database(f"sqlite:///{path}", info={SALT: "salt of a measurement"})
        METADATA.create_all(database.engine)
        task = database.write_now(fill, objects=objects, officers=officers)
        print(f"pool {objects:,}, officers {officers:,}, SQLite with synchronous=FULL")
        read, hashed = floors(path)
        picking(database, task, floor=read + hashed)
        print(f"    floor: bare read {read:.2f} s + bare SHA-256 loop {hashed:.2f} s")
        whole(database, task, path)
        database.close()
    measure_matching()
    naive(objects)


@contextmanager
def timed(what: str, floor: float = 0.0) -> Iterator[None]:
    began, worked = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    ratio = f"{cpu / floor:6.2f} × floor" if floor else ""
    print(f"  {what:<58} {seconds:7.2f} s ({cpu:.2f} s of one core)  {ratio}")


def peak() -> float:
    """Megabytes this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def floors(path: Path) -> tuple[float, float]:
    """A bare read of id and class, and a bare loop of SHA-256 over the ids."""
    connection = sqlite3.connect(path)
    began = time.process_time()
    rows = connection.execute("SELECT code, credit_class FROM inspectionobject").fetchall()
    read = time.process_time() - began
    seed = bytes(32) + b"object\n"
    began = time.process_time()
    for code, _ in rows:
        sha256(seed + code.encode()).digest()
    hashed = time.process_time() - began
    connection.close()
    return read, hashed


def picking(database: Database, task_id: int, *, floor: float) -> None:
    """Rows in the database → fingerprint, tickets and picks."""

    def read(session: Session) -> list[tuple[str, str]]:
        task = session.get_one(Task, task_id)
        line = session.get_one(PlanLine, task.plan_line_id)
        return eligible(session, task=task, line=line, profile=PROFILE, now=NOW).entries

    rules = {klass: StratumRule.parse(ratio) for klass, ratio in RATIOS.items()}
    with timed("rows → fingerprint, tickets and picks", floor), uncollected():  # as commit and lock do
        pool = database.read_now(read)
        print_ = algorithm.fingerprint(algorithm.pool_bytes(pool))
        picks = algorithm.pick(algorithm.by_stratum(pool), rules=rules, seed=bytes(32))
    print(f"    {len(picks):,} picks, fingerprint {print_[:16]}…")


def whole(database: Database, task: int, path: Path) -> None:
    """Commit, reveal, lock: everything stored and audited; then repeated from the bundle."""
    began, worked = time.perf_counter(), time.process_time()
    with timed("commit: pool, officers and rules frozen and stored"):
        database.write_now(
            lambda s: commit_draw(
                s, task_id=task, secret=bytes(32), now=NOW, profile=PROFILE, calendar=CALENDAR
            )
        )
    database.write_now(lambda s: reveal_draw(s, task_id=task, now=NOW))
    with timed("lock: picks, visits, teams, notices, audit in one go"):
        database.write_now(lambda s: lock_draw(s, task_id=task, now=NOW, profile=PROFILE, calendar=CALENDAR))
    total, cpu = time.perf_counter() - began, time.process_time() - worked
    print(
        f"  {'everything stored and audited':<58} {total:7.2f} s ({cpu:.2f} s of one core)  peak {peak():.0f} MB"
    )
    bare = bare_insert(database, path)
    print(f"    floor: bare INSERT of the same visits and teams {bare:.2f} s")
    chain = database.read_now(verify_chain)
    print(f"    audit chain of {chain.entries} entries, broken at {chain.broken_at}")
    with timed("verified again from the bundle, every pick and team"):
        fault = database.read_now(lambda s: verify_bundle(bundle(s, require_draw(s, task))))
    print(f"    fault: {fault or 'none'}")


def bare_insert(database: Database, path: Path) -> float:
    visits = database.read_now(
        lambda s: s.exec(select(Visit.number, Visit.ticket, Visit.rank, Visit.object_id)).all()
    )
    teams = database.read_now(
        lambda s: s.exec(select(VisitOfficer.visit_id, VisitOfficer.person_id, VisitOfficer.ticket)).all()
    )
    connection = sqlite3.connect(path.with_name("floor.db"))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE visit (number, ticket, rank, object)")
    connection.execute("CREATE TABLE team (visit, person, ticket)")
    began = time.perf_counter()
    connection.executemany("INSERT INTO visit VALUES (?, ?, ?, ?)", [tuple(row) for row in visits])
    connection.executemany("INSERT INTO team VALUES (?, ?, ?)", [tuple(row) for row in teams])
    connection.commit()
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def naive(objects: int) -> None:
    """``random.sample`` over ORM rows, measured on a tenth and scaled."""
    with tempfile.TemporaryDirectory() as name:
        database = Database(f"sqlite:///{Path(name) / 'naive.db'}", info={SALT: "salt"})
        METADATA.create_all(database.engine)
        many = max(objects // 10, 1000)
        database.write_now(lambda s: _objects(s, many))

        def sample(session: Session) -> int:
            rows = session.exec(select(InspectionObject)).all()
            taken = 0
            for klass, ratio in RATIOS.items():
                mine = [row for row in rows if row.credit_class == klass]
                taken += len(random.sample(mine, len(mine) * ratio // 100))
            return taken

        began = time.perf_counter()
        database.read_now(sample)
        seconds = (time.perf_counter() - began) * objects / many
        print(f"  {'naive: random.sample over ORM rows (scaled from a tenth)':<58} {seconds:7.2f} s")
        database.close()


def fill(session: Session, *, objects: int, officers: int) -> int:
    """A department with officers, the object library, one line of a published plan, its task."""
    chance = random.Random(7)
    _objects(session, objects)
    session.add(Department(id=1, code="SCJG", name="市场监管局"))
    session.flush()
    _officers(session, officers, objects, chance)
    session.add(Item(id=1, code="I1", name="特种设备", klass=ItemClass.KEY, basis="法", label_required=LABEL))
    session.add(
        Plan(
            id=1, code="P", year=2026, name="计划", department_id=1, state=PlanState.PUBLISHED, created_at=NOW
        )
    )
    session.flush()
    window = {"window_start": dt.date(2026, 3, 10), "window_end": dt.date(2026, 6, 30)}
    session.add(
        PlanLine(
            id=1,
            plan_id=1,
            number=1,
            name="抽查",
            item_ids=[1],
            lead_department_id=1,
            ratios=RATIOS,
            **window,
        )
    )
    session.flush()
    session.add(
        Task(id=1, number="P-1", name="抽查", plan_line_id=1, lead_department_id=1, item_ids=[1], created_at=NOW,
             state=TaskState.LIBRARIES_CONFIRMED, **window)
    )  # fmt: skip
    session.flush()
    session.add(TaskItem(task_id=1, item_id=1, department_id=1))
    session.add_all(LibraryConfirmation(task_id=1, library=library, at=NOW) for library in Library)
    session.flush()
    for check in ("training", "reachable"):
        waive_check(session, task_id=1, check=check, reason="measurement", now=NOW, profile=PROFILE)
    return 1


def _objects(session: Session, count: int) -> None:
    chance = random.Random(3)
    classes = chance.choices(list(CLASSES), list(CLASSES.values()), k=count)
    places = chance.choices(DISTRICTS, range(1, 21), k=count)
    for start in range(0, count, 50_000):
        session.execute(
            insert(InspectionObject),
            [
                {"code": f"91440800MA{n:08}", "kind": "BUSINESS", "name": f"企业{n}", "address": "人民路1号",
                 "district": places[n], "industry": "餐饮服务", "credit_class": classes[n], "status": "ACTIVE",
                 "user_unit_code": "", "labels": [], "row_sha256": "", "updated_at": NOW}
                for n in range(start, min(start + 50_000, count))
            ],
        )  # fmt: skip


def _officers(session: Session, count: int, objects: int, chance: random.Random) -> None:
    people = [{"id": n + 1, "code": f"O{n}", "name": f"人员{n}", "department_id": 1, "mobile": "", "active": True}
              for n in range(count)]  # fmt: skip
    session.execute(insert(Person), people)
    session.execute(insert(PersonRole), [{"person_id": n + 1, "role": Role.OFFICER} for n in range(count)])
    session.execute(
        insert(Officer),
        [
            {"person_id": n + 1, "certificate_no": f"Z{n}", "category": "公务员", "valid_from": dt.date(2024, 1, 1),
             "valid_to": dt.date(2028, 12, 31), "labels": [LABEL] if chance.random() < 0.3 else [], "available": True,
             "territory": chance.choice(DISTRICTS) if chance.random() < 0.5 else ""}
            for n in range(count)
        ],
    )  # fmt: skip
    away = [n + 1 for n in range(count) if chance.random() < 0.05]
    session.execute(
        insert(Absence),
        [
            {"person_id": n, "first_day": dt.date(2026, 3, 20), "last_day": dt.date(2026, 4, 3), "reason": ""}
            for n in away
        ],
    )
    pairs = {(chance.randrange(count) + 1, chance.randrange(objects) + 1) for _ in range(count // 2)}
    session.execute(
        insert(Relation), [{"person_id": p, "object_id": o, "ground": "近亲属"} for p, o in sorted(pairs)]
    )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 20_000,
    )
