"""``suicha import`` and ``suicha plan``: output, exit codes, and that the guide tells the truth."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli import imports, plan
from bot.cli.demo_data import write_demo_files
from bot.core.errors import Problem
from bot.inspection.imports import IMPORTERS
from bot.migrations import head
from tests.inspection.lists import code, write

GUIDE = Path(__file__).parents[2] / "docs/guides/import.zh-CN.md"
RUNNER = CliRunner()


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect(tmp_path / "suicha.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
        database.execute("INSERT INTO alembic_version VALUES (?)", (head(),))
    database.close()
    monkeypatch.setenv("SUICHA_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SUICHA_AUDIT_SALT", "salt-for-tests-only")
    return tmp_path


def run(app: object, *words: str) -> tuple[int, str]:
    """Exit code and output; a ``Problem`` is what ``main`` turns into exit code 2."""
    result = RUNNER.invoke(app, list(words))  # type: ignore[arg-type]
    if isinstance(result.exception, Problem):
        return 2, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_demo_county_comes_in_and_its_plan_is_published(folder: Path) -> None:
    data = write_demo_files(folder / "demo", objects=2000, officers=40)
    for kind, path in (
        ("departments", data.departments), ("items", data.items), ("objects", data.objects),
        ("objects", data.objects_sheet), ("officers", data.officers), ("people", data.people),
        ("contacts", data.contacts),
    ):  # fmt: skip
        exit_code, said = run(imports.app, kind, str(path))
        assert exit_code == (1 if path == data.objects else 0), said
    assert run(plan.app, "import", str(data.plan))[0] == 0
    assert run(plan.app, "publish", "YX-2026") == (2, "计划未经批准，不能公示（编号：YX-2026）")
    assert run(plan.app, "approve", "YX-2026")[0] == 0
    assert "已公示" in run(plan.app, "publish", "YX-2026")[1]
    _, said = run(plan.app, "show", "YX-2026", "--json")
    assert json.loads(said)["state"] == "PUBLISHED"
    changed = yaml.safe_load(data.plan.read_text(encoding="utf-8"))
    changed["lines"].pop()
    data.plan.write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
    assert run(plan.app, "import", str(data.plan))[0] == 2
    assert "取消第3条" in run(plan.app, "import", str(data.plan), "--ground", "突发性风险")[1]


def test_exit_codes_tell_all_some_and_none(folder: Path) -> None:
    headers = ["编号", "名称", "备注"]
    good = write(folder / "好.csv", headers, [[code(1), "甲", ""]])
    some = write(folder / "半.csv", headers, [[code(2), "乙", ""], ["1", "丙", ""]])
    none = write(folder / "坏.csv", ["名称", "备注"], [["甲", ""]])
    exit_code, said = run(imports.app, "objects", str(good))
    assert (exit_code, "新增 1" in said, "未使用：备注" in said) == (0, True, True)
    exit_code, said = run(imports.app, "objects", str(some))
    assert (exit_code, "第3行" in said) == (1, True)
    assert (folder / "半.未导入.csv").exists()
    assert run(imports.app, "objects", str(none))[0] == 2
    assert run(imports.app, "objects", str(folder / "无.csv")) == (2, "找不到文件（文件：无.csv）")


def test_a_dry_run_as_json_says_everything_and_stores_nothing(folder: Path) -> None:
    path = write(folder / "x.csv", ["编号", "名称"], [[code(1), "甲"], ["1", "乙"]])
    for _ in range(2):
        exit_code, said = run(
            imports.app, "objects", str(path), "--dry-run", "--json", "--rejects", str(folder / "r.csv")
        )
        report = json.loads(said)
        assert (exit_code, report["new"], report["rejected"], report["dry_run"]) == (1, 1, 1, True)
        assert report["rejects"][0]["row"] == 3
        assert report["rejects_file"] == str(folder / "r.csv")


def test_a_complete_list_takes_out_of_use_what_it_no_longer_has(folder: Path) -> None:
    headers = ["编号", "抽查事项", "事项类别", "检查依据"]
    both = [["K-1", "甲", "重点", "法"], ["K-2", "乙", "重点", "法"]]
    assert run(imports.app, "items", str(write(folder / "a.csv", headers, both)))[0] == 0
    rest = write(folder / "b.csv", headers, both[:1])
    assert "已停用" not in run(imports.app, "items", str(rest), "--complete", "--dry-run")[1]
    assert "已停用：K-2" in run(imports.app, "items", str(rest), "--complete")[1]


def test_a_plan_file_that_is_missing_or_not_text_is_named(folder: Path) -> None:
    (folder / "p.yaml").write_bytes(b"\xff\xfe\x00")
    assert "应存为 UTF-8" in run(plan.app, "import", str(folder / "p.yaml"))[1]
    assert "打不开" in run(plan.app, "import", str(folder / "q.yaml"))[1]
    assert run(plan.app, "show", "X")[0] == 2


@pytest.mark.parametrize("kind", list(IMPORTERS))
def test_the_guide_lists_every_column_as_it_is(kind: str) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    section = guide.partition(f"<!-- {kind} -->")[2].partition("<!--")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", section, flags=re.MULTILINE)[1:]
    assert rows == [(c.header, {"FILLED": "必填", "PRESENT": "列必有", "OPTIONAL": ""}[c.need] or "可选")
                    for c in IMPORTERS[kind].layout.columns]  # fmt: skip
