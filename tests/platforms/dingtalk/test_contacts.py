"""The directory over the wire: pages, throttling, hidden departments, events, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select
from typer.testing import CliRunner

from bot import cli
from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.people.models import Account, Person
from bot.migrations import migrate
from bot.platforms.base import InboundKind
from bot.platforms.directory import Directory
from bot.simulator.dingtalk import DingTalkServer
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimPerson, World
from bot.simulator.server import Simulator
from handlers.chat import contacts
from tests.messaging.rig import Rig as Messaging
from tests.messaging.rig import write_templates
from tests.platforms.dingtalk.rig import CLIENT_ID, CLIENT_SECRET, CORP_ID, Rig, dingtalk


async def test_everybody_is_read_once_with_department_and_number_over_several_pages(rig: Rig) -> None:
    for number in range(230):
        place = ("市场监管局", "消防支队", "")[number % 3]
        rig.world.add_person(
            SimPerson("dingtalk", f"n{number}", f"人员{number}", mobile=f"139{number:08d}", department=place)
        )
    found = await rig.platform.members()
    assert isinstance(rig.platform, Directory)
    assert len({one.user_id for one in found}) == len(found) == 232
    one = next(member for member in found if member.user_id == "n1")
    assert (one.name, one.mobile, [unit.name for unit in one.units]) == ("人员1", "13900000001", ["消防支队"])


async def test_a_throttled_sync_goes_on_and_loses_nobody() -> None:
    async with dingtalk(settings={"calls_per_second": 1000}, per_second=2) as rig:
        rig.platform._contacts._pace.gap = 0.01  # too fast on purpose
        for number in range(250):
            rig.world.add_person(SimPerson("dingtalk", f"n{number}", f"人员{number}"))
        assert len(await rig.platform.members()) == 252


async def test_one_person_is_looked_up_and_nobody_is_none(rig: Rig) -> None:
    one = await rig.platform.member("u1001")
    assert one is not None
    assert one.name == "检查员1"
    assert await rig.platform.member("stranger") is None


async def test_an_event_blocks_who_left_and_brings_who_came(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    async with dingtalk() as rig:
        messaging = Messaging(sqlite_db, clock, write_templates(tmp_path))
        messaging.platforms["dingtalk"] = rig.platform
        messaging.router.include(contacts.router)
        messaging.person("dingtalk:u1001")

        async def happened(name: str, *user_ids: str) -> None:
            raw = {"type": name, "user_ids": list(user_ids), "dept_ids": []}
            event = messaging.event(kind=InboundKind.CONTACT, platform="dingtalk", user_id="", raw=raw)
            await messaging.dispatcher.take(event)
            await messaging.dispatcher.settle()

        await happened("user_add_org", "u1002")
        await happened("user_add_org", "u1002")  # events come twice
        assert sqlite_db.read_now(_living) == ["u1001", "u1002"]
        await happened("user_leave_org", "u1001")
        assert sqlite_db.read_now(_living) == ["u1002"]
        await happened("user_modify_org", "never-there")
        await happened("org_dept_create")
        assert sqlite_db.read_now(_living) == ["u1002"]


def _living(session: Session) -> list[str]:
    return sorted(one.user_id for one in session.exec(select(Account)) if one.dead_since is None)


@pytest.mark.slow
async def test_the_command_looks_first_and_then_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio  # noqa: PLC0415

    world = World(now=lambda: 1_795_000_000.0)
    world.add_person(SimPerson("dingtalk", "u1", "王检查", mobile="13800000001", department="市场监管局"))
    server = DingTalkServer(world, FaultPlan(), DingTalkSetup(CLIENT_ID, CLIENT_SECRET, CORP_ID, 7))
    simulator = Simulator(world, FaultPlan(), {"dingtalk": server})
    await simulator.start()
    base = f"{simulator.base_url}/dingtalk"
    url = f"sqlite:///{tmp_path / 'suicha.db'}"
    for name, value in {
        "DATABASE_URL": url,
        "AUDIT_SALT": "s" * 20,
        "SECRET_KEY": "k" * 20,
        "DINGTALK__CLIENT_ID": CLIENT_ID,
        "DINGTALK__CLIENT_SECRET": CLIENT_SECRET,
        "DINGTALK__API_BASE": base,
        "DINGTALK__OAPI_BASE": base,
    }.items():
        monkeypatch.setenv(f"SUICHA_{name}", value)
    monkeypatch.chdir(tmp_path)
    database = Database(url)
    migrate(database)
    cli.register()

    async def run(*words: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, cli.app, ["contacts", "sync", *words])

    looked = await run("dingtalk", "--dry-run")
    for line in ("1 个部门、1 人", "新增部门：1\n  市场监管局（2）", "新增人员：1"):
        assert line in looked.output, looked.output
    assert database.read_now(lambda session: session.exec(select(Person)).all()) == []
    done = await run("dingtalk", "--json")
    assert json.loads(done.output) == {
        "read": 1, "dry_run": False, "bind": 0, "create": 1, "change": 0, "back": 0, "leave": 0, "unclear": 0,
        "departments": {"bind": 0, "create": 1, "rename": 0, "move": 0, "back": 0, "gone": 0},
    }  # fmt: skip
    again = await run("dingtalk")
    assert "没有要改的" in again.output
    unknown = await run("wecom")
    assert unknown.exception is not None
    database.close()
    await simulator.stop()
