"""Take a picture of every WeCom message and card as the simulator's phone shows it, for the guide.

Run from the project's folder: ``python -m docs.wecom_pictures``. Needs Chromium and a Chinese font (``make system``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import io
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.async_api import Page, ViewportSize, async_playwright

from bot.core.clock import CHINA
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimPerson, World
from bot.simulator.server import Simulator
from bot.simulator.wecom import WeComServer
from docs.pictures import ARGS
from tests.platforms.wecom.golden import every
from tests.platforms.wecom.rig import ACCOUNT

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "img" / "wecom"
LARGEST = 90_000  # bytes of a picture
_PHONE = ViewportSize(width=390, height=1700)  # tall: the longest message is seen whole
_WHEN = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA).timestamp()
_MEDIA = {
    "file": (b"%PDF-1.7", "application/pdf", "整改通知.pdf"),
    "voice": (b"#!AMR", "audio/amr", "语音 12 秒.amr"),
    "video": (b"mp4", "video/mp4", "操作演示.mp4"),
}


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
        page = await browser.new_page(viewport=_PHONE)
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
        part = {"msgtype": kind, "media_id": f"sample-{kind}"}
        world.media[part["media_id"]] = _MEDIA.get(kind) or (photo(), "image/png", "现场.png")
    world.post("wecom", name, kind, part, card_id=part.get("task_id", ""))


def photo() -> bytes:
    """A corridor, roughly."""
    image = Image.new("RGB", (320, 200), "#c9d3da")
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, 200), (120, 90), (200, 90), (320, 200)], fill="#8d9aa5")
    draw.rectangle((135, 40, 185, 90), fill="#5d6b78")
    body = io.BytesIO()
    image.save(body, "PNG")
    return body.getvalue()


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
