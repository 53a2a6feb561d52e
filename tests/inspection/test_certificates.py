"""C4: certificates that run out are warned about 90, 30 and 7 days before, and once after."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from sqlmodel import Session, col, select

from bot.core.clock import at_china
from bot.core.db import Database
from bot.inspection.notices.models import Notice
from bot.inspection.people.messages import certificate_expiring
from bot.inspection.people.models import Officer
from bot.inspection.profile import load_profile
from tests.fakes.reminding import remind
from tests.inspection.lists import bring, departments, write

LAST_DAY = dt.date(2026, 9, 15)


def library(db: Database, folder: Path) -> None:
    departments(db, folder)
    head = ["人员编号", "姓名", "部门", "执法证号", "有效期起", "有效期止"]
    rows = [
        ["P1", "王检查", "SCJG", "YX-0001", "2022-01-01", LAST_DAY],
        ["P2", "赵检查", "GA", "YX-0002", "2022-01-01", "长期"],
    ]
    assert bring(db, "officers", write(folder / "a.csv", head, rows)).clean
    keepers = [["M1", "管库", "SCJG", "管理员"], ["M2", "别家", "GA", "管理员"]]
    assert bring(db, "people", write(folder / "b.csv", ["人员编号", "姓名", "部门", "角色"], keepers)).clean


def tick(db: Database, day: dt.date, hour: int = 10) -> int:
    """How many warnings the tick adds."""
    count = lambda s: len(s.exec(select(Notice.id).where(Notice.kind == "certificate_expiring")).all())  # noqa: E731
    before = db.read_now(count)
    db.write_now(remind, at_china(day, hour), load_profile("default"))
    return int(db.read_now(count)) - int(before)


def test_c4_warnings_go_out_ninety_thirty_and_seven_days_before_and_after_the_last_day(
    db: Database, tmp_path: Path
) -> None:
    library(db, tmp_path)
    told = {}
    day = LAST_DAY - dt.timedelta(days=100)
    while day < LAST_DAY + dt.timedelta(days=20):
        if new := tick(db, day):
            told[(LAST_DAY - day).days] = new
        assert tick(db, day) == 0
        day += dt.timedelta(days=1)
    assert told == {90: 2, 29: 2, 7: 2, -1: 2}  # day 30 is a Sunday
    recipients = db.read_now(lambda s: set(s.exec(select(Notice.recipient_id)).all()))
    assert len(recipients) == 2


def test_no_warning_before_the_hour(db: Database, tmp_path: Path) -> None:
    library(db, tmp_path)
    assert tick(db, LAST_DAY - dt.timedelta(days=90), hour=7) == 0


def test_a_renewed_certificate_is_not_warned_about(db: Database, tmp_path: Path) -> None:
    library(db, tmp_path)
    tick(db, LAST_DAY + dt.timedelta(days=1))
    notice = db.read_now(lambda s: s.exec(select(Notice).order_by(col(Notice.id))).first())
    assert notice is not None
    late = at_china(LAST_DAY + dt.timedelta(days=1), 10)
    content = db.read_now(certificate_expiring, notice, late)
    assert content.values["days"] == -1  # type: ignore[union-attr]

    def renew(session: Session) -> None:
        officer = session.exec(select(Officer).where(Officer.valid_to == LAST_DAY)).one()
        officer.valid_to = LAST_DAY + dt.timedelta(days=2000)

    db.write_now(renew)
    assert "换发" in db.read_now(certificate_expiring, notice, late).reason  # type: ignore[union-attr]
