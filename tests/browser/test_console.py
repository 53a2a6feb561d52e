"""The console in a real browser: entering, phone width, what refreshes itself, nothing the CSP refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.pytest_plugin import AiohttpServer
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright
from sqlalchemy import text

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from tests.handlers.campaign import COORDINATOR, campaign, people
from tests.handlers.test_console import make_app

pytestmark = pytest.mark.browser
_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_CHROMIUM = next(
    (path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), "chromium"
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGS)
        yield browser
        await browser.close()


@pytest.fixture
async def site(aiohttp_server: AiohttpServer, sqlite_db: Database, clock: ManualClock) -> TestServer:
    sqlite_db.write_now(people, now=clock.now())
    sqlite_db.write_now(campaign, now=clock.now())
    return await aiohttp_server(make_app(sqlite_db, clock))


async def _enter(browser: Browser, site: TestServer, **context: object) -> tuple[Page, list[str]]:
    page = await (await browser.new_context(**context)).new_page()  # type: ignore[arg-type]
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    await page.goto(str(site.make_url(f"/console/{site.app[LINKS].sign('console', [COORDINATOR])}")))
    await page.get_by_role("button", name="进入").click()
    await page.wait_for_url("**/console")
    return page, troubles


async def test_the_coordinator_enters_reads_and_reminds_on_a_phone(
    browser: Browser, site: TestServer
) -> None:
    page, troubles = await _enter(browser, site, viewport={"width": 390, "height": 844}, color_scheme="dark")

    for path in ("/console", "/console/tasks", "/console/tasks/1", "/console/notices", "/console/metrics",
                 "/console/audit"):  # fmt: skip
        await page.goto(str(site.make_url(path)))
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    await page.goto(str(site.make_url("/console/tasks/1")))
    await page.get_by_role("button", name="提醒全部未接收").click()
    assert "已安排提醒 10 人次" in await page.get_by_role("status").inner_text()
    await page.get_by_role("button", name="退出").click()
    assert "需要登录链接" in await page.inner_text("h1")
    assert troubles == []


async def test_the_first_page_refreshes_itself_and_says_when_it_cannot(
    browser: Browser, site: TestServer, sqlite_db: Database
) -> None:
    page, _ = await _enter(browser, site)
    assert await page.get_by_text("王建国").count() == 1

    await sqlite_db.write(
        lambda db: db.execute(text("UPDATE person SET name = '新来的' WHERE name = '王建国'"))
    )
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.get_by_text("新来的").wait_for(timeout=5000)

    await page.context.set_offline(True)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.get_by_text("暂时连不上").wait_for(timeout=5000)
    assert await page.get_by_text("新来的").count() == 1
