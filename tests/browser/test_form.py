"""The form in a real browser, on a phone: the network breaks in the middle and nothing is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import BrowserContext, Page, async_playwright, expect
from sqlmodel import select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.checklists.models import Answer, Evidence, RecordSheet
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.service import check_in
from handlers.web.keys import PROFILE
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LI, VISIT, WANG, make_visit, picture

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
async def phone() -> AsyncIterator[BrowserContext]:
    """A phone of 390 × 844 points."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, locale="zh-CN"
        )
        yield context
        await browser.close()


async def choose(page: Page, number: int, answer: str) -> None:
    question = page.locator(f'[data-key="CL-4:{number}"]')
    await question.get_by_role("radio", name=answer, exact=True).check()


async def sign(page: Page) -> None:
    pad = page.locator("#pad")
    await pad.scroll_into_view_if_needed()
    box = await pad.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 40, box["y"] + 120)
    await page.mouse.down()
    for step in range(12):
        await page.mouse.move(box["x"] + 40 + step * 18, box["y"] + 60 + step % 3 * 40)
    await page.mouse.up()


async def test_an_inspection_from_check_in_to_receipt_survives_a_broken_network(
    phone: BrowserContext, sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    checklist = load_checklist("CL-4")
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=(checklist,))
    app = make_form_app(sqlite_db, clock, tmp_path)
    sqlite_db.write_now(check_in, visit_id=VISIT, person_id=LI, now=clock.now(), profile=app[PROFILE])
    async with TestServer(app) as server:
        known = known_phones(sqlite_db, clock)
        await phone.add_cookies(
            [{"name": n, "value": v, "url": str(server.make_url("/form/"))} for n, v in known.items()]
        )
        page = await phone.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(str(server.make_url(f"/form/{app[LINKS].sign('form', [WANG, VISIT])}")))
        await page.get_by_role("button", name="现场签到").click()
        await expect(page.locator("#answered")).to_have_text("已答 0/13")
        assert await page.locator("input:checked").count() == 0  # nothing is preselected

        await page.route("**/draft", lambda route: route.fulfill(status=503, body="{}"))
        await choose(page, 1, "是")
        await expect(page.locator("#net")).to_have_text(
            "系统暂时收不下，待发送 1"
        )  # the network is not to blame
        await page.unroute("**/draft")
        await expect(page.locator("#net")).to_have_text("已全部保存")
        await phone.set_offline(True)
        await choose(page, 2, "否")
        question = page.locator('[data-key="CL-4:2"]')
        await question.locator("textarea").fill("货架第三层无标价签")
        await question.locator("input[type=file]").set_input_files(
            {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(70, size=(2400, 1800))}
        )
        await expect(page.locator("#net")).to_contain_text("没有网络，待发送")
        for number in range(3, 13):
            await choose(page, number, checklist.question(str(number)).good)
        await expect(page.locator("#answered")).to_have_text("已答 12/12")
        await phone.set_offline(False)
        await expect(page.locator("#net")).to_have_text("已全部保存", timeout=15_000)

        await page.get_by_role("button", name="核对签字").click()
        await page.get_by_label("签字人姓名").fill("陈建国")
        await page.get_by_role("button", name="确认签字").click()
        await expect(page.locator("#sign [role=alert]")).to_contain_text("框内签字")
        await sign(page)
        await page.get_by_role("button", name="确认签字").click()
        await expect(page.get_by_text("您为以下内容签名")).to_be_visible()
        await sign(page)
        await page.get_by_role("button", name="签名", exact=True).click()
        await expect(page.get_by_text("等同伴签名")).to_be_visible()
        partner = await phone.new_page()
        await partner.goto(str(server.make_url(f"/form/{app[LINKS].sign('form', [LI, VISIT])}")))
        await sign(partner)
        await partner.get_by_role("button", name="签名", exact=True).click()
        await expect(partner.get_by_role("button", name="提交审核")).to_be_visible()
        await page.reload()
        await page.get_by_role("button", name="提交审核").click()
        await expect(page.locator(".receipt-mark")).to_contain_text("已提交，待审核")
        assert faults == []

    visit, answers, photos, sheet = sqlite_db.read_now(
        lambda s: (
            s.get_one(Visit, VISIT),
            list(s.exec(select(Answer))),
            list(s.exec(select(Evidence).where(Evidence.question == "CL-4:2"))),
            s.get_one(RecordSheet, VISIT),
        )
    )
    assert (visit.state, visit.ended_on) == (VisitState.IN_REVIEW, dt.date(2026, 3, 10))
    assert {a.question: a.value for a in answers}["CL-4:2"] == "否"
    assert len(answers) == 12
    assert len(photos) == 1
    assert photos[0].size < 400_000  # made smaller by the phone
    assert sheet.signed_by == "陈建国"
