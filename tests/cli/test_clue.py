"""``suicha clue``: what is printed, and what is refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli import clue, imports
from bot.cli.context import MACHINE, Machine
from bot.core.clock import ManualClock
from bot.core.db import Database
from tests.cli.test_imports import folder, run
from tests.conftest import INFO
from tests.inspection.lists import write
from tests.inspection.test_clues import TEN, authority

__all__ = ["folder"]  # the fixture: an installation in a folder of its own
ADD = ("add", "TS-1", "--source", "投诉举报", "--content", "后厨有老鼠", "--industry", "餐饮")


@pytest.fixture(autouse=True)
def on_the_tenth_of_march() -> Iterator[None]:
    token = MACHINE.set(Machine(ManualClock(TEN)))
    yield
    MACHINE.reset(token)


@pytest.fixture
def office(folder: Path, sqlite_url: str) -> Path:
    database = Database(sqlite_url, info=INFO)
    database.write_now(authority)
    database.close()
    return folder


def test_a_clue_is_taken_in_shown_and_gets_its_case_number(office: Path) -> None:
    exit_code, said = run(clue.app, *ADD, "--name", "夜宵摊", "--json")
    made = json.loads(said)
    assert (exit_code, made["state"], len(made["officers"]), made["due"]) == (0, "待接收", 2, "2026-03-13")
    assert "立案文号：12号" in run(clue.app, "case", "TS-1", "12号")[1]
    assert "待接收" in run(clue.app, "show", "TS-1")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*ADD[:3], "道听途说", *ADD[4:]), "来源：只能填投诉举报"),
        ((*ADD, "--at", "昨天"), "受理时间：日期应写成"),
        ((*ADD, "--object", "91440800MA4UABC12X"), "对象代码：名录库里没有这个检查对象"),
        ((*ADD, "--officer", "没有"), "没有这个在职人员"),
        (("show", "TS-9"), "没有这条线索"),
        (("assign", "TS-9"), "没有这条线索"),
    ],
)
def test_what_cannot_be_is_refused_by_name(office: Path, words: tuple[str, ...], said: str) -> None:
    exit_code, output = run(clue.app, *words)
    assert exit_code == 2
    assert said in output


def test_an_imported_sheet_sends_officers_at_once(office: Path) -> None:
    rows = [["T1", "转办交办", "过期食品", "2026-03-10", "餐饮"]]
    sheet = write(office / "线索.csv", ["线索编号", "来源", "内容", "受理时间", "行业"], rows)
    assert run(imports.app, "clues", str(sheet), "--dry-run")[0] == 0
    assert run(clue.app, "show", "T1")[0] == 2
    assert run(imports.app, "clues", str(sheet))[0] == 0
    assert "承办人" in run(clue.app, "show", "T1")[1]


def test_the_last_day_says_that_it_may_move(office: Path) -> None:
    """2027 is not published: ``suicha calendar show`` says so, and so does what is counted in it (C28)."""
    token = MACHINE.set(Machine(ManualClock(TEN.replace(month=12, day=31))))
    try:
        made = json.loads(run(clue.app, *ADD, "--name", "夜宵摊", "--json")[1])
    finally:
        MACHINE.reset(token)
    assert (made["due"][:4], made["provisional"]) == ("2027", True)
    assert f"最迟 {made['due']}（暂定）" in run(clue.app, "show", "TS-1")[1]
