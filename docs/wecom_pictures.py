"""Take a picture of every WeCom message and card as the simulator's phone shows it, for the guide.

Run from the project's folder: ``python -m docs.wecom_pictures``. Needs Chromium and a Chinese font (``make system``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

from playwright.async_api import Page, async_playwright

from bot.core.clock import CHINA
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimPerson, World
from bot.simulator.server import Simulator
from bot.simulator.wecom import WeComServer
from docs.pictures import ARGS, PHONE
from tests.platforms.wecom.golden import every
from tests.platforms.wecom.rig import ACCOUNT

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "img" / "wecom"
LARGEST = 90_000  # bytes of a picture
_WHEN = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA).timestamp()
_MEDIA = (b"%PDF-1.7", "application/pdf", "整改通知.pdf")


async def main() -> None:
    """Write one PNG a kind; a picture that grew too large is an error."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    world = World(now=lambda: _WHEN)
    server = WeComServer(world, FaultPlan(), **ACCOUNT, callback_url="http://127.0.0.1:9/", resend_after=0.01)
    simulator = Simulator(world, FaultPlan(), {"wecom": server})
    for name in every():
        world.add_person(SimPerson("wecom", name, name))
        _show(world, name)
    await simulator.start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGS))
        page = await browser.new_page(viewport=PHONE)
        for name in every():
            await _picture(page, simulator.base_url, name)
        await browser.close()
    await simulator.stop()
    world.close()


def _show(world: World, name: str) -> None:
    """Put the message into a chat of its own, as the server would after accepting it."""
    content = every()[name].content
    kind = content["msgtype"]
    part = dict(content[kind])
    if kind in ("image", "voice", "video", "file"):
        part["media_id"] = part.get("media_id") or "inline"
        world.media[part["media_id"]] = _MEDIA
        part["msgtype"] = kind
    world.post("wecom", name, kind, part, card_id=part.get("task_id", ""))


async def _picture(page: Page, base: str, name: str) -> None:
    await page.goto(f"{base}/chat/wecom/{name}")
    bubble = page.locator("article.bubble").first
    await bubble.wait_for()
    path = FOLDER / f"{name}.png"
    await bubble.screenshot(path=path)
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path.name} grew to {path.stat().st_size} bytes")


if __name__ == "__main__":
    asyncio.run(main())
