"""Write ``database-0001.sql``: the schema of that version and a handful of rows. Run once per version.

Later migrations must bring this file to head with every row still readable.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import tempfile
from pathlib import Path

from sqlmodel import Session

from bot.core.db import Database
from bot.inspection.audit.service import record
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Account, Department, Person, PersonRole, Role
from bot.inspection.plans.models import Plan, PlanLine
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import Task, Visit, VisitOfficer
from bot.migrations import head, migrate

HERE = Path(__file__).resolve().parent
NOW = dt.datetime(2026, 3, 10, 1, 30, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 10)
INFO = {"audit_salt": "salt-for-tests-only"}


def fill(session: Session) -> None:
    """One task with one visit, from the department to the notice."""
    session.add(Department(id=1, code="SJJ", name="市场监督管理局"))
    session.flush()
    session.add_all([
        Person(id=1, code="P001", name="王建国", department_id=1),
        Item(id=1, code="IT-1", name="特种设备", klass="KEY", basis="特种设备安全法", department_id=1),
        InspectionObject(
            id=1, code="91440800MA0000001X", name="海田冷链有限公司", updated_at=NOW, labels=["冷链"]
        ),
        Plan(id=1, code="JH-2026", year=2026, name="2026年度抽查计划", department_id=1, created_at=NOW),
    ])  # fmt: skip
    session.flush()
    session.add_all([
        PersonRole(person_id=1, role=Role.OFFICER),
        Account(id=1, platform="wecom", user_id="wangjianguo", person_id=1, bound_at=NOW),
        PlanLine(
            id=1, plan_id=1, number=1, name="特种设备", item_ids=[1], lead_department_id=1, ratios={"B": 5},
            window_start=DAY, window_end=dt.date(2026, 4, 10),
        ),
    ])  # fmt: skip
    session.flush()
    session.add(Task(
        id=1, number="440800202603100001", name="特种设备抽查", plan_line_id=1, lead_department_id=1,
        state="DISPATCHED", item_ids=[1], window_start=DAY, window_end=dt.date(2026, 4, 10),
        created_at=NOW, dispatched_at=NOW,
    ))  # fmt: skip
    session.flush()
    session.add_all([
        Draw(
            id=1, task_id=1, state=DrawState.LOCKED, pool_size=20, pool_sha256="a" * 64,
            rules_sha256="b" * 64, secret_sha256="c" * 64, secret_hex="d" * 64, seed_hex="e" * 64,
            committed_at=NOW, locked_at=NOW,
        ),
        Visit(
            id=1, number="440800202603100001-1", task_id=1, object_id=1, stratum="B", ticket="f" * 64, rank=1,
            planned_on=DAY, due_on=dt.date(2026, 4, 10),
        ),
    ])  # fmt: skip
    session.flush()
    session.add(VisitOfficer(id=1, visit_id=1, person_id=1, leader=True, ticket="0" * 64, assigned_at=NOW))
    enqueue(session, "assignment", "visit:1", recipient_id=1, now=NOW)
    record(session, "task.dispatched", "task:1", now=NOW, visits=1)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.db"
        database = Database(f"sqlite:///{path}", info=INFO)
        migrate(database)
        database.write_now(fill)
        database.close()
        with sqlite3.connect(path) as connection:
            lines = list(connection.iterdump())
    (HERE / f"database-{head()}.sql").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
