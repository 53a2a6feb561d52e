"""不予公示 and 撤回公示 by words in chat and by command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli import result
from bot.cli.context import MACHINE, Machine
from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.tasks.models import Visit, VisitState
from handlers.chat import make_router
from tests.cli.test_imports import folder, run
from tests.conftest import INFO
from tests.handlers.test_events_chat import Office
from tests.inspection.decided import CONTACT, COORDINATOR, LEAD, P1, REVIEWER
from tests.inspection.test_publication import NOW, PHONE
from tests.inspection.test_withholding import public, stage

__all__ = ["folder"]  # the fixture: an installation in a folder of its own
NUMBER = "410603202609010001-001"


@pytest.fixture
def office(sqlite_db: Database, tmp_path: Path) -> Office:
    return Office(sqlite_db, tmp_path, NOW, "SC")


async def test_a_trade_secret_is_kept_back_from_chat(office: Office) -> None:
    office.db.write_now(stage)
    for words in ("不予公示", "不予公示 001", "不予公示 商业秘密"):
        assert "请这样写：不予公示 编号末几位 依据和理由" in await office.say(P1, words)
    assert "决定之前不公示" in await office.say(P1, "不予公示 001 涉及商业秘密")
    await office.press(COORDINATOR, "grant_withholding", "withholding:1")
    assert office.db.read_now(lambda s: s.get_one(Visit, 1).state) == VisitState.NON_PUBLIC


async def test_what_is_public_is_withdrawn_from_chat(office: Office) -> None:
    office.db.write_now(public)
    with pytest.raises(Problem, match="请申请撤回公示"):
        await office.say(REVIEWER, "不予公示 001 涉及商业秘密")
    with pytest.raises(Problem, match="手机号"):
        await office.say(REVIEWER, f"撤回公示 001 {PHONE}")
    assert "已申请" in await office.say(REVIEWER, "撤回公示 001，检查对象登记错误")
    await office.press(COORDINATOR, "refuse_withholding", "withholding:1")
    assert "已申请" in await office.say(LEAD, "撤回公示 001 检查对象登记错误")


@pytest.mark.parametrize("person", [P1, REVIEWER, LEAD, COORDINATOR])
async def test_the_help_of_whoever_may_ask_names_both(office: Office, person: int) -> None:
    office.db.write_now(stage)
    said = await office.say(person, "帮助")
    assert "**不予公示**" in said
    assert "**撤回公示**" in said
    assert "不予公示" not in await office.say(CONTACT, "帮助")
    assert {"不予公示", "撤回公示"} <= set(make_router().commands)


@pytest.fixture
def installed(folder: Path, sqlite_url: str) -> Iterator[Path]:
    database = Database(sqlite_url, info=INFO)
    database.write_now(stage)
    database.close()
    token = MACHINE.set(Machine(ManualClock(NOW)))
    yield folder
    MACHINE.reset(token)


def test_both_are_done_by_command_too(installed: Path) -> None:
    other = ("--by", f"P{COORDINATOR}", "--approve")
    assert "没有等待决定的不予公示申请" in run(result.app, "keep-back", NUMBER, *other)[1]
    said = run(result.app, "keep-back", NUMBER, "--by", f"P{P1}", "--ground", "涉及商业秘密")
    assert said == (0, "已申请不予公示，等另一人决定\n")
    assert "没有等待决定的撤回公示申请" in run(result.app, "withdraw", NUMBER, *other)[1]
    assert "另一人决定" in run(result.app, "keep-back", NUMBER, "--by", f"P{P1}", "--approve")[1]
    assert run(result.app, "keep-back", NUMBER, *other) == (0, "已同意不予公示\n")
    assert run(result.app, "withdraw", NUMBER, "--by", f"P{P1}", "--ground", "登记错误")[0] == 2
