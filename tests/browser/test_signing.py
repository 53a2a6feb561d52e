"""The end of an inspection in real browsers: refused, signed on two devices, returned and corrected (C18, C21)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.checklists.models import Answer, Evidence, RecordSheet, SheetSignature
from bot.inspection.results.models import Review
from bot.inspection.tasks.models import VisitState
from tests.browser.devices import Devices, chromium, draw, troubles
from tests.fakes.desk import Desk, answered
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LI, REVIEWER, VISIT, WANG, picture

pytestmark = pytest.mark.browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
def desk(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    return answered(sqlite_db, clock, tmp_path / "evidence")


@pytest.fixture
async def site(desk: Desk, clock: ManualClock, tmp_path: Path) -> AsyncIterator[TestServer]:
    async with TestServer(make_form_app(desk.db, clock, tmp_path)) as server:
        yield server


def form(site: TestServer, person: int, page: str = "/review") -> str:
    return str(site.make_url(f"/form/{site.app[LINKS].sign('form', [person, VISIT])}{page}"))


def review(site: TestServer) -> str:
    return str(site.make_url(f"/review/{site.app[LINKS].sign('review', [REVIEWER, VISIT])}"))


async def refuse(page: Page) -> None:
    """The boss does not sign: the reason, a picture of the scene, a witness."""
    await page.get_by_text("没有人签字", exact=True).click()
    await page.get_by_role("radio", name="拒绝签字").check()
    await page.get_by_label("原因", exact=True).fill("负责人看过记录后拒绝签字，未说明理由")
    await page.locator("input[name=recording]").set_input_files(
        {"name": "scene.jpg", "mimeType": "image/jpeg", "buffer": picture(60)}
    )
    await page.get_by_label("见证人（姓名、单位；可不填）").fill("张主任，老街社区居委会")
    await page.get_by_role("button", name="按未签字关闭记录表").click()


async def put_name(page: Page) -> None:
    await expect(page.get_by_text("您为以下内容签名")).to_be_visible()
    await draw(page, page.locator("#pad"))
    await page.get_by_role("button", name="签名", exact=True).click()


async def test_c18_a_refused_signature_is_closed_with_reason_witness_and_recording_and_two_devices_sign(
    browser: Browser, site: TestServer, desk: Desk
) -> None:
    devices = Devices(browser, known_phones(desk.db, desk.clock))
    wang, li = await devices.open(form(site, WANG)), await devices.open(form(site, LI))
    await refuse(wang)
    await put_name(wang)
    await expect(wang.get_by_text("等同伴签名", exact=False)).to_be_visible()
    assert await wang.get_by_role("button", name="提交审核").count() == 0

    await li.reload()  # the partner's own phone
    await li.get_by_text("对记录有不同意见").click()
    await li.get_by_label("我有不同意见，写在记录表上").check()
    await li.get_by_label("不同意见", exact=True).fill("第 9 项当场未见台账")
    await put_name(li)
    await expect(li.get_by_text("已签名，有不同意见")).to_be_visible()

    await wang.reload()
    await wang.get_by_role("button", name="提交审核").click()
    await expect(wang.locator(".receipt-mark")).to_contain_text("已提交，待审核")
    await wang.get_by_text("文件与指纹").click()
    first = await wang.inner_text("main")
    await li.reload()  # it was handed in meanwhile: the same receipt
    await li.get_by_text("文件与指纹").click()
    assert await li.inner_text("main") == first

    sheet = desk.rows(RecordSheet)[0]
    assert (sheet.refusal_code, sheet.witness, sheet.signed_by) == ("REFUSED", "张主任，老街社区居委会", "")
    signed = {s.person_id: (s.agrees, bool(s.signature_sha256)) for s in desk.rows(SheetSignature)}
    assert signed == {WANG: (True, True), LI: (False, True)}
    files = {e.sha256 for e in desk.rows(Evidence)}
    assert {s.seen_sha256 for s in desk.rows(SheetSignature)} <= files
    assert "未签字情况的录音录像" in first
    assert devices.faults == []


async def test_c21_a_returned_result_is_corrected_and_handed_in_again_and_the_trace_stays(
    browser: Browser, site: TestServer, desk: Desk
) -> None:
    desk.close()
    desk.submit()
    devices = Devices(browser, known_phones(desk.db, desk.clock))
    judge = await devices.open(review(site))
    await judge.get_by_label("退回理由").fill("第 9 项不适用，请改为合理缺项")
    await judge.get_by_role("button", name="退回", exact=True).click()
    await expect(judge.get_by_text("第 1 轮：退回")).to_be_visible()

    wang = await devices.open(form(site, WANG, ""))
    await expect(wang.get_by_text("审核人已退回")).to_be_visible()
    await expect(wang.get_by_text("第 9 项不适用，请改为合理缺项")).to_be_visible()
    await wang.locator('[data-key="CL-1:9"]').get_by_role("radio", name="合理缺项").check()
    await wang.locator('[data-key="item:1"]').get_by_label("未发现问题").check()  # said again after a change
    await expect(wang.locator("#net")).to_contain_text("保存")
    await wang.get_by_role("button", name="核对签字").click()
    await expect(wang.get_by_text("是 → 合理缺项")).to_be_visible()
    assert await wang.get_by_role("button", name="提交审核").count() == 0
    await refuse(wang)  # the supplementary sheet is shown to the inspected party again
    await put_name(wang)
    li = await devices.open(form(site, LI))
    await put_name(li)
    await li.get_by_role("button", name="提交审核").click()
    await wang.reload()
    await expect(wang.get_by_text("第 2 次")).to_be_visible()

    await judge.reload()
    await judge.get_by_role("button", name="通过", exact=True).click()
    await expect(judge.get_by_text("第 2 轮：通过")).to_be_visible()
    assert [(r.decision, r.reason) for r in desk.rows(Review)] == [
        ("RETURNED", "第 9 项不适用，请改为合理缺项"),
        ("APPROVED", ""),
    ]
    versions = [(a.version, a.value, bool(a.reason)) for a in desk.rows(Answer, Answer.question == "CL-1:9")]
    assert versions == [(1, "是", False), (2, "合理缺项", True)]
    assert desk.visit().state == VisitState.APPROVED
    assert devices.faults == []


async def test_a_void_signature_is_signed_anew_by_everybody(
    browser: Browser, site: TestServer, desk: Desk
) -> None:
    desk.close()
    desk.sign(WANG)
    devices = Devices(browser, known_phones(desk.db, desk.clock))
    wang = await devices.open(form(site, WANG))
    await wang.get_by_text("内容有误，要修改").click()
    await wang.get_by_role("button", name="作废签字，返回修改").click()
    await expect(wang.locator("#answered")).to_be_visible()
    await wang.goto(form(site, WANG))
    await refuse(wang)
    await put_name(wang)
    await expect(wang.get_by_role("listitem").filter(has_text="王建国")).to_contain_text("已签名")
    await expect(wang.get_by_role("listitem").filter(has_text="李秀英")).to_contain_text("未签名")
    assert len(desk.rows(SheetSignature)) == 2  # of the void sheet and of the new one


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_the_pages_of_signing_have_no_serious_hindrance(
    browser: Browser, site: TestServer, desk: Desk, look: str
) -> None:
    devices = Devices(browser, known_phones(desk.db, desk.clock), color_scheme=look)
    page = await devices.open(form(site, WANG))
    await page.get_by_text("没有人签字", exact=True).click()
    found = {"before signing": await troubles(page)}
    desk.close()
    await page.reload()
    await page.get_by_text("对记录有不同意见").click()
    found["officers sign"] = await troubles(page)
    await page.goto(form(site, WANG, "/show"))
    found["certificates"] = await troubles(page)
    desk.submit()
    await page.goto(form(site, WANG, "/receipt"))
    found["receipt"] = await troubles(page)
    await page.goto(review(site))
    found["review"] = await troubles(page)
    assert {where: what for where, what in found.items() if what} == {}
