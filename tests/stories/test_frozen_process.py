"""Two real processes on one database, one of them frozen in the middle: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlmodel import Session

from bot.core.db import Database
from bot.migrations import migrate
from bot.simulator.dingtalk import DingTalkServer
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimPerson, World
from bot.simulator.server import Simulator
from tests.conftest import INFO
from tests.fakes.builders import make_account, make_person
from tests.platforms.dingtalk.rig import CLIENT_ID, CLIENT_SECRET, CORP_ID

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
ROOT = Path(__file__).resolve().parents[2]
PEOPLE = [f"u{number}" for number in range(8)]


@asynccontextmanager
async def service() -> AsyncIterator[tuple[DingTalkServer, str]]:
    """The simulated DingTalk by real time, impatient enough for a test."""
    world = World(now=time.time)
    for user_id in PEOPLE:
        world.add_person(SimPerson("dingtalk", user_id, f"检查员{user_id}"))
    server = DingTalkServer(
        world,
        FaultPlan(),
        DingTalkSetup(
            CLIENT_ID,
            CLIENT_SECRET,
            CORP_ID,
            7,
            ping_every=0.5,
            resend_after=0.2,
            robot_patience=1.0,
            tries=60,
        ),
    )
    simulator = Simulator(world, FaultPlan(), {"dingtalk": server})
    await simulator.start()
    yield server, f"{simulator.base_url}/dingtalk"
    await simulator.stop()
    world.close()


def serve(folder: Path, url: str, base: str) -> subprocess.Popen[bytes]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "DATABASE_URL": url,
        "DATA_DIR": str(folder / "data"),
        "SECRET_KEY": "k" * 24,
        "AUDIT_SALT": INFO["audit_salt"],
        "PORT": str(port),
        "TICK_SECONDS": "1",
        "DINGTALK__CLIENT_ID": CLIENT_ID,
        "DINGTALK__CLIENT_SECRET": CLIENT_SECRET,
        "DINGTALK__API_BASE": base,
        "DINGTALK__OAPI_BASE": base,
        "DINGTALK__IDLE_AFTER": "3",
    }
    known = {name: value for name, value in os.environ.items() if not name.startswith("SUICHA_")}
    environment = known | {f"SUICHA_{name}": value for name, value in settings.items()}
    words = [sys.executable, str(ROOT / "suicha.py"), "serve"]
    return subprocess.Popen(  # noqa: S603 - our own service
        words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def bound(session: Session) -> None:
    for user_id in PEOPLE:
        person = make_person(session)
        make_account(session, person.id or 0, user_id=user_id, platform="dingtalk")


def answers(server: DingTalkServer) -> list[int]:
    """How many answers stand in each person's chat."""
    return [sum(not bubble.mine for bubble in server.world.chat("dingtalk", user)) for user in PEOPLE]


async def seen(server: DingTalkServer, wanted: int, *, seconds: float = 40.0) -> None:
    """Wait until everybody has so many answers."""
    async with asyncio.timeout(seconds):
        while answers(server) != [wanted] * len(PEOPLE):  # noqa: ASYNC110 - other processes tell nobody
            await asyncio.sleep(0.1)


async def ask(server: DingTalkServer) -> None:
    await asyncio.gather(*(server.say(user, "帮助") for user in PEOPLE))


async def until(server: DingTalkServer, connections: int) -> None:
    async with asyncio.timeout(40):
        while server.stream.connections != connections:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)


async def test_a_frozen_process_loses_and_doubles_nothing(empty_postgres_url: str, tmp_path: Path) -> None:
    database = Database(empty_postgres_url, info=INFO)
    migrate(database)
    database.write_now(bound)
    database.close()
    async with service() as (server, base):
        processes = [serve(tmp_path, empty_postgres_url, base) for _ in range(2)]
        try:
            await until(server, 2)
            await ask(server)
            await seen(server, 1)
            processes[0].send_signal(signal.SIGSTOP)
            await ask(server)  # some of these are pushed into a socket that nobody reads
            await seen(server, 2)
            await until(server, 1)
            processes[0].send_signal(signal.SIGCONT)  # it reads what lay in its socket, and connects anew
            await until(server, 2)
            await ask(server)
            await seen(server, 3)
            processes[1].kill()  # the other one dies without a word
            await ask(server)
            await seen(server, 4)
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                process.wait(20)
        assert answers(server) == [4] * len(PEOPLE)
