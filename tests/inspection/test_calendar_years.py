"""C28: a year's holidays come in by file; what rested on a guess is counted again, in every process."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import CHINA, china
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.calendar import WorkCalendar, YearTable
from bot.inspection.calendar.models import CalendarYear
from bot.inspection.deadlines.calendar_rows import read_calendar
from bot.inspection.deadlines.calendar_years import (
    import_year,
    provisional_deadlines,
    refresh_calendar,
    stored_tables,
)
from bot.inspection.deadlines.models import Deadline
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty, keep
from bot.inspection.deadlines.shown import CALENDAR, due_words
from bot.inspection.profile import load_profile
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role
from tests.fakes.builders import make_department, make_officer

NOW = dt.datetime(2026, 12, 1, 10, tzinfo=CHINA)
PROFILE = load_profile("default")
HEAD = "日期,安排,节日\n"
# an invented year, so that no test claims to know 2027's notice
YEAR = HEAD + (
    "2027-01-01,放假,元旦\n2027/1/4,放假,元旦\n2027年1月9日,上班,元旦\n"
    "2027-02-05,休,春节\n20270208,放假,春节\n2027-02-13,补班,春节\n"
)


def read(folder: Path, text: str, *, notice: str = "测试〔2026〕1号", name: str = "2027.csv"):  # type: ignore[no-untyped-def]
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_calendar(path, notice=notice, title="", region="", max_bytes=1 << 20)


def open_deadline(session: Session, calendar: WorkCalendar) -> None:
    """Twenty working days from 2026-12-14: the count crosses midnight of the year and a holiday nobody knows yet."""
    department = make_department(session).id or 0
    officer = make_officer(session, department).id or 0
    started = dt.date(2026, 12, 14)
    due = calendar.add_workdays(started, 20)
    duty = Duty("publicity", "visit:1", Span(started, due), policy_of("publicity", PROFILE), department,
                tag=due.isoformat(), people={officer: Role.OFFICER})  # fmt: skip
    keep(session, {"visit:1": [duty]}, now=NOW, calendar=calendar)


def test_a_sheet_becomes_a_year_and_the_guess_becomes_final(db: Database, tmp_path: Path) -> None:
    calendar = WorkCalendar.load()
    db.write_now(open_deadline, calendar)
    assert calendar.is_provisional(dt.date(2027, 1, 11))
    assert db.read_now(provisional_deadlines) == 1
    db.info[CALENDAR] = calendar  # as the service does

    def shown(session: Session) -> str:
        return due_words(session.exec(select(Deadline)).one(), dt.date(2027, 1, 11))

    assert db.read_now(shown) == "01月11日（暂定）"

    table = read(tmp_path, YEAR).table
    assert table is not None
    done = db.write_now(import_year, table=table, source="2027.csv", now=NOW, calendar=calendar)

    assert (done.year, done.version, done.days_off, done.days_worked) == (2027, 1, 4, 2)
    assert not calendar.is_workday(dt.date(2027, 1, 4))
    assert calendar.is_workday(dt.date(2027, 1, 9))
    assert calendar.source(2027) == "（测试〔2026〕1号）"
    assert done.final == 1
    assert db.read_now(shown) == "01月11日"
    assert db.read_now(provisional_deadlines) == 0
    assert "calendar.imported" in db.read_now(lambda s: s.exec(select(AuditEntry.action)).all())


def test_the_next_reminder_moves_with_the_holiday(db: Database, tmp_path: Path) -> None:
    calendar = WorkCalendar.load()
    db.write_now(open_deadline, calendar)

    def next_at(session: Session) -> dt.datetime:
        found = session.exec(select(Deadline)).one().next_at
        assert found is not None
        return china(found)

    before = db.read_now(next_at)  # T-10, counted back over days that are still thought to be worked
    table = read(tmp_path, HEAD + "2026-12-28,放假,元旦\n2027-01-01,放假,元旦\n2027-01-02,放假,元旦\n").table
    assert table is not None
    done = db.write_now(import_year, table=table, source="2027.csv", now=NOW, calendar=calendar)
    after = db.read_now(next_at)
    assert done.recounted == 1
    assert after < before
    assert (after.hour, after.minute) == (9, 0)


def test_the_same_file_again_changes_nothing_and_another_is_a_new_version(
    db: Database, tmp_path: Path
) -> None:
    calendar = WorkCalendar.load()
    first, second = read(tmp_path, YEAR).table, read(tmp_path, YEAR.replace("2027-02-13", "2027-02-14")).table
    assert first is not None
    assert second is not None

    def bring(table: YearTable, *, dry_run: bool = False) -> int:
        return db.write_now(
            import_year, table=table, source="a.csv", now=NOW, calendar=calendar, dry_run=dry_run
        ).version

    assert [bring(first, dry_run=True), bring(first), bring(first), bring(second)] == [1, 1, 0, 2]
    assert calendar.is_workday(dt.date(2027, 2, 14))
    assert not calendar.is_workday(dt.date(2027, 2, 13))
    kept = db.read_now(lambda s: s.exec(select(CalendarYear.version).order_by(col(CalendarYear.id))).all())
    assert kept == [1, 2]
    assert len(db.read_now(stored_tables)) == 1


def test_another_process_takes_the_year_in_at_its_next_tick(db: Database, tmp_path: Path) -> None:
    mine, theirs = WorkCalendar.load(), WorkCalendar.load()
    assert not db.read_now(refresh_calendar, calendar=theirs)
    table = read(tmp_path, YEAR).table
    assert table is not None
    db.write_now(import_year, table=table, source="a.csv", now=NOW, calendar=mine)
    assert theirs.is_provisional(dt.date(2027, 1, 9))
    assert db.read_now(refresh_calendar, calendar=theirs)
    assert theirs.is_workday(dt.date(2027, 1, 9))
    assert not db.read_now(refresh_calendar, calendar=theirs)


def test_every_bad_row_is_named_and_half_a_calendar_is_never_taken(tmp_path: Path) -> None:
    text = (
        YEAR + "明天,放假,五一\n2027-05-01,加班,五一\n2027-05-03,上班,五一\n"
        "2027-01-01,放假,元旦\n2029-05-01,放假,五一\n2027-05-02,放假,\n"
    )
    found = read(tmp_path, text)
    assert found.table is None
    assert [(row, fault.header) for row, fault in found.faults] == [
        (8, "日期"), (9, "安排"), (10, "安排"), (11, "日期"), (12, "日期"), (13, "节日"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "notice", "says"),
    [(YEAR, "", "文号"), (HEAD, "x号", "没有任何日期"), ("a,b\n1,2\n", "x号", "日期"),
     (HEAD + "2027-01-09,上班,元旦\n2027-02-05,放假,春节\n", "x号", "没有放假日")],
)  # fmt: skip
def test_a_file_that_is_no_calendar_is_refused(tmp_path: Path, text: str, notice: str, says: str) -> None:
    with pytest.raises(Problem, match=says):
        read(tmp_path, text, notice=notice)


def test_a_yaml_table_comes_in_as_it_is(tmp_path: Path) -> None:
    text = "year: 2027\nversion: 1\nnotice: 测试1号\nholidays:\n  - {name: 元旦, from: 2027-01-01, to: 2027-01-03}\n"
    found = read(tmp_path, text, name="2027.yaml")
    assert found.table is not None
    assert found.table.year == 2027
    with pytest.raises(Problem, match=r"holidays\.0\.to"):
        read(tmp_path, text.replace("2027-01-03", "下周"), name="2027.yaml")
