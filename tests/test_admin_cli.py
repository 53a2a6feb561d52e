"""The commands of whoever looks after the installation: migrate, doctor, console-link, audit."""

from __future__ import annotations

import datetime as dt
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from bot.cli import audit, console, doctor, migrate
from bot.cli.context import MACHINE, Machine
from bot.core.clock import CHINA, ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.links import Links
from bot.inspection.audit.service import entry_hash, record
from bot.inspection.calendar import WorkCalendar, YearTable
from bot.inspection.deadlines.calendar_years import import_year
from bot.migrations import head
from tests.conftest import INFO
from tests.handlers.campaign import COORDINATOR, campaign, people

app = typer.Typer()
app.command("migrate")(migrate.migrate)
app.command("doctor")(doctor.doctor)
app.command("console-link")(console.console_link)
app.add_typer(audit.app, name="audit")


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Iterator[Database]:
    """A migrated SQLite installation with one campaign, reached through its settings."""
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 'suicha.db'}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {
        "DATABASE_URL": url, "DATA_DIR": str(tmp_path / "data"), "SECRET_KEY": "k" * 24, "PORT": str(port),
        "AUDIT_SALT": INFO["audit_salt"],
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SUICHA_{name}", value)
    assert run("migrate").exit_code == 0
    database = Database(url, info=INFO)
    database.write_now(people, now=clock.now())
    database.write_now(campaign, now=clock.now())
    yield database
    database.close()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_migrate_says_from_where_to_where(installation: Database) -> None:
    assert f"已是最新版本 {head()}" in run("migrate").stdout
    assert json.loads(run("migrate", "--json").stdout) == {"from": head(), "to": head()}


def test_a_link_from_the_command_line_opens_the_console_of_its_person(installation: Database) -> None:
    settings = Settings()
    links = Links(settings.public_url, "k" * 24)

    for words in (("console-link",), ("console-link", "C001")):
        address = run(*words).stdout.strip()
        assert address.startswith(settings.public_url + "/console/")
        value = links.open("console", address.rpartition("/")[2], max_age=dt.timedelta(minutes=1))
        assert value[0] == COORDINATOR


@pytest.mark.parametrize(("code", "key"), [("P001", "forbidden"), ("nobody", "not_found")])
def test_nobody_else_gets_a_link(installation: Database, code: str, key: str) -> None:
    refused = run("console-link", code).exception

    assert isinstance(refused, Problem)
    assert refused.key == key


def test_an_untouched_chain_verifies(installation: Database) -> None:
    result = run("audit", "verify")

    assert result.exit_code == 0
    assert "1 条记录首尾相接" in result.stdout
    assert json.loads(run("audit", "verify", "--json").stdout)["broken_at"] is None


def test_a_changed_entry_is_named_and_the_exit_code_says_so(
    installation: Database, clock: ManualClock
) -> None:
    for n in range(3):
        installation.write_now(record, "test.noted", f"task:{n}", now=clock.now())
    installation.write_now(lambda db: db.execute(text("UPDATE auditentry SET action = 'x' WHERE seq = 3")))

    result = run("audit", "verify")

    assert result.exit_code == 1
    assert "第 3 条" in result.stderr
    assert json.loads(run("audit", "verify", "--json").stdout)["broken_at"] == 3


def test_the_tail_shows_the_latest_last(installation: Database, clock: ManualClock) -> None:
    installation.write_now(record, "test.noted", "task:7", now=clock.now())

    lines = run("audit", "tail", "-n", "2").stdout.splitlines()

    assert len(lines) == 2
    assert lines[-1].endswith("task:7")
    assert json.loads(run("audit", "tail", "-n", "1", "--json").stdout)["subject"] == "task:7"


def test_an_export_can_be_verified_by_itself_and_is_never_overwritten(
    installation: Database, tmp_path: Path, clock: ManualClock
) -> None:
    installation.write_now(record, "test.noted", "task:7", now=clock.now(), actor=COORDINATOR, many=3)
    target = tmp_path / "audit.jsonl"

    assert "已导出 2 条" in run("audit", "export", str(target)).stdout

    prev = "0" * 64
    for line in target.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        moment = dt.datetime.fromisoformat(entry["at"])
        assert entry["prev_hash"] == prev
        prev = entry_hash(
            prev, entry["seq"], moment, entry["actor"], entry["action"], entry["subject"], entry["data"]
        )
        assert entry["hash"] == prev
    again = run("audit", "export", str(target)).exception
    assert isinstance(again, Problem)
    assert again.key == "file_exists"


def findings(*words: str) -> tuple[int, dict[str, bool]]:
    result = run("doctor", "--json", *words)
    checks = json.loads(result.stdout)["checks"]
    return result.exit_code, {check["name"]: check["ok"] for check in checks}


def test_the_doctor_finds_a_sound_installation_sound_but_for_its_platforms(installation: Database) -> None:
    code, found = findings()

    assert code == 1
    # the calendar depends on the year this test is run in
    assert [name for name, ok in found.items() if not ok and name != "工作日历"] == ["平台"]
    assert found["数据库版本"]
    assert found["数据库写入"]
    assert found["中文字体"]


def test_the_doctor_sees_the_year_that_was_imported_and_asks_for_the_next_one_in_december(
    installation: Database, clock: ManualClock
) -> None:
    token = MACHINE.set(Machine(clock))
    try:
        clock.move_to(dt.datetime(2026, 11, 30, 10, tzinfo=CHINA))
        assert findings()[1]["工作日历"]
        clock.advance(days=1)
        assert not findings()[1]["工作日历"]
        assert "没有 2027 年放假安排" in run("doctor").output
        holiday = {"name": "元旦", "from": "2027-01-01", "to": "2027-01-03", "work": []}
        table = YearTable.model_validate(
            {
                "year": 2027,
                "version": 1,
                "notice": "国办发明电〔2026〕7号",
                "title": "2027年放假安排",
                "holidays": [holiday],
            }
        )
        calendar = WorkCalendar.load()
        installation.write_now(import_year, table=table, source="x", now=clock.now(), calendar=calendar)
        assert findings()[1]["工作日历"]
        clock.move_to(dt.datetime(2027, 1, 5, 10, tzinfo=CHINA))
        assert findings()[1]["工作日历"]
    finally:
        MACHINE.reset(token)


def test_the_doctor_looks_at_one_platform_and_names_one_that_is_not_there(
    installation: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("CLIENT_ID", "dingtest"),
        ("CLIENT_SECRET", "secret-of-the-test"),
        ("CORP_ID", "dingcorp"),
    ):
        monkeypatch.setenv(f"SUICHA_DINGTALK__{name}", value)
    monkeypatch.setenv("SUICHA_DINGTALK__API_BASE", "http://127.0.0.1:9")
    monkeypatch.setenv("SUICHA_DINGTALK__OAPI_BASE", "http://127.0.0.1:9")

    code, found = findings("dingtalk")

    assert code == 1
    assert "数据库版本" not in found
    assert not found["应用凭证"]
    for name, key in (("wecom", "platform_not_set"), ("fax", "platform_unknown")):
        refused = run("doctor", name).exception
        assert isinstance(refused, Problem)
        assert (refused.key, refused.fields) == (key, {"平台": name})


def test_half_a_platform_block_is_named_by_its_setting(
    installation: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUICHA_WECOM__CORP_ID", "ww0123456789abcdef")

    result = run("doctor")

    assert result.exit_code == 1
    assert "SUICHA_WECOM__SECRET 没有设置" in result.stdout
    assert "SUICHA_WECOM__AES_KEY 没有设置" in result.stdout


def test_short_secrets_and_their_values_are_not_shown(
    installation: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUICHA_SECRET_KEY", "hunter2")

    result = run("doctor")

    assert "✗ SUICHA_SECRET_KEY" in result.stdout
    assert "hunter2" not in result.stdout


def test_a_taken_port_and_an_unmigrated_database_are_findings(
    installation: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUICHA_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    with socket.socket() as silent:  # bound and not listening: nobody answers
        silent.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SUICHA_PORT", str(silent.getsockname()[1]))
        _, found = findings()

    assert not found["端口"]
    assert not found["数据库版本"]
    assert found["数据库写入"]


def test_a_phone_cannot_open_links_to_this_machine(
    installation: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUICHA_DINGTALK__CLIENT_ID", "ding0123456789")
    monkeypatch.setenv("SUICHA_DINGTALK__CLIENT_SECRET", "s" * 30)

    _, found = findings("--offline")

    assert not found["SUICHA_PUBLIC_URL"]
    assert "平台" not in found
