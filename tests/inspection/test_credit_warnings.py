"""Early warning at an import: a class drop or an index jump reaches who supervises the object (C27)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.inspection.calendar import WorkCalendar
from bot.inspection.followups.credit import changes, warn_of_changes
from bot.inspection.followups.credit_messages import credit_warning
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.profile import load_profile
from bot.inspection.registry.models import CreditHistory, ImportBatch, InspectionObject, Warned
from bot.inspection.registry.warnings import warning
from tests.fakes.builders import make_department, make_item, make_person
from tests.inspection.lists import NOW, bring, code, write

PROFILE = load_profile("default")
JUNE = NOW + dt.timedelta(days=30)
HEADERS = ["统一社会信用代码", "名称", "行业", "信用风险等级", "信用风险指数"]
SETTING = {"profile": PROFILE, "calendar": WorkCalendar.load()}


def sheet(folder: Path, rows: dict[int, tuple[str, str, str]], name: str = "a.csv") -> Path:
    """Rows (industry, class, index) by number."""
    return write(folder / name, HEADERS, [[code(n), f"企业{n}", *row] for n, row in rows.items()])


def office(session: Session) -> tuple[int, int]:
    """The lead of the department that supervises 餐饮, and a coordinator."""
    department = make_department(session).id or 0
    make_item(session, field="餐饮", department_id=department)
    lead = make_person(session, role=Role.LEAD, department_id=department).id or 0
    return lead, make_person(session, role=Role.COORDINATOR).id or 0


def warned(session: Session) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == "credit_warning").order_by(col(Notice.id))))


def run(db: Database, path: Path, now: dt.datetime) -> int:
    assert bring(db, "objects", path, now=now).clean
    return db.write_now(warn_of_changes, now=now, **SETTING)


def test_c27_one_alert_to_the_supervising_department_within_the_import_none_for_small_changes(
    db: Database, tmp_path: Path
) -> None:
    """C27: May index 420 class B, June index 780 class D."""
    lead, _ = db.write_now(office)
    may = {1: ("餐饮", "B", "420"), 2: ("餐饮", "B", "400"), 3: ("餐饮", "C", "600")}
    june = {1: ("餐饮", "D", "780"), 2: ("餐饮", "B", "430"), 3: ("餐饮", "B", "500")}
    assert run(db, sheet(tmp_path, may), NOW) == 0
    assert run(db, sheet(tmp_path, june, "b.csv"), JUNE) == 1

    (notice,) = db.read_now(warned)
    assert notice.recipient_id == lead

    def look(session: Session) -> None:
        content = credit_warning(session, notice, JUNE)
        assert isinstance(content, Content)
        assert content.values["lines"] == ["企业1：B（420） → D（780），等级下降"]
        assert [c.code for c in changes(session, content.values["batch"])] == [code(1)]

    db.read_now(look)
    assert db.write_now(warn_of_changes, now=JUNE, **SETTING) == 0
    assert run(db, sheet(tmp_path, june, "c.csv"), JUNE + dt.timedelta(days=1)) == 0
    assert len(db.read_now(warned)) == 1


def test_an_import_with_many_that_got_worse_is_one_message_each_to_whom_it_concerns(
    db: Database, tmp_path: Path
) -> None:
    lead, coordinator = db.write_now(office)
    before = {n: ("餐饮" if n % 2 else "航天", "A", "") for n in range(1, 41)}
    after = {n: (industry, "C", "") for n, (industry, _, _) in before.items()}
    run(db, sheet(tmp_path, before), NOW)
    assert run(db, sheet(tmp_path, after, "b.csv"), JUNE) == 40

    notices = db.read_now(warned)
    assert {n.recipient_id for n in notices} == {lead, coordinator}
    assert len(notices) == 2

    def look(session: Session) -> None:
        for notice in notices:
            content = credit_warning(session, notice, JUNE)
            assert isinstance(content, Content)
            assert (content.values["count"], content.values["more"]) == (20, 5)

    db.read_now(look)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (("B", 420), ("D", 780), Warned.CLASS_DROP),
        (("B", 400), ("B", 500), Warned.INDEX_JUMP),
        (("B", 400), ("B", 499), Warned.NO),
        (("C", 400), ("B", 600), Warned.INDEX_JUMP),
        (("D", 900), ("A", 100), Warned.NO),
        (("B", None), ("B", 900), Warned.NO),
        (("B", 900), ("C", None), Warned.CLASS_DROP),
    ],
)
def test_what_is_worse(before: Any, after: Any, found: Warned) -> None:
    assert warning(before, after, jump=100) is found


def test_a_sheet_without_the_index_leaves_it_and_warns_of_nothing(db: Database, tmp_path: Path) -> None:
    db.write_now(office)
    run(db, sheet(tmp_path, {1: ("餐饮", "B", "420")}), NOW)
    plain = write(tmp_path / "b.csv", HEADERS[:4], [[code(1), "企业一", "餐饮", "B"]])
    assert run(db, plain, JUNE) == 0
    assert db.read_now(lambda s: s.exec(select(InspectionObject.risk_index)).one()) == 420
    assert db.read_now(lambda s: len(s.exec(select(CreditHistory)).all())) == 1


def test_an_index_that_is_no_number_is_refused_by_row(db: Database, tmp_path: Path) -> None:
    report = bring(db, "objects", sheet(tmp_path, {1: ("餐饮", "B", "四百"), 2: ("餐饮", "B", "-1")}))
    assert report.rejected == 2
    assert "应是0至100000的整数" in report.rejects[0].reason


def test_a_dry_run_warns_nobody(db: Database, tmp_path: Path) -> None:
    db.write_now(office)
    run(db, sheet(tmp_path, {1: ("餐饮", "A", "")}), NOW)
    bring(db, "objects", sheet(tmp_path, {1: ("餐饮", "D", "")}, "b.csv"), now=JUNE, dry_run=True)
    assert db.write_now(warn_of_changes, now=JUNE, **SETTING) == 0


def test_rows_wait_for_the_end_of_their_import_and_a_cut_short_one_is_told_an_hour_later(
    db: Database, tmp_path: Path
) -> None:
    db.write_now(office)
    run(db, sheet(tmp_path, {1: ("餐饮", "A", "")}), NOW)
    assert bring(db, "objects", sheet(tmp_path, {1: ("餐饮", "D", "")}, "b.csv"), now=JUNE).clean

    def killed(session: Session) -> None:
        batch = session.exec(select(ImportBatch).order_by(col(ImportBatch.id).desc())).first()
        assert batch is not None
        batch.counts, batch.finished_at = {}, None
        session.add(batch)

    db.write_now(killed)
    assert db.write_now(warn_of_changes, now=JUNE + dt.timedelta(minutes=59), **SETTING) == 0
    assert db.write_now(warn_of_changes, now=JUNE + dt.timedelta(hours=1), **SETTING) == 1


def test_looking_for_unchecked_rows_uses_its_index(db: Database) -> None:
    def plan(session: Session) -> str:
        explain = "EXPLAIN QUERY PLAN"
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
            explain = "EXPLAIN"
        query = "SELECT id FROM credithistory WHERE checked_at IS NULL LIMIT 1"
        return str(session.execute(text(f"{explain} {query}")).all())

    assert "ix_credit_unchecked" in db.read_now(plan)
