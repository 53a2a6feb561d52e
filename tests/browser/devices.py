"""Several people, each with a browser of their own, and what a check for accessibility finds serious."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, async_playwright
from yarl import URL

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_SERIOUS = {"serious", "critical"}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        await browser.close()


class Devices:
    """A phone of 390 × 844 points for each person; ``faults`` are errors of any page. *cookies* make it a phone that
    was used before, empty ones a phone that nobody knows."""

    def __init__(self, browser: Browser, cookies: Mapping[str, str], **look: Any) -> None:
        self._browser, self._cookies, self._look = browser, cookies, look
        self.faults: list[str] = []

    async def open(self, address: str) -> Page:
        """A page on a device nobody else has."""
        context = await self._browser.new_context(
            viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, locale="zh-CN",
            timezone_id="Asia/Shanghai", **self._look,
        )  # fmt: skip
        known: Any = [
            {"name": name, "value": key, "url": str(URL(address).origin())}
            for name, key in self._cookies.items()
        ]
        if known:
            await context.add_cookies(known)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        await page.goto(address)
        return page


async def draw(page: Page, pad: Locator) -> None:
    """A signature with the finger."""
    await pad.scroll_into_view_if_needed()
    box = await pad.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 40, box["y"] + 120)
    await page.mouse.down()
    for step in range(12):
        await page.mouse.move(box["x"] + 40 + step * 18, box["y"] + 60 + step % 3 * 40)
    await page.mouse.up()


async def troubles(page: Page) -> list[str]:
    """What axe calls serious or critical on this page, and text that a phone would have to scroll sideways for."""
    found = await Axe().run(page)
    serious = [
        f"{v['id']}: {node['html'][:160]}"
        for v in found.response["violations"]
        if v["impact"] in _SERIOUS
        for node in v["nodes"][:3]
    ]
    if not await page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        serious.append("wider than the phone")
    return serious
