"""Take a picture of every DingTalk message and card as the simulator's phone shows it, for the guide.

Run from the project's folder: ``python -m docs.dingtalk_pictures``. Needs Chromium and a Chinese font (``make system``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from bot.core.clock import CHINA
from bot.simulator.dingtalk import DingTalkServer
from bot.simulator.dingtalk_robot import KINDS, SHOWN
from bot.simulator.dingtalk_setup import DingTalkSetup
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimPerson, World
from bot.simulator.server import Simulator
from docs.pictures import ARGS, PHONE
from docs.wecom_pictures import photo
from tests.platforms.dingtalk.golden import every

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "img" / "dingtalk"
LARGEST = 90_000  # bytes of a picture
_WHEN = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA).timestamp()


async def main() -> None:
    """Write one PNG for each shape; a picture that grew too large is an error."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    world = World(now=lambda: _WHEN)
    server = DingTalkServer(world, FaultPlan(), DingTalkSetup("dingkey", "", "ding1", 7))
    simulator = Simulator(world, FaultPlan(), {"dingtalk": server})
    world.media["@media-1"] = (photo(), "image/png", "现场.png")
    shown = {name: body for name, body in every().items() if name != "card-over-http"}  # looks like card-open
    for name, body in shown.items():
        world.add_person(SimPerson("dingtalk", name, name))
        _show(world, name, body)
    await simulator.start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGS))
        page = await browser.new_page(viewport=PHONE)
        for name in shown:
            await _picture(page, simulator.base_url, name)
        await browser.close()
    await simulator.stop()
    world.close()


def _show(world: World, name: str, body: dict[str, Any]) -> None:
    """Put the message into a chat of its own, as the server would after accepting it."""
    if "cardData" in body:
        params = body["cardData"]["cardParamMap"]
        content = {"template": "t", "callback": "STREAM", "route": "", "params": params}
        closed = params["status"] if params["done"] == "true" else ""
        world.post("dingtalk", name, "card", content, card_id=body["outTrackId"], closed=closed)
    elif "msg_template_id" in body:
        content = {"msgKey": body["msg_template_id"], "param": body["msg_param_map"]}
        world.post("dingtalk", name, "action_card", content)
    elif "msgKey" in body:
        content = {"msgKey": body["msgKey"], "param": body["msgParam"]}
        world.post("dingtalk", name, SHOWN.get(body["msgKey"], "action_card"), content)
    else:
        world.post("dingtalk", name, KINDS.get(body["msgtype"], "action_card"), body)


async def _picture(page: Page, base: str, name: str) -> None:
    await page.goto(f"{base}/chat/dingtalk/{name}")
    bubble = page.locator("article.bubble").first
    await bubble.wait_for()
    path = FOLDER / f"{name}.png"
    await bubble.screenshot(path=path)
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path.name} grew to {path.stat().st_size} bytes")


if __name__ == "__main__":
    asyncio.run(main())
