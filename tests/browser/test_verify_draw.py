"""Anybody repeats a draw in the browser: an honest bundle holds, a tampered one is named, and nothing is uploaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, Request, async_playwright, expect
from sqlmodel import Session

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.draws.bundle import bundle
from bot.inspection.draws.queries import require_draw
from bot.inspection.tasks.models import Task
from tests.browser.test_form import CHROMIUM, QUIET
from tests.fakes.public_app import make_public_app
from tests.inspection.eventful import eventful
from tests.inspection.test_draw_privacy import LIES, old_bundle
from tests.inspection.test_draws import joint_setting, lines, whole, written

pytestmark = pytest.mark.browser


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
        yield await context.new_page()
        await browser.close()


@pytest.fixture
async def site(sqlite_db: Database, clock: ManualClock) -> AsyncIterator[TestServer]:
    server = TestServer(make_public_app(sqlite_db, clock))
    await server.start_server()
    yield server
    await server.close()


def drawn(session: Session) -> dict[str, bytes]:
    return bundle(session, whole(session, joint_setting(session, officers=4)))


def saved(folder: Path, files: dict[str, bytes]) -> list[str]:
    folder.mkdir()
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return [str(folder / name) for name in files]


async def test_files_chosen_on_a_phone_are_verified_in_the_browser_and_sent_nowhere(
    page: Page, site: TestServer, sqlite_db: Database, tmp_path: Path
) -> None:
    files = sqlite_db.write_now(drawn)
    sent: list[Request] = []

    def note(request: Request) -> None:
        sent.append(request)

    page.on("request", note)
    await page.goto(str(site.make_url("/public/verify")))

    await page.set_input_files("#files", saved(tmp_path / "honest", files))
    verdict = page.locator("#verdict")
    await expect(verdict).to_contain_text("核验通过", timeout=20_000)
    await expect(page.locator("#steps .ok")).to_have_count(5)
    # the page and its parts were fetched, and not a byte was sent
    assert {request.method for request in sent} == {"GET"}
    assert {request.url.partition("?")[2] for request in sent} == {""}
    assert all("/public/verify" in request.url or "/static/" in request.url for request in sent)

    pool = lines(files, "pool.jsonl")
    pool[0]["stratum"] = "A"
    await page.set_input_files("#files", saved(tmp_path / "pool", files | {"pool.jsonl": written(pool)}))
    await expect(verdict).to_have_text("不成立：名单与抽取前公布的指纹不一致")

    visits = lines(files, "visits.jsonl")
    visits[1]["officers"] = visits[1]["officers"][::-1]
    await page.set_input_files("#files", saved(tmp_path / "team", files | {"visits.jsonl": written(visits)}))
    await expect(verdict).to_contain_text(f"不成立：{visits[1]['id']} 的执法人员")

    await page.set_input_files("#files", saved(tmp_path / "short", {"draw.json": files["draw.json"]}))
    await expect(verdict).to_contain_text("缺少文件 pool.jsonl")
    await page.set_input_files("#files", saved(tmp_path / "broken", files | {"rules.json": b"{"}))
    await expect(verdict).to_contain_text("文件无法读取")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_changes_after_the_lock_and_bundles_of_the_version_before_are_verified_in_the_browser(
    page: Page, site: TestServer, sqlite_db: Database, tmp_path: Path
) -> None:
    files = sqlite_db.write_now(lambda s: bundle(s, require_draw(s, eventful(s))))
    await page.goto(str(site.make_url("/public/verify")))
    verdict = page.locator("#verdict")
    await page.set_input_files("#files", saved(tmp_path / "eventful", files))
    await expect(verdict).to_contain_text("核验通过", timeout=20_000)
    await expect(page.get_by_text("锁定之后的 3 次变动都按票号依次替换")).to_be_visible()
    await page.set_input_files("#files", saved(tmp_path / "before", old_bundle()))
    await expect(page.get_by_text("第 1 轮的名单")).to_contain_text("核验通过", timeout=20_000)
    for number, (lie, place) in enumerate(LIES.values()):
        body = written(lie(lines(files, "changes.jsonl")))
        await page.set_input_files(
            "#files", saved(tmp_path / f"lie{number}", files | {"changes.jsonl": body})
        )
        await expect(verdict).to_have_text(f"不成立：锁定后的第 {place} 次变动不成立")
        await page.set_input_files("#files", [])
    barred = files["barred.jsonl"].splitlines(keepends=True)
    await page.set_input_files(
        "#files", saved(tmp_path / "barred", files | {"barred.jsonl": b"".join(barred[1:])})
    )
    await expect(verdict).to_contain_text("不成立：")


async def test_a_round_on_the_public_log_is_verified_by_one_press(
    page: Page, site: TestServer, sqlite_db: Database
) -> None:
    sqlite_db.write_now(drawn)
    number = sqlite_db.read_now(lambda session: session.get_one(Task, 1).number)
    await page.goto(str(site.make_url(f"/public/draws/{number}/1")))
    await expect(page.get_by_text("仅用封存的秘密")).to_be_visible()
    await page.get_by_role("link", name="在浏览器里核验").click()
    await expect(page.locator("#verdict")).to_contain_text("核验通过", timeout=20_000)
