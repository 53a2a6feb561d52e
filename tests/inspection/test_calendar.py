"""The working calendar against golden dates and two strangers' tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import chinese_calendar
import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar

CALENDAR = WorkCalendar.load()
YEARS = (2024, 2025, 2026)
DAYS = st.dates(dt.date(2024, 3, 1), dt.date(2026, 10, 31))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text if len(text) == 10 else f"2026-{text}")


def days_of(year: int) -> list[dt.date]:
    first = dt.date(year, 1, 1)
    return [first + dt.timedelta(days=n) for n in range((dt.date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("year", YEARS)
def test_every_day_agrees_with_chinesecalendar(year: int) -> None:
    assert [d for d in days_of(year) if CALENDAR.is_workday(d) != chinese_calendar.is_workday(d)] == []


@pytest.mark.parametrize("year", YEARS)
def test_every_day_agrees_with_holidays(year: int) -> None:
    china = holidays.country_holidays("CN", years=[year])
    assert [d for d in days_of(year) if CALENDAR.is_workday(d) != china.is_working_day(d)] == []


def test_2026_has_248_working_days_month_by_month() -> None:
    months = [sum(CALENDAR.is_workday(d) for d in days_of(2026) if d.month == m) for m in range(1, 13)]
    assert months == [21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23]
    assert sum(months) == 248


GOLDEN = [
    ("01-30", "03-05", "02-13", "02-27", "03-02", "03-04"),
    ("03-10", "04-08", "03-24", "03-31", "04-02", "04-07"),
    ("04-20", "05-20", "05-07", "05-13", "05-15", "05-19"),
    ("09-15", "10-19", "09-29", "10-12", "10-14", "10-16"),
    ("09-18", "10-22", "10-09", "10-15", "10-19", "10-21"),
    ("09-30", "11-03", "10-20", "10-27", "10-29", "11-02"),
    ("10-09", "11-05", "10-22", "10-29", "11-02", "11-04"),
]


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row[0])
def test_golden_twenty_working_days_and_their_reminders(row: tuple[str, ...]) -> None:
    event, due, *reminders = (day(text) for text in row)
    assert CALENDAR.add_workdays(event, 20) == due
    assert CALENDAR.workdays_between(event, due) == 20
    assert [CALENDAR.days_before_due(due, n) for n in (10, 5, 3, 1)] == reminders


@pytest.mark.parametrize("text", ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"])
def test_a_make_up_weekend_day_is_a_working_day(text: str) -> None:
    assert day(text).weekday() >= 5
    assert CALENDAR.is_workday(day(text))


def test_a_plan_due_on_a_saturday_is_reminded_towards_the_friday_before() -> None:
    """LZ, end of January 2026 (capability C1, decision D6)."""
    due = day("01-31")
    assert CALENDAR.last_workday_on_or_before(due) == day("01-30")
    reminders = [CALENDAR.days_before_due(due, n) for n in (10, 5, 1)]
    assert reminders == [day("01-16"), day("01-23"), day("01-29")]


def test_a_plan_due_in_april_skips_qingming() -> None:
    """YL, 15 April 2026 (capability C1)."""
    reminders = [CALENDAR.days_before_due(day("04-15"), n) for n in (10, 5, 1)]
    assert reminders == [day("03-31"), day("04-08"), day("04-14")]


def test_a_notice_leaves_three_working_days_before_the_visit() -> None:
    assert CALENDAR.add_workdays(day("03-16"), -3) == day("03-11")


def test_zero_working_days_stay_on_a_day_of_rest() -> None:
    assert CALENDAR.add_workdays(day("10-01"), 0) == day("10-01")
    assert CALENDAR.next_workday(day("09-30")) == day("10-08")


def test_days_between_are_negative_backwards() -> None:
    assert CALENDAR.workdays_between(day("10-22"), day("09-18")) == -20
    assert CALENDAR.workdays_between(day("10-01"), day("10-07")) == 0


@given(DAYS, st.integers(1, 60))
def test_adding_and_counting_are_inverse(start: dt.date, count: int) -> None:
    later = CALENDAR.add_workdays(start, count)
    assert CALENDAR.is_workday(later)
    assert CALENDAR.workdays_between(start, later) == count
    earlier = CALENDAR.add_workdays(start, -count)
    assert CALENDAR.is_workday(earlier)
    assert CALENDAR.workdays_between(start, earlier) == -count


def test_a_year_without_a_table_knows_weekends_and_says_so() -> None:
    assert CALENDAR.is_provisional(dt.date(2027, 1, 1))
    assert CALENDAR.is_workday(dt.date(2027, 1, 1))
    assert not CALENDAR.is_workday(dt.date(2027, 1, 2))
    assert not CALENDAR.is_provisional(day("12-31"))
    assert CALENDAR.source(2027) == ""


def test_each_table_names_its_notice() -> None:
    assert CALENDAR.years == YEARS
    assert CALENDAR.source(2026) == "国务院办公厅关于2026年部分节假日安排的通知（国办发明电〔2025〕7号）"


def table(tmp_path: Path, text: str, name: str = "extra.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


NEXT_YEAR = """
year: 2027
version: 1
notice: 测试通知
holidays:
  - {name: 元旦, from: 2027-01-01, to: 2027-01-03}
"""


def test_an_extra_table_makes_a_year_final(tmp_path: Path) -> None:
    calendar = WorkCalendar.load(table(tmp_path, NEXT_YEAR))
    assert not calendar.is_provisional(dt.date(2027, 6, 1))
    assert not calendar.is_workday(dt.date(2027, 1, 1))


def test_a_folder_of_extra_tables_is_read(tmp_path: Path) -> None:
    table(tmp_path, NEXT_YEAR)
    assert 2027 in WorkCalendar.load(tmp_path).years


def test_a_regional_overlay_adds_to_the_national_table(tmp_path: Path) -> None:
    overlay = """
year: 2026
version: 1
region: 广西
notice: 测试用地方规定
holidays:
  - {name: 三月三, from: 2026-04-20, to: 2026-04-21}
"""
    calendar = WorkCalendar.load(table(tmp_path, overlay))
    assert not calendar.is_workday(day("04-20"))
    assert not calendar.is_workday(day("10-01"))
    assert calendar.is_workday(day("10-10"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("year: [", "不是有效的YAML"),
        ("- 1", "一张表"),
        ("", "一张表"),
        ("year: 2027\nversion: 1\nnotice: x\n", "缺少这一项"),
        (NEXT_YEAR.replace("notice", "notise"), "notice"),
        (NEXT_YEAR.replace("2027-01-03", "2026-12-30"), "早于"),
        (NEXT_YEAR.replace("2027-01-03", "一月三日"), "应是日期"),
        (NEXT_YEAR.replace("to: 2027-01-03", "to: 2027-01-03, work: [2027-01-04]"), "不是周六或周日"),
        (NEXT_YEAR.replace("to: 2027-01-03", "to: 2027-01-03, work: [2027-01-03]"), "既写成放假又写成上班"),
        (NEXT_YEAR.replace("year: 2027", "year: 2029"), "不属于2029年"),
        (NEXT_YEAR.replace("version: 1", "version: 一"), "应是整数"),
    ],
)
def test_a_bad_table_is_refused_with_the_reason(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Problem) as caught:
        WorkCalendar.load(table(tmp_path, text))
    assert caught.value.key == "calendar_invalid"
    assert says in caught.value.text
    assert caught.value.fields["file"] == "extra.yaml"


def test_a_missing_file_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="读不到"):
        WorkCalendar.load(tmp_path / "nowhere.yaml")
