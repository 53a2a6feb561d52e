"""The adapter and the simulated DingTalk, joined by loopback sockets."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.clock import ManualClock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import InboundEvent
from bot.platforms.dingtalk.app import DingTalkPlatform
from bot.platforms.shared import Meter
from bot.simulator.dingtalk import DingTalkServer
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, SimPerson, World

START = dt.datetime(2026, 11, 21, 1, 0, tzinfo=dt.UTC)
CLIENT_ID, CLIENT_SECRET, CORP_ID = "dingappkey01", "app-secret-not-real", "dingcorp0001"
ROBOT_TOKEN, ROBOT_SECRET = "robot-token-not-real", "SECnot-real"


@dataclass
class Inbox:
    """What reached ``on_event``, and a way to wait for it; ``refuse`` makes the next events fail."""

    events: list[InboundEvent] = field(default_factory=list)
    refuse: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def store(self, event: InboundEvent) -> None:
        if self.refuse:
            self.refuse -= 1
            raise OSError("the disk is full")
        self.events.append(event)
        self.arrived.set()

    async def wait_for(self, count: int) -> list[InboundEvent]:
        async with asyncio.timeout(5):
            while len(self.events) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.events


@dataclass
class Rig:
    """One running pair; ``base`` is where the simulated service listens."""

    base: str
    clock: ManualClock
    world: World
    faults: FaultPlan
    server: DingTalkServer
    session: aiohttp.ClientSession
    settings: DingTalkSettings
    platform: DingTalkPlatform
    inbox: Inbox

    def chat(self, user_id: str = "u1001") -> list[SimMessage]:
        return self.world.chat("dingtalk", user_id)

    async def connect(self) -> None:
        await self.platform.start()
        async with asyncio.timeout(5):
            await self.platform.stream.connected.wait()


async def until(what: Callable[[], bool]) -> None:
    """Poll, for at most five seconds, for something that no event announces."""
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 - the world has no event for it
            await asyncio.sleep(0.01)


def settings_for(base: str, **changes: Any) -> DingTalkSettings:
    known = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "corp_id": CORP_ID,
        "api_base": base,
        "oapi_base": base,
        "card_template": "suicha.schema",
        "timeout": 2.0,
        "group_robot_url": f"{base}/robot/send?access_token={ROBOT_TOKEN}",
        "group_robot_secret": ROBOT_SECRET,
    }
    return DingTalkSettings.model_validate({**known, **changes})


@asynccontextmanager
async def dingtalk(
    *,
    settings: dict[str, Any] | None = None,
    world: World | None = None,
    meter: Meter | None = None,
    **server_options: Any,
) -> AsyncIterator[Rig]:
    """Run both; *settings* and *server_options* differ from what most tests want."""
    clock = ManualClock(START)
    if world is None:
        world = World(now=lambda: clock.now().timestamp())
        for number in (1, 2):
            world.add_person(SimPerson("dingtalk", f"u100{number}", f"检查员{number}"))
    faults = FaultPlan(hold=0.6, delay=0.05)
    known = {
        "resend_after": 0.05,
        "robot_patience": 1.0,
        "card_patience": 1.0,
        "robot_token": ROBOT_TOKEN,
        "robot_secret": ROBOT_SECRET,
    }
    setup = DingTalkSetup(CLIENT_ID, CLIENT_SECRET, CORP_ID, 7, **(known | server_options))
    server = DingTalkServer(world, faults, setup)
    root = web.Application()
    root.add_subapp("/dingtalk", server.app())
    listening = TestServer(root)
    await listening.start_server()
    base = str(listening.make_url("/dingtalk"))
    inbox, wanted = Inbox(), settings_for(base, **(settings or {}))
    async with aiohttp.ClientSession() as session:
        platform = DingTalkPlatform(wanted, clock, session, inbox.store, meter=meter)
        yield Rig(base, clock, world, faults, server, session, wanted, platform, inbox)
        await platform.close()
        await server.close()
    await listening.close()
    world.close()
