"""Take the README's pictures: of the running demo, and of a form that is still open.

Run from the project's folder: ``python -m docs.pictures``. Needs Chromium and a Chinese font (``make system``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, FilePayload, Locator, Page, ViewportSize, async_playwright

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.audit.service import SALT
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.tasks.service import check_in
from bot.migrations import migrate
from handlers.web.keys import PROFILE
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LI, VISIT, WANG, make_visit, picture

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "img"
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=804)
LARGEST = 200_000  # bytes of a picture
ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_ADDRESSES = re.compile(
    r"聊天页面\S*\s+(http\S+)\s+公示页面\s+(http\S+)\s+管理页面\s+(http\S+)\s+按 Ctrl", re.DOTALL
)


async def main() -> None:
    """Write chat.png, form.png, public.png and console.png; a picture that grew too large is an error."""
    FOLDER.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGS))
        with tempfile.TemporaryDirectory() as folder:
            await form(browser, Path(folder))
            async with demo(Path(folder) / "demo") as (chats, public, console):
                await chat(browser, chats)
                await result(browser, public)
                await task(browser, console)
        await browser.close()


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[str, str, str]]:
    """A played round: the addresses of its chats, its public pages and its console."""
    words = (
        "demo",
        "--objects",
        "6000",
        "--folder",
        folder,
        "--port",
        free_port(),
        "--sim-port",
        free_port(),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "suicha.py", *map(str, words), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said = ""
    try:
        while not (found := _ADDRESSES.search(said)):
            piece = await asyncio.wait_for(process.stderr.read(4096), timeout=180)
            if not piece:
                raise SystemExit(f"The demo ended early:\n{said[-2000:]}")
            said += piece.decode(errors="replace")
        yield found[1], found[2], found[3]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def chat(browser: Browser, chats: str) -> None:
    """An inspector's phone, from the first card on."""
    page = await open_page(browser, PHONE)
    await page.goto(f"{chats}?q=执法人员&show=wecom")
    await page.locator("#people a[href^='/chat']").nth(1).click()
    await page.locator("#talk article").first.wait_for()
    await page.evaluate("document.querySelector('#talk').scrollTop = 0")
    await save(page, "chat")


async def form(browser: Browser, folder: Path) -> None:
    """An inspection on a phone, page by page: a new phone, check-in, filling, without network, concluding, signing."""
    clock = ManualClock(dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA))
    database = Database(f"sqlite:///{folder / 'form.db'}", info={SALT: "pictures"})
    migrate(database)
    database.write_now(make_visit, now=clock.now(), checklists=(load_checklist("CL-4"),))
    app = make_form_app(database, clock, folder)
    database.write_now(check_in, visit_id=VISIT, person_id=LI, now=clock.now(), profile=app[PROFILE])
    async with TestServer(app) as server:
        page = await open_page(browser, PHONE)
        await _at_the_door(page, server, known_phones(database, clock))
        await _filling(page)
        await _without_network(page)
        await _concluding(page)
    database.close()


async def _at_the_door(page: Page, server: TestServer, known: dict[str, str]) -> None:
    """A phone that nobody knows, then one that is."""
    link = str(server.make_url(f"/form/{server.app[LINKS].sign('form', [WANG, VISIT])}"))
    await page.goto(link)
    await page.get_by_role("button", name="把验证码发给我").click()
    await save(page, "form-device")
    await page.context.clear_cookies()
    await page.context.add_cookies(
        [{"name": n, "value": v, "url": str(server.make_url("/form/"))} for n, v in known.items()]
    )
    await page.goto(link)
    await save(page, "form-check-in")
    await page.get_by_role("button", name="现场签到").click()


def _question(page: Page, number: str) -> Locator:
    return page.locator(f'[data-key="CL-4:{number}"]')


async def _filling(page: Page) -> None:
    for number, answer in (("1", "是"), ("2", "否")):
        await _question(page, number).get_by_role("radio", name=answer, exact=True).check()
    await _question(page, "2").locator("textarea").fill("货架第三层无标价签")
    await page.get_by_text("已全部保存").wait_for()
    await save(page, "form")


async def _without_network(page: Page) -> None:
    await page.context.set_offline(True)
    await _question(page, "3").get_by_role("radio", name="是", exact=True).check()
    photo: FilePayload = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(150)}
    await _question(page, "2").locator("input[type=file]").set_input_files(photo)
    await page.get_by_text("没有网络，待发送").wait_for()
    await _question(page, "2").scroll_into_view_if_needed()
    await save(page, "form-offline")
    await page.context.set_offline(False)


async def _concluding(page: Page) -> None:
    for question in load_checklist("CL-4").questions:
        await _question(page, question.key).locator(f'input[value="{question.good}"]').check()
    await page.locator('[data-key="item:1"] input').check()
    await page.get_by_text("已全部保存").wait_for()
    await save(page, "form-conclusion")
    await page.get_by_role("button", name="核对签字").click()
    await page.get_by_text("请被检查单位核对并签字").scroll_into_view_if_needed()
    await save(page, "form-sign")


async def result(browser: Browser, public: str) -> None:
    """A published result in which something was found."""
    page = await open_page(browser, PHONE)
    await page.goto(public)
    await page.locator("li:has(.label.found) a.title, .card:has(.label.found) a.title").first.click()
    await page.locator(".findings").wait_for()
    await save(page, "public")


async def task(browser: Browser, console: str) -> None:
    """The coordinator's page of one task; the link opens once, by its button."""
    page = await open_page(browser, DESK)
    await page.goto(console)
    await page.get_by_role("button", name="进入").click()
    await page.wait_for_url("**/console")
    await page.get_by_role("link", name="任务", exact=True).click()
    await page.locator("main a[href^='/console/tasks/']").first.click()
    await page.locator("svg.days").wait_for()
    await save(page, "console")


async def open_page(browser: Browser, size: ViewportSize) -> Page:
    context = await browser.new_context(viewport=size, locale="zh-CN", timezone_id="Asia/Shanghai")
    return await context.new_page()


async def save(page: Page, name: str) -> None:
    """Write what is in view to ``docs/img/<name>.png``."""
    path = FOLDER / f"{name}.png"
    await page.screenshot(path=path, animations="disabled")
    if (size := path.stat().st_size) > LARGEST:
        raise SystemExit(f"{path.name} has {size} bytes; at most {LARGEST} are wanted.")
    print(f"{path.relative_to(ROOT)}  {size / 1000:.0f} kB")


if __name__ == "__main__":
    asyncio.run(main())
