"""The whole ceremony at the prompt: preview, sources, waiver, commitment, two witnesses, reveal, lock, export, verify,
replacement, redraw; and what a mistyped step is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from bot.cli import app, register
from bot.cli.context import MACHINE, Machine
from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.people.models import Role
from bot.inspection.tasks.models import Task
from tests.conftest import INFO
from tests.fakes.builders import NOW, make_person
from tests.inspection.test_draws import setting
from tests.test_bad_input import migrated

ROOT = Path(__file__).resolve().parents[2]
SOURCES = "- kind: witness\n  how: 现场摇号\n  digits: 6\n"
__all__ = ["migrated"]


@pytest.fixture
def desk(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The number of a task ready to draw, on a migrated database of its own, on the morning of the tests."""
    import shutil  # noqa: PLC0415

    path = tmp_path / "suicha.db"
    shutil.copy(migrated, path)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": f"sqlite:///{path}", "SECRET_KEY": "k" * 24, "AUDIT_SALT": INFO["audit_salt"],
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SUICHA_{name}", value)
    db = Database(f"sqlite:///{path}", info=INFO)

    def make(session: Session) -> str:
        task = setting(session)
        for code, role in (
            ("W1", Role.REVIEWER),
            ("W2", Role.REVIEWER),
            ("J1", Role.COORDINATOR),
            ("J2", Role.COORDINATOR),
        ):
            make_person(session, role=role, account=code, code=code)
        return session.get_one(Task, task).number

    number = db.write_now(make)
    db.close()
    token = MACHINE.set(Machine(ManualClock(NOW)))
    yield number
    MACHINE.reset(token)


@pytest.fixture
def suicha(desk: str, capsys: pytest.CaptureFixture[str]) -> object:
    register()

    def run(*words: str) -> str:
        code = app(list(words), standalone_mode=False)
        assert code in (None, 0), code
        return capsys.readouterr().out

    return run


def refused(suicha: object, *words: str) -> str:
    with pytest.raises(Problem) as problem:
        suicha(*words)  # type: ignore[operator]
    return str(problem.value)


def test_a_draw_from_preview_to_redraw_at_the_prompt(suicha, desk: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    seen = json.loads(suicha("draw", "preview", desk, "--json"))
    assert (seen["pool"], seen["take"], seen["ready"]) == (40, 4, True)
    assert seen["strata"]["B"]["probability"] == "4/40"
    assert "每户概率 4/40" in suicha("draw", "preview", desk)
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    said = suicha("draw", "sources", desk, "sources.yaml", "--witness", "W1", "--witness", "W2", "--by", "J1")
    assert "还没有公布承诺" in said
    assert "可放行" in refused(suicha, "draw", "waive", desk, "staff", "--ground", "x")
    commitment = json.loads(suicha("draw", "commit", desk, "--json"))
    assert len(commitment["secret_sha256"]) == 64
    assert "没有两人确认" in refused(suicha, "draw", "reveal", desk)
    assert "请用 --by 写明由谁操作" in refused(suicha, "draw", "value", desk, "1", "415263")
    assert "等另一位见证人确认" in suicha("draw", "value", desk, "1", "415263", "--by", "W1")
    assert "不一致" in refused(suicha, "draw", "value", desk, "1", "415264", "--by", "W2")
    assert "已撤回" in suicha("draw", "value", desk, "1", "--take-back", "--by", "W1")
    for witness in ("W2", "W1"):
        said = suicha("draw", "value", desk, "1", "415264", "--by", witness)
    assert "已由两人确认" in said
    assert "随机种子" in suicha("draw", "reveal", desk)
    assert "已抽取 4 户" in suicha("draw", "lock", desk)
    assert "名单已锁定" in refused(suicha, "draw", "lock", desk)
    assert "已由下一张票替换" in _replaced(suicha, desk, tmp_path)
    assert "已增加 2 户" in suicha("draw", "more", desk, "B", "2", "--ground", "提高比例", "--by", "J1")
    assert "9 个文件已写入" in suicha("draw", "export", desk, "bundle")
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {
        "draw.json", "pool.jsonl", "rules.json", "officers.jsonl", "picks.jsonl", "visits.jsonl", "barred.jsonl",
        "changes.jsonl", "certificate.pdf",
    }  # fmt: skip
    _verifies(suicha, tmp_path)
    assert "等另一人决定" in suicha("draw", "void", desk, "--ground", "名单导入有误", "--by", "J1")
    assert "另一人批准" in refused(suicha, "draw", "void", desk, "--approve", "--by", "J1")
    assert "本轮已作废" in suicha("draw", "void", desk, "--approve", "--by", "J2")
    assert "尚未公布抽取承诺" in refused(suicha, "draw", "lock", desk)
    assert "个文件已写入" in suicha("draw", "export", desk, "voided", "--round", "1")


def _replaced(suicha, desk: str, folder: Path) -> str:  # type: ignore[no-untyped-def]
    suicha("draw", "export", desk, "before")
    first = json.loads((folder / "before" / "picks.jsonl").read_bytes().splitlines()[0])["id"]
    assert "必须说明理由" in refused(suicha, "draw", "replace", desk, first, "--by", "J1")
    said: str = suicha("draw", "replace", desk, first, "--ground", "已注销", "--by", "J1")
    return said


def _verifies(suicha, folder: Path) -> None:  # type: ignore[no-untyped-def]
    assert "核验通过" in suicha("verify", "bundle")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", str(ROOT / "docs" / "verify_draw.py"), str(folder / "bundle")], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "HOLDS: 4 of 40 objects, 4 teams, 3 changes after the lock\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: witness", "应是一个列表"), ("- kind: dice", "kind 只能是"), ("- [", "读不懂来源文件"),
        ("- kind: published\n  what: 3D\n  issue: '1'\n  where: 网\n  known: 2026-03-01 09:00", "已经过去"),
    ],
)  # fmt: skip
def test_a_sources_file_that_is_wrong_is_refused_in_words(
    suicha, desk: str, tmp_path: Path, text: str, words: str
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "sources.yaml").write_text(text, encoding="utf-8")
    said = refused(suicha, "draw", "sources", desk, "sources.yaml", "--witness", "W1", "--witness", "W2")
    assert words in said
    assert "没有这个人员" in refused(suicha, "draw", "sources", desk, "--witness", "nobody")
    assert "抽取方式只能是" in refused(suicha, "draw", "sources", desk, "--mode", "DICE")
    assert "没有这个任务" in refused(suicha, "draw", "preview", "nothing")
