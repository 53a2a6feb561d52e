"""Processes of the long stories: the simulated services, and a whole service whose clock runs faster.

python -m tests.stories.outside simulate PORT JOURNAL PERCENT PEOPLE
python -m tests.stories.outside serve DATABASE SIMULATOR FOLDER
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time
from pathlib import Path

import uvloop
from aiohttp import web

from bot.app import make_app
from bot.core.config import Settings
from bot.core.config_dingtalk import DingTalkSettings
from bot.core.config_wecom import WeComSettings
from bot.core.log import configure_logging
from bot.simulator.dingtalk import DingTalkServer
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimPerson, World
from bot.simulator.server import Simulator
from bot.simulator.wecom import WeComServer

SPEED = 20  # seconds of the service in one real second: a lease of 90 s is over in four and a half
TIMEOUT = 1.0  # real seconds: two calls of a send with a dead token still fit into a lease
WECOM = {
    "corp_id": "wwstory000000001",
    "agent_id": 1000017,
    "secret": "secret-of-the-story",
    "token": "t",
    "aes_key": "a" * 43,
}
DING = {
    "client_id": "dingstory00001",
    "client_secret": "secret-of-the-story",
    "corp_id": "dingcorp0001",
    "agent_id": 7,
}
SALT, KEY = "salt-of-the-story-only", "key-of-the-story-only-1"
EPOCH = dt.datetime(2026, 11, 25, 1, 0, tzinfo=dt.UTC)  # a Wednesday morning in China


class FastClock:
    """The same for every process of one machine: real time since the epoch of the story, sped up."""

    def now(self) -> dt.datetime:
        return EPOCH + dt.timedelta(seconds=(time.time() - 1_790_000_000) % 1_000_000 * SPEED)


def exists(number: int) -> bool:
    """Whether the service knows this person: three in a hundred have left."""
    return number % 100 not in (11, 47, 83)


def platform_of(number: int) -> str:
    return "wecom" if number % 2 else "dingtalk"


async def simulate(port: int, journal: Path, percent: float, people: int) -> None:
    world = World(now=time.time, journal=journal)
    for n in range(people):
        if exists(n):
            world.add_person(SimPerson(platform_of(n), f"u{n}", f"检查员{n}"))
    faults = FaultPlan(percent=percent, hold=TIMEOUT + 0.2)
    base = f"http://127.0.0.1:{port}"
    servers = {
        "wecom": WeComServer(
            world,
            faults,
            **WECOM,
            callback_url="http://127.0.0.1:1/",
            base_url=f"{base}/wecom",  # type: ignore[arg-type]
        ),
        "dingtalk": DingTalkServer(world, faults, DingTalkSetup(**DING)),  # type: ignore[arg-type]
    }
    await Simulator(world, faults, servers, port=port).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def serve(database: str, simulator: str, folder: Path) -> None:
    settings = Settings(
        _env_file=None, database_url=database, data_dir=folder, secret_key=KEY, audit_salt=SALT, tick_seconds=3600.0,
        log_level="ERROR",
        wecom=WeComSettings(**WECOM, api_base=f"{simulator}/wecom", timeout=TIMEOUT),
        dingtalk=DingTalkSettings(
            **DING, api_base=f"{simulator}/dingtalk", oapi_base=f"{simulator}/dingtalk", timeout=TIMEOUT,
            calls_per_second=10_000,
        ),
    )  # type: ignore[call-arg, arg-type]  # fmt: skip
    configure_logging(level="CRITICAL", json=True)  # stdout is read for one line only
    runner = web.AppRunner(make_app(settings, clock=FastClock()), access_log=None)
    await runner.setup()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "simulate":
        uvloop.run(simulate(int(rest[0]), Path(rest[1]), float(rest[2]), int(rest[3])))
    else:
        uvloop.run(serve(rest[0], rest[1], Path(rest[2])))
