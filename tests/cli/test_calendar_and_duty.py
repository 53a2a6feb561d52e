"""``suicha calendar`` and ``suicha duty``: what is printed, the exit codes, and what is refused in words."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from bot.cli import calendar, duty
from bot.cli.context import MACHINE, Machine
from bot.core.clock import CHINA, ManualClock
from tests.cli.test_imports import folder, run

__all__ = ["folder"]  # the fixture: an installation in a folder of its own
ROWS = "日期,安排,节日\n2027-01-01,放假,元旦\n2027-01-04,放假,元旦\n2027-01-09,上班,元旦\n"
NOTICE = ("--notice", "测试〔2026〕1号")


@pytest.fixture(autouse=True)
def on_the_first_of_december() -> object:
    token = MACHINE.set(Machine(ManualClock(dt.datetime(2026, 12, 1, 9, 30, tzinfo=CHINA))))
    yield
    MACHINE.reset(token)


def sheet(folder: Path, text: str = ROWS) -> str:
    path = folder / "2027.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_year_is_tried_imported_and_shown(folder: Path) -> None:
    file = sheet(folder)
    exit_code, said = run(calendar.app, "import", file, *NOTICE, "--dry-run")
    assert (exit_code, said.strip()) == (
        0,
        "检查完毕，未写入：2027 年放假 2 天、调休上班 1 天，将成为第 1 版。",
    )
    assert "2027" not in run(calendar.app, "show")[1]
    made = json.loads(run(calendar.app, "import", file, *NOTICE, "--json")[1])
    assert (made["year"], made["version"], made["days_off"], made["dry_run"]) == (2027, 1, 2, False)
    assert "没有变化" in run(calendar.app, "import", file, *NOTICE)[1]
    years = {year["year"]: year for year in json.loads(run(calendar.app, "show", "--json")[1])}
    assert years[2027]["source"] == "（测试〔2026〕1号）"
    assert years[2026]["workdays"] == 248


def test_bad_rows_are_named_and_nothing_is_written(folder: Path) -> None:
    exit_code, said = run(
        calendar.app, "import", sheet(folder, ROWS + "2027-05-03,上班,劳动节\n明天,放假,x\n"), *NOTICE
    )
    assert exit_code == 1
    assert "没有导入：2 行有误。" in said
    assert "第5行 安排“上班”：调休上班日应是周六或周日" in said
    assert "2027" not in run(calendar.app, "show")[1]


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [(ROWS, (), "--notice"), ("", NOTICE, ""), ("a,b\n1,2\n", NOTICE, "日期")],
)
def test_what_is_no_calendar_is_refused_in_words(
    folder: Path, text: str, more: tuple[str, ...], says: str
) -> None:
    exit_code, output = run(calendar.app, "import", sheet(folder, text), *more)
    assert exit_code == 2
    assert says in output


def test_the_register_is_opened_listed_and_filed(folder: Path) -> None:
    assert "新增 0 项" in run(duty.app, "open", "2027")[1]  # no department has a lead yet
    assert "还没有建立" in run(duty.app, "list", "2027")[1]
    assert json.loads(run(duty.app, "list", "2027", "--json")[1]) == []
    exit_code, output = run(duty.app, "file", "7", "--evidence", "x")
    assert exit_code == 2
    assert "没有这一项" in output
