"""``suicha commission`` and ``suicha approval``, typed against a migrated database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, col, select
from typer.testing import CliRunner

from bot.cli import app, register
from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.commissions.models import LiabilityFact
from bot.inspection.people.models import Person
from bot.inspection.registry.models import Item
from bot.inspection.tasks.approval import ask_approvals
from bot.inspection.tasks.models import ApprovalState, Task, VisitApproval
from bot.migrations import migrate
from tests.conftest import INFO
from tests.fakes.visits import LEAD, VISIT, WANG, make_visit

NUMBER = "450900202603090001-001"


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 'suicha.db'}"
    for name, value in {
        "DATABASE_URL": url,
        "DATA_DIR": str(tmp_path / "data"),
        "AUDIT_SALT": INFO["audit_salt"],
    }.items():
        monkeypatch.setenv(f"SUICHA_{name}", value)
    database = Database(url, info=INFO)
    migrate(database)
    database.write_now(make_visit, now=clock.now())
    yield database
    database.close()


def type_in(*words: str, code: int = 0) -> str:
    """What the command says; a refusal is the Problem itself, which ``main`` puts into words."""
    register()
    result = CliRunner().invoke(app, words)
    if code and result.exception and not isinstance(result.exception, SystemExit):
        return str(result.exception)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_a_report_is_ordered_taken_in_adopted_and_found_false(installation: Database, tmp_path: Path) -> None:
    item = installation.read_now(lambda s: s.exec(select(Item.code)).one())
    due = (dt.date.today() + dt.timedelta(days=30)).isoformat()  # noqa: DTZ011 - the command reads the machine's clock
    order = (
        "commission", "order", NUMBER, "--item", item, "--institution", "云溪检测中心", "--task", "餐具检测", "--due", due,
        "--qualification", "CMA 1", "--by", f"P{WANG}", "--valid-to",
    )  # fmt: skip
    assert "不能委托" in type_in(*order, "2020-01-01", code=1)
    assert f"{NUMBER}-W1" in type_in(*order, "2099-01-01")
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")
    taken = ("commission", "report", f"{NUMBER}-W1", str(pdf), "--conclusion", "合格", "--by", f"P{WANG}")
    assert "等待采用" in type_in(*taken)
    assert "已采用" in type_in("commission", "adopt", f"{NUMBER}-W1", "--by", f"P{WANG}")
    false = ("commission", "mark-false", f"{NUMBER}-W1", "--ground", "数据系编造", "--by")
    assert "负责人" in type_in(*false, f"P{WANG}", code=1)
    said = type_in(*false, f"P{LEAD}")
    assert NUMBER in said
    assert "1 件" in said
    assert installation.read_now(lambda s: s.exec(select(LiabilityFact.code)).all()) == ["JZ-29.6"]
    assert "没有这份委托" in type_in("commission", "adopt", "W9", "--by", f"P{WANG}", code=1)


def test_the_head_approves_from_the_command_line(installation: Database, clock: ManualClock) -> None:
    def ask(session: Session) -> str:
        task = session.exec(select(Task)).one()
        ask_approvals(session, task, [VISIT], now=clock.now())
        return task.number

    task = installation.write_now(ask)
    lead = installation.read_now(lambda s: s.exec(select(Person.code).where(col(Person.id) == LEAD)).one())
    assert NUMBER in type_in("approval", "list", task)
    assert "审批" in type_in("approval", "grant", task, "--by", f"P{WANG}", code=1)
    assert "已同意 1 户" in type_in("approval", "grant", task, "--by", lead)
    assert "没有待批" in type_in("approval", "list", task)
    kept = installation.read_now(lambda s: s.get_one(VisitApproval, VISIT))
    assert kept.state == ApprovalState.GRANTED
