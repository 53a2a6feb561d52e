"""The directory of a simulated WeCom through the command line."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import Session, col, select
from typer.testing import CliRunner

from bot import cli
from bot.cli.context import MACHINE, Machine
from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.people.models import Account, Person
from bot.inspection.people.service import use_bind_code
from tests.fakes.builders import make_person
from tests.platforms.wecom.rig import ACCOUNT, Rig, running

SECRET = "a secret of sixteen characters"


@dataclass
class Shell:
    rig: Rig
    db: Database
    run: Callable[..., tuple[int, str]]


@pytest.fixture
def shell(
    sqlite_db: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shell]:
    """WeCom runs in another thread: a command has an event loop of its own."""
    cli.register()
    ready, stop, built = threading.Event(), asyncio.Event(), list[Rig]()
    loop = asyncio.new_event_loop()

    async def live() -> None:
        async with running(clock) as rig:
            built.append(rig)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(live()), daemon=True)
    thread.start()
    assert ready.wait(10)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bot.cli.context.require_current", lambda _db: None)
    values = {f"WECOM__{name}": str(value) for name, value in ACCOUNT.items()}
    values |= {"WECOM__API_BASE": built[0].settings.api_base, "SECRET_KEY": SECRET, "AUDIT_SALT": SECRET}
    values |= {"DATABASE_URL": sqlite_db.url.render_as_string(hide_password=False)}
    for name, value in values.items():
        monkeypatch.setenv(f"SUICHA_{name.upper()}", value)
    token = MACHINE.set(Machine(clock))

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, list(words))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return 2, str(result.exception)
        return result.exit_code, result.output

    yield Shell(built[0], sqlite_db, run)
    MACHINE.reset(token)
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def test_numbers_are_not_told_so_a_namesake_is_left_to_somebody_and_a_look_up_binds(shell: Shell) -> None:
    shell.db.write_now(lambda s: make_person(s, name="张三", mobile="13800000007") and None)
    code, said = shell.run("contacts", "sync", "wecom", "--dry-run", "--json")
    assert code == 0, said
    report = json.loads(said)
    assert (report["read"], report["dry_run"], report["unclear"], report["create"]) == (2, True, 1, 1)
    assert shell.db.read_now(_accounts) == []
    report = json.loads(shell.run("contacts", "sync", "wecom", "--look-up", "--json")[1])
    assert (report["bind"], report["create"], report["unclear"]) == (1, 1, 0)
    assert shell.db.read_now(_accounts) == [("insp007", "张三"), ("insp008", "李四")]
    assert "没有要改的" in shell.run("contacts", "sync", "wecom", "--look-up")[1]


def _accounts(session: Session) -> list[tuple[str, str]]:
    query = select(Account.user_id, Person.name).join(Person).order_by(col(Account.user_id))
    return [(user, name) for user, name in session.exec(query)]


def test_a_look_up_that_finds_nobody_is_not_repeated_for_a_month(shell: Shell, clock: ManualClock) -> None:
    shell.db.write_now(lambda s: make_person(s, name="王五", mobile="13900000000") and None)
    for _ in range(3):
        assert shell.run("contacts", "sync", "wecom", "--look-up")[0] == 0
    day = f"wecom:misses:{int(clock.now().timestamp() // 86400)}"
    assert shell.rig.world.facts[day] == 1


def test_a_code_binds_whoever_says_it_once(shell: Shell, clock: ManualClock) -> None:
    person = shell.db.write_now(lambda s: make_person(s, name="张三").code)
    said = shell.run("contacts", "code", person)[1]
    code = said.partition("绑定码：")[2].partition("（")[0]
    shell.db.write_now(use_bind_code, platform="wecom", user_id="u1", code=code, now=clock.now())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("contacts", "sync", "dingding"), "没有设置这个平台"),
        (("contacts", "code", "nobody"), "没有编号为 nobody"),
    ],
)
def test_what_cannot_be_done_is_said(shell: Shell, words: tuple[str, ...], said: str) -> None:
    code, output = shell.run(*words)
    assert code == 2
    assert said in output


def test_a_directory_that_cannot_be_read_says_what_to_click(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUICHA_WECOM__SECRET", "wrong")
    code, output = shell.run("contacts", "sync", "wecom")
    assert code == 2
    assert "Secret" in output
