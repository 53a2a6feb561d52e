"""``suicha followup``: what waits, and a handling recorded as in chat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli import followup
from bot.core.db import Database
from tests.cli.test_clue import on_the_tenth_of_march
from tests.cli.test_imports import folder, run
from tests.conftest import INFO
from tests.inspection.decided import P1, REVIEWER
from tests.inspection.test_transfers import problem

__all__ = [
    "folder",
    "on_the_tenth_of_march",
]  # fixtures: an installation in a folder of its own, and its clock
NUMBER = "410603202609010001-001-H1"
BY = ("--by", f"P{P1}")


@pytest.fixture
def office(folder: Path, sqlite_url: str) -> Path:
    database = Database(sqlite_url, info=INFO)
    database.write_now(problem)
    database.close()
    return folder


def test_a_problem_goes_by_commands_from_its_case_to_its_end(office: Path) -> None:
    assert "待处理" in run(followup.app, "list")[1]
    exit_code, said = run(followup.app, "handle", NUMBER, "立案 12号", *BY, "--json")
    made = json.loads(said)
    assert (exit_code, made["state"], made["report"]) == (0, "已立案", "立案：12号")
    assert made["next"] == ["移送", "涉嫌犯罪", "不予处罚", "列入异常", "办结"]
    assert "可以登记：移送、" in run(followup.app, "show", NUMBER)[1]
    assert "已办结" in run(followup.app, "handle", NUMBER, "办结 山市监罚3号", *BY)[1]
    assert "没有未办结的后续处置" in run(followup.app, "list")[1]


def test_a_suspected_crime_goes_to_the_head(office: Path) -> None:
    said = run(followup.app, "handle", NUMBER, "涉嫌犯罪 事实和依据", *BY)[1]
    assert "涉嫌犯罪，待单位负责人决定" in said
    assert json.loads(run(followup.app, "list", "--json")[1])[0]["next"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("handle", NUMBER, "看着办", *BY), "处理应以这些词开头"),
        (("handle", NUMBER, "立案", *BY), "要写明文号"),
        (("handle", NUMBER, "立案 12号", "--by", f"P{REVIEWER}"), "不由您办理"),
        (("handle", NUMBER, "立案 12号", "--by", "没有"), "没有这个在职人员"),
        (("show", "H9"), "没有这项后续处置"),
    ],
)
def test_what_cannot_be_is_refused_in_words(office: Path, words: tuple[str, ...], said: str) -> None:
    exit_code, output = run(followup.app, *words)
    assert exit_code == 2
    assert said in output
