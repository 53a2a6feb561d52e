"""``suicha returns`` and ``suicha bulletin``: what is printed, and what is refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.cli import bulletin, returns
from bot.cli.context import MACHINE, Machine
from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.tasks.models import Task
from tests.cli.test_imports import folder, run
from tests.conftest import INFO
from tests.inspection.test_returns import NOW, finished

__all__ = ["folder"]  # the fixture: an installation in a folder of its own


@pytest.fixture(autouse=True)
def after_the_round(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SUICHA_PROFILE", "ZJ")
    token = MACHINE.set(Machine(ManualClock(NOW)))
    yield
    MACHINE.reset(token)


@pytest.fixture
def office(folder: Path, sqlite_url: str) -> tuple[str, str]:
    """A county with one finished task; its number, and the code of a coordinator."""

    def make(session: Session) -> tuple[str, str]:
        task = session.get_one(Task, finished(session, visits=4))
        task.dispatched_at = NOW.replace(month=3)
        session.add(task)
        person = session.exec(select(PersonRole.person_id).where(PersonRole.role == Role.COORDINATOR)).first()
        return task.number, session.get_one(Person, person).code

    database = Database(sqlite_url, info=INFO)
    try:
        return database.write_now(make)
    finally:
        database.close()


def test_return_visits_are_drawn_and_shown(office: tuple[str, str]) -> None:
    exit_code, said = run(returns.app, "draw", office[0], "--percent", "50", "--json")
    drawn = json.loads(said)
    assert (exit_code, len(drawn), len(drawn[0]["officers"])) == (0, 2, 2)
    assert "待回访，最迟" in run(returns.app, "show", office[0])[1]
    assert run(returns.app, "show", "没有") == (2, "没有这个任务。（任务：没有）")
    assert run(returns.app, "draw", office[0], "--percent", "五")[0] == 2


def test_a_bulletin_is_drafted_shown_and_issued_by_the_office_only(office: tuple[str, str]) -> None:
    exit_code, said = run(bulletin.app, "draft", "2026-03")
    assert (exit_code, "草稿" in said, "任务 1 个" in said) == (0, True, True)
    assert run(bulletin.app, "issue", "2026-03", "--by", "nobody")[0] == 2
    exit_code, said = run(bulletin.app, "issue", "2026-03", "--by", office[1], "--json")
    assert json.loads(said)["issued"]
    assert "督办未办结" in run(bulletin.app, "show", "2026-03")[1]
    assert "期间应写成" in run(bulletin.app, "draft", "三月")[1]
    assert "没有这一期通报" in run(bulletin.app, "show", "2026-07")[1]
    assert "还没有部门开始" in run(bulletin.app, "draft", "2025-03")[1]
