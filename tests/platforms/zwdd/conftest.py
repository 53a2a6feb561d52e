"""A simulated 政务钉钉 gateway and our adapter in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.clock import ManualClock
from bot.core.config_zwdd import ZwddSettings
from bot.platforms.zwdd.app import ZwddPlatform
from bot.simulator.people import SimPerson, World
from bot.simulator.zwdd import ZwddServer

SECRET = "a-secret-for-tests-only"


@dataclass
class Rig:
    platform: ZwddPlatform
    server: ZwddServer
    world: World
    settings: ZwddSettings
    session: aiohttp.ClientSession
    clock: ManualClock

    def another(self, **changes: object) -> ZwddPlatform:
        return ZwddPlatform(self.settings.model_copy(update=changes), self.clock, self.session)


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    world = World(now=lambda: clock.now().timestamp())
    for account in ("1001", "1002"):
        world.add_person(SimPerson("zwdd", account, f"检查员{account}"))
    server = ZwddServer(world, app_key="app", app_secret=SECRET, tenant_id="t1")
    root = web.Application()
    root.add_subapp("/zwdd", server.app())
    async with TestServer(root) as listening, aiohttp.ClientSession() as session:
        settings = ZwddSettings.model_validate(
            {"app_key": "app", "app_secret": SECRET, "tenant_id": "t1", "timeout": 5}
            | {"api_base": str(listening.make_url("/zwdd"))}
        )
        yield Rig(ZwddPlatform(settings, clock, session), server, world, settings, session, clock)
