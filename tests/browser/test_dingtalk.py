"""DingTalk's web view in Chromium: its ``dd`` gives the code and the place, our pages do the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, async_playwright
from sqlmodel import Session

from bot.core.config import Settings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.people.models import Role
from handlers.web import dingtalk_login
from handlers.web.dingtalk_hooks import DINGTALK
from handlers.web.pages import TEMPLATES, guard, make_environment, render
from tests.browser.test_form import CHROMIUM, QUIET
from tests.fakes.builders import make_account, make_person
from tests.platforms.dingtalk.rig import Rig, dingtalk

pytestmark = pytest.mark.browser

DD = """
window.asked = [];
window.dd = {
  requestAuthCode: (o) => { asked.push(o.corpId); o.onSuccess({ code: window.simCode }); },
  config: (c) => { window.config = c; setTimeout(() => window.isReady(), 0); },
  ready: (f) => { window.isReady = f; },
  error: () => {},
  chooseImage: (o) => { asked.push(o.sourceType); window.simPhoto ? o.success({ filePaths: [simPhoto] }) : o.fail({}); },
  getLocation: (o) => o.success({ latitude: "30.25", longitude: "120.16", accuracy: "12" }),
  scan: (o) => (window.noCamera ? o.fail({}) : o.success({ text: "91330100MA0001" })),
};
"""
SCAN = """<script src="{url}/dd.js" defer></script><script src="/static/dingtalk-bridge.js" defer></script>
<div data-key="1"><label>产品码<input></label><label data-scan hidden>扫一扫<input type="file"></label></div>"""
PLACE = "() => new Promise((ok, no) => navigator.geolocation.getCurrentPosition((at) => ok(at.coords), no))"


async def signed_in(page: web.Request) -> web.Response:
    """Any page of ours, as it is opened inside DingTalk."""
    return render(page, "entry/home.html.j2", name="王检查", visits=[], console="")


@pytest.fixture
async def site(sqlite_db: Database) -> AsyncIterator[tuple[Rig, str]]:
    def people(session: Session) -> None:
        person = make_person(session, name="李统筹", role=Role.COORDINATOR)
        make_account(session, person.id or 0, user_id="u1001", platform="dingtalk")

    sqlite_db.write_now(people)
    async with dingtalk(settings={"agent_id": 7}) as rig:
        app = web.Application(middlewares=[guard])
        listening = TestServer(app)
        script = f"{rig.base}/dd.js"
        settings = rig.settings.model_copy(update={"jsapi_script": script})
        app[DB], app[CLOCK] = sqlite_db, rig.clock
        app[PAGES], app[DINGTALK] = make_environment(), rig.platform
        app[SETTINGS] = Settings(_env_file=None, public_url="http://127.0.0.1:1", dingtalk=settings)  # type: ignore[call-arg]
        app[LINKS] = Links("http://127.0.0.1:1", "k" * 24, clock=rig.clock)
        dingtalk_login.add_routes(app)
        app.router.add_get("/page", signed_in)
        app.router.add_static("/static/", TEMPLATES / "static")
        await listening.start_server()
        app[SETTINGS].public_url = str(listening.make_url("")).rstrip("/")
        yield rig, app[SETTINGS].public_url
        await listening.close()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, user_agent="Mozilla/5.0 AliApp(DingTalk/7.6.0)"
        )
        found = await context.new_page()
        await found.route("**/dd.js", lambda route: route.fulfill(content_type="text/javascript", body=DD))
        yield found
        await browser.close()


async def test_the_workbench_opens_the_persons_page_without_a_password(
    site: tuple[Rig, str], page: Page
) -> None:
    rig, url = site
    await page.add_init_script(f"window.simCode = '{rig.server.directory.login_code('u1001')}'")
    await page.goto(f"{url}/dingtalk/")
    await page.get_by_text("李统筹，您好").wait_for()
    assert await page.get_by_role("link", name="进入管理页面").is_visible()


async def test_the_place_comes_from_the_phone_through_a_signed_configuration(
    site: tuple[Rig, str], page: Page
) -> None:
    _, url = site
    await page.goto(f"{url}/page")
    coords = await page.evaluate(f"({PLACE})().then((at) => [at.latitude, at.longitude, at.accuracy])")
    assert coords == [30.25, 120.16, 12]
    config = await page.evaluate("window.config")
    assert len(config["signature"]) == 40


async def test_a_code_comes_from_the_phones_scanner_and_is_typed_where_there_is_none(
    site: tuple[Rig, str], page: Page
) -> None:
    _, url = site
    await page.route(
        f"{url}/page",
        lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=SCAN.format(url=url)),
    )
    await page.goto(f"{url}/page")
    await page.locator("[data-scan]").click()
    assert await page.get_by_label("产品码").input_value() == "91330100MA0001"
    await page.evaluate("window.noCamera = true; document.activeElement.blur()")
    await page.locator("[data-scan]").click()
    assert await page.get_by_label("产品码").evaluate("(field) => field === document.activeElement")


async def test_outside_dingtalk_the_page_says_so_and_offers_the_other_way(
    site: tuple[Rig, str], page: Page
) -> None:
    _, url = site
    await page.route("**/dd.js", lambda route: route.abort())
    await page.goto(f"{url}/dingtalk/")
    await page.get_by_text("没有登录").wait_for()
    assert await page.get_by_role("link", name="不在钉钉里？用钉钉扫码登录").is_visible()


PHOTO = """() => {
  const input = Object.assign(document.createElement("input"), { type: "file", id: "live" });
  input.setAttribute("capture", "environment");
  window.got = new Promise((done) => input.addEventListener("change", () => done([input.files[0].name, input.files[0].size])));
  document.querySelector("main").append(input);
}"""


async def test_an_input_for_the_camera_alone_is_answered_by_dingtalks_camera(
    site: tuple[Rig, str], page: Page
) -> None:
    _, url = site
    headers = {"Access-Control-Allow-Origin": "*"}
    await page.route(
        "https://resource/**",
        lambda route: route.fulfill(body=b"jpeg!", content_type="image/jpeg", headers=headers),
    )
    await page.add_init_script("window.simPhoto = 'https://resource/1.image'")
    await page.goto(f"{url}/page")
    await page.evaluate(PHOTO)
    await page.locator("#live").click()
    assert await page.evaluate("window.got") == ["live.jpg", 5]
    assert await page.evaluate("asked") == [["camera"]]


async def test_a_camera_that_gives_nothing_leaves_the_phones_own_way(
    site: tuple[Rig, str], page: Page
) -> None:
    _, url = site
    await page.goto(f"{url}/page")
    await page.evaluate(PHOTO)
    async with page.expect_file_chooser() as chooser:
        await page.locator("#live").click()
    await (await chooser.value).set_files({"name": "own.jpg", "mimeType": "image/jpeg", "buffer": b"own"})
    assert await page.evaluate("window.got") == ["own.jpg", 3]
