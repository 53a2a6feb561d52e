"""``suicha training``: what is printed, and what is refused in words."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from bot.cli import training
from bot.cli.context import MACHINE, Machine
from bot.core.clock import CHINA, ManualClock
from tests.cli.test_imports import folder, run
from tests.inspection.lists import write

__all__ = ["folder"]  # the fixture: an installation in a folder of its own
HOURS = ("--at", "2026-03-12 14:00", "--until", "2026-03-12 16:30", "--valid-to", "2026-12-31")


@pytest.fixture(autouse=True)
def on_the_tenth_of_march() -> object:
    token = MACHINE.set(Machine(ManualClock(dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA))))
    yield
    MACHINE.reset(token)


def test_a_sitting_is_planned_listed_and_its_code_renewed(folder: Path) -> None:
    exit_code, said = run(training.app, "plan", "业务培训", *HOURS, "--place", "三楼", "--json")
    made = json.loads(said)
    assert (exit_code, made["id"], made["invited"], len(made["code"])) == (0, 1, 0, 6)
    assert "1. 业务培训：2026-03-12 14:00，三楼，已签到 0 人" in run(training.app, "list")[1]
    assert made["code"] not in run(training.app, "code", "1")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "业务培训", "--at", "明天", *HOURS[2:]), "时间应写成"),
        (("plan", "业务培训", *HOURS[:5], "年底"), "日期应写成"),
        (("plan", "业务培训", *HOURS, "--department", "没有"), "没有这个部门"),
        (("code", "7"), "没有这场培训"),
    ],
)
def test_what_cannot_be_is_refused_by_name(folder: Path, words: tuple[str, ...], said: str) -> None:
    exit_code, output = run(training.app, *words)
    assert exit_code == 2
    assert said in output


def test_a_sitting_may_end_with_a_quiz_from_a_sheet(folder: Path) -> None:
    """C14: the rows that are no question are named, and then nothing is planned."""
    heads = ["题目", "A", "B", "C", "答案"]
    good = ["执法人员不得少于几人？", "一人", "两人", "", "B"]
    bad = write(folder / "坏题.csv", heads, [good, ["结果由谁填写？", "检查人员", "", "", "A"]])
    exit_code, said = run(training.app, "plan", "业务培训", *HOURS, "--quiz", str(bad))
    assert (exit_code, "第3行" in said, "至少两个" in said) == (2, True, True)
    assert "还没有安排" in run(training.app, "list")[1]
    sheet = write(folder / "题目.csv", heads, [good])
    assert run(training.app, "plan", "业务培训", *HOURS, "--quiz", str(sheet), "--pass", "100")[0] == 0
    assert "已签到 0 人，测验合格 0 人" in run(training.app, "list")[1]
