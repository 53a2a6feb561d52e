"""`suicha checklist`: from Excel to a pinned version and back; a withdrawn version is finished (C17)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import cli
from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.service import SALT
from bot.inspection.checklists.pinning import pin_checklists, withdraw_checklist
from bot.inspection.checklists.queries import form_facts
from bot.inspection.tasks.models import Task, TaskState
from bot.migrations import migrate
from tests.fakes.desk import GOOD, Desk
from tests.fakes.visits import LI, VISIT, WANG, make_visit


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    url = f"sqlite:///{tmp_path / 'suicha.db'}"
    database = Database(url, info={SALT: "salt-for-tests-only"})
    migrate(database)
    database.close()
    for name, value in {
        "DATABASE_URL": url,
        "AUDIT_SALT": "salt-for-tests-only",
        "SECRET_KEY": "k" * 24,
    }.items():
        monkeypatch.setenv(f"SUICHA_{name}", value)
    monkeypatch.chdir(tmp_path)
    cli.register()

    def call(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli.app, ["checklist", *words])
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return call


def test_a_list_goes_out_to_excel_and_comes_back_as_a_new_version(run: Any, tmp_path: Path) -> None:
    assert "CL-2 第1版" in run("list")
    assert "24 题" in run("export", "CL-2", "a.yaml")
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8").replace("version: 1", "version: 2", 1)
    (tmp_path / "b.yaml").write_text(text, encoding="utf-8")
    assert "检查完毕，未写入：CL-2 第2版" in run("import", "b.yaml", "--dry-run")
    assert json.loads(run("list", "--json"))[-1]["version"] != 2
    assert "已发布：CL-2 第2版，24 题" in run("import", "b.yaml")
    run("export", "CL-2", "c.xlsx")
    assert json.loads(run("import", "c.xlsx", "--json"))["ok"]  # the same again changes nothing
    assert "已撤下 CL-2 第2版" in run("withdraw", "CL-2", "2", "--reason", "依据已修订")
    rows = {(r["code"], r["version"]): r for r in json.loads(run("list", "--json"))}
    assert rows["CL-2", 2]["withdrawn"]


def test_a_changed_list_under_an_old_number_is_refused(run: Any, tmp_path: Path) -> None:
    run("export", "CL-4", "a.yaml")
    run("import", "a.yaml")
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8").replace("是否明码标价", "有没有明码标价", 1)
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(cli.app, ["checklist", "import", "a.yaml"])
    assert isinstance(result.exception, Problem)
    assert result.exception.key == "checklist_changed"


def test_c17_a_withdrawn_version_can_be_finished_and_is_given_to_no_new_task(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    sqlite_db.write_now(make_visit, now=clock.now())
    desk = Desk(sqlite_db, clock, tmp_path)
    desk.arrive(WANG, LI)
    desk.open()
    for _ in range(2):
        desk.do(withdraw_checklist, code="CL-1", version=1, reason="依据已修订")
    desk.save(GOOD)
    desk.close()
    assert desk.rows(Task)[0].checklist_ids == [1]
    assert len(sqlite_db.read_now(form_facts, VISIT).checklists) == 1

    def another(session: Any) -> None:
        task = session.get_one(Task, 1).model_dump()
        session.add(
            Task(**{**task, "id": 2, "number": "x", "state": TaskState.DISPATCHED, "checklist_ids": []})
        )

    sqlite_db.write_now(another)
    with pytest.raises(Problem) as caught:
        desk.do(pin_checklists, task_id=2)
    assert caught.value.key == "checklist_withdrawn"
