"""WeCom's web view in Chromium: its ``ww`` gives the place, the scanner and a live photo; our pages do the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, async_playwright

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.keys import LINKS, PAGES, SETTINGS
from bot.core.links import Links
from handlers.web import wecom_pages
from handlers.web.pages import TEMPLATES, guard, make_environment, render
from tests.browser.test_form import CHROMIUM, QUIET
from tests.platforms.wecom.rig import Rig, running

pytestmark = pytest.mark.browser

WW = """
window.asked = [];
window.ww = {
  register: (o) => {
    window.registered = { corpId: o.corpId, config: o.getConfigSignature(), agent: o.getAgentConfigSignature() };
  },
  getLocation: (o) => { asked.push(o.type); o.success({ latitude: "30.25", longitude: "120.16", accuracy: "12" }); },
  scanQRCode: (o) => o.success({ resultStr: "CODE_128,91330100MA0001" }),
  chooseImage: (o) => { asked.push(o.sourceType.join()); o.success({ localIds: ["l1"] }); },
  getLocalImgData: (o) => o.success({ localData: "data:image/png;base64,iVBORw0KGgo=" }),
};
"""
FORM = """
<div data-key="code"><label data-scan hidden>扫码</label><input name="code"></div>
<div data-key="photo"><input type="file" name="photo" capture="environment"></div>
"""
PLACE = "() => new Promise((ok, no) => navigator.geolocation.getCurrentPosition((at) => ok({lat: at.coords.latitude}), no))"


@pytest.fixture
async def site(clock: ManualClock) -> AsyncIterator[tuple[Rig, str]]:
    async def page(request: web.Request) -> web.Response:
        answer = render(request, "entry/home.html.j2", name="王检查", visits=[], console="")
        assert answer.text is not None
        answer.text = answer.text.replace('<main id="main">', '<main id="main">' + FORM)
        return answer

    async def script(_request: web.Request) -> web.Response:
        return web.Response(text=WW, content_type="text/javascript")

    async with running(clock) as rig:
        app = web.Application(middlewares=[guard])
        server = TestServer(app)
        app.router.add_get("/page", page)
        app.router.add_get("/sdk/ww.js", script)
        app.add_routes(wecom_pages.routes)
        app.router.add_static("/static/", TEMPLATES / "static")
        await server.start_server()
        base = str(server.make_url("")).rstrip("/")
        settings = rig.settings.model_copy(update={"jssdk_url": f"{base}/sdk/ww.js"})
        app._frozen = False
        app[SETTINGS] = Settings(_env_file=None, public_url=base, wecom=settings)  # type: ignore[call-arg]
        app[LINKS], app[PAGES] = Links(base, "k" * 24, clock=clock), make_environment()
        app[wecom_pages.WECOM_PAGES] = {"wecom": rig.platform.pages}
        yield rig, base
        await server.close()


@pytest.fixture
async def page(site: tuple[Rig, str]) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = await browser.new_context(user_agent="Mozilla/5.0 wxwork/4.1.38 MicroMessenger/7.0.1")
        page = await context.new_page()
        await page.goto(f"{site[1]}/page?a=1#top")
        yield page
        await browser.close()


async def test_the_phone_answers_through_wecoms_own_interfaces(site: tuple[Rig, str], page: Page) -> None:
    assert await page.evaluate(PLACE) == {"lat": 30.25}
    registered = await page.evaluate("() => window.registered")
    assert registered["corpId"] == "wwdemo0000000001"
    assert len(registered["config"]["signature"]) == 40
    assert registered["config"]["signature"] != registered["agent"]["signature"]
    await page.locator("[data-scan]").click()
    await page.wait_for_function("() => document.querySelector('[name=code]').value === '91330100MA0001'")
    await page.locator("[capture]").click()
    await page.wait_for_function("() => document.querySelector('[name=photo]').files.length === 1")
    assert await page.evaluate("() => window.asked") == ["wgs84", "camera"]
    assert await page.evaluate("() => document.querySelector('[name=photo]').files[0].type") == "image/png"
