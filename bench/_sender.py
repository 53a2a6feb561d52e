"""The parts of ``bench/delivery.py`` that run in processes of their own: the simulated WeCom, and a sending service."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
import uvloop
from aiohttp import web

from bot.core.clock import SystemClock
from bot.core.collecting import look_seldom
from bot.core.config_wecom import WeComSettings
from bot.core.db import Database
from bot.core.links import Links
from bot.inspection.audit.service import SALT
from bot.inspection.calendar import WorkCalendar
from bot.inspection.messages import KINDS
from bot.inspection.profile import load_profile
from bot.messaging.delivery import Delivery
from bot.messaging.letters import all_kinds
from bot.messaging.render import Renderer
from bot.platforms.base import Capabilities
from bot.platforms.wecom.app import WeComPlatform
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimPerson, World
from bot.simulator.wecom import WeComServer

CORP, AGENT, SECRET, AES = "wwbench000000001", 1000017, "secret-of-the-bench", "a" * 43
INFO = {SALT: "salt-of-the-bench"}


def settings(url: str) -> WeComSettings:
    return WeComSettings.model_validate({
        "corp_id": CORP, "agent_id": AGENT, "secret": SECRET, "token": "t", "aes_key": AES, "api_base": url,
    })  # fmt: skip


async def simulate(port: int, people: int) -> None:
    """WeCom as the tests know it, with its limits lifted, and ``/plain``, which only reads JSON and answers."""
    world = World(now=time.time)
    for n in range(people):
        world.add_person(SimPerson("wecom", f"u{n}", f"检查员{n}"))
    server = WeComServer(
        world, FaultPlan(), corp_id=CORP, agent_id=AGENT, secret=SECRET, token="t", aes_key=AES,  # noqa: S106 - a bench
        callback_url="http://127.0.0.1:1/",
    )  # fmt: skip
    app = web.Application(client_max_size=1 << 24)
    app.add_subapp("/wecom", server.app())

    async def plain(request: web.Request) -> web.Response:
        await request.json()
        return web.json_response({"errcode": 0})

    app.router.add_post("/plain", plain)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


class Unlimited:
    """The real platform with its throttles off, unless *batch* is 0."""

    @staticmethod
    def wecom(url: str, http: aiohttp.ClientSession, *, batch: int) -> WeComPlatform:
        platform = WeComPlatform(settings(url), SystemClock(), http)
        able: Capabilities = platform.capabilities
        if batch:  # 0: the platform as it is
            platform.capabilities = replace(able, limits=(), per_minute=None, batch=batch)
        return platform


async def deliver(database_url: str, url: str, *, batch: int) -> None:
    """One sending process: the whole road until nothing is due; told to begin by a line on stdin."""
    db = Database(database_url, info=INFO)
    connector = aiohttp.TCPConnector(limit=128)
    async with aiohttp.ClientSession(connector=connector) as http:
        renderer = Renderer(Links("https://suicha.example.cn", "k" * 24))
        platform = Unlimited.wecom(url, http, batch=batch)
        delivery = Delivery(
            db, SystemClock(), platforms={"wecom": platform}, kinds=all_kinds(KINDS, renderer, titles={}),
            renderer=renderer, profile=load_profile("default"), calendar=WorkCalendar.load(), prefer="wecom",
        )  # fmt: skip
        look_seldom()  # as ``suicha serve`` does
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        worker = asyncio.create_task(delivery.run())
        await asyncio.to_thread(sys.stdin.readline)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await delivery.finish()
    db.close()


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "simulate":
        uvloop.run(simulate(int(rest[0]), int(rest[1])))
    else:
        uvloop.run(deliver(rest[0], rest[1], batch=int(rest[2])))
