"""The real adapter, the simulated WeCom, and a small service whose callback URL WeCom knows; on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.core.clock import ManualClock
from bot.core.config_wecom import WeComSettings
from bot.platforms.base import InboundEvent
from bot.platforms.wecom.app import WeComPlatform
from bot.platforms.wecom.crypto import CallbackError
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, SimPerson, World
from bot.simulator.wecom import WeComServer

AES_KEY = "AibotDocVector0Key1For2Tests3Only4NotReal5Q"
ACCOUNT = {
    "corp_id": "wwdemo0000000001",
    "agent_id": 1000017,
    "secret": "S3cr3t-of-the-app",
    "token": "DocTok01",
    "aes_key": AES_KEY,
}


@dataclass(slots=True)
class Service:
    """Does with a callback what suicha does: open, keep, acknowledge. ``statuses`` are answered first."""

    platform: WeComPlatform | None = None
    inbox: list[InboundEvent] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    reply: bytes = b""
    pause: asyncio.Event | None = None
    arrivals: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((dict(request.query), body))
        self.arrivals.release()
        if self.pause is not None:
            await self.pause.wait()
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        assert self.platform is not None
        try:
            self.inbox.append(self.platform.read_callback(request.query, body))
        except CallbackError as error:
            return web.Response(status=error.status)
        return web.Response(body=self.reply)

    async def get(self, request: web.Request) -> web.Response:
        assert self.platform is not None
        return web.Response(body=self.platform.answer_echo(request.query))


@dataclass(slots=True)
class Rig:
    world: World
    faults: FaultPlan
    server: WeComServer
    service: Service
    platform: WeComPlatform
    settings: WeComSettings
    session: aiohttp.ClientSession
    clock: ManualClock

    def chat(self, user_id: str = "insp007") -> list[SimMessage]:
        return self.world.chat("wecom", user_id)

    def another_platform(self, **changes: object) -> WeComPlatform:
        return WeComPlatform(self.settings.model_copy(update=changes), self.clock, self.session)


@asynccontextmanager
async def running(
    clock: ManualClock, *, journal: Path | None = None, patience: float = 5.0, resend_after: float = 0.3
) -> AsyncIterator[Rig]:
    """A world with two people; *patience* is the adapter's, *resend_after* WeCom's."""
    world = World(now=lambda: clock.now().timestamp(), journal=journal)
    for user_id, name in (("insp007", "张三"), ("insp008", "李四")):
        world.add_person(SimPerson("wecom", user_id, name, mobile="138000000" + user_id[-2:]))
    faults, service = FaultPlan(hold=0.6, delay=0.01), Service()
    async with _served(_hooks(service)) as hooks:
        server = WeComServer(
            world, faults, **ACCOUNT, callback_url=f"{hooks}/hooks/wecom", robot_key="robot-key-1",
            resend_after=resend_after,
        )  # fmt: skip
        outer = web.Application()
        outer.add_subapp("/wecom", server.app())
        async with _served(outer) as api, aiohttp.ClientSession() as session:
            settings = WeComSettings(
                **ACCOUNT, api_base=f"{api}/wecom", timeout=patience,
                group_robot_url=f"{api}/wecom/cgi-bin/webhook/send?key=robot-key-1",
            )  # fmt: skip
            service.platform = platform = WeComPlatform(settings, clock, session)
            yield Rig(world, faults, server, service, platform, settings, session, clock)
        await server.close()
    world.close()


def _hooks(service: Service) -> web.Application:
    app = web.Application()
    app.add_routes([web.post("/hooks/wecom", service.post), web.get("/hooks/wecom", service.get)])
    return app


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


@asynccontextmanager
async def served(
    app: web.Application, *, mount: Callable[[str], WeComServer]
) -> AsyncIterator[tuple[str, WeComServer]]:
    """*app* on loopback with the WeCom that *mount* makes for its address below ``/wecom``."""
    port = unused_port()
    base = f"http://127.0.0.1:{port}"
    server = mount(base)
    app.add_subapp("/wecom", server.app())
    test_server = TestServer(app, port=port)
    await test_server.start_server()
    try:
        yield base, server
    finally:
        await test_server.close()
