"""A whole inspection on two phones, in real Chromium: the network breaks, the browser dies, nothing is lost (C17–C19)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect
from sqlmodel import select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.checklists.definition import Checklist, load_checklist
from bot.inspection.checklists.models import Answer, Evidence, VisitForm
from bot.inspection.notices.models import Notice
from bot.inspection.results.models import ItemResult
from bot.inspection.results.service import Decision, review_visit
from bot.inspection.tasks.service import check_in
from handlers.web.keys import EVIDENCE, PROFILE
from tests.browser.phones import Network, Phone, phones
from tests.browser.test_form import sign
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LI, REVIEWER, VISIT, WANG, make_visit, picture
from tests.inspection.test_repeats import LIST

pytestmark = pytest.mark.browser
CATERING = load_checklist("CL-2")


@dataclass
class Site:
    """Two phones on the way to one server, each over a network of its own."""

    wang: Phone
    li: Phone
    net: Network
    other: Network
    app: Any

    def link(self, person: int, net: Network | None = None) -> str:
        return f"{(net or self.net).url}/form/{self.app[LINKS].sign('form', [person, VISIT])}"


def both_arrive(db: Database, clock: ManualClock, site: Site) -> None:
    for person in (WANG, LI):
        db.write_now(check_in, visit_id=VISIT, person_id=person, now=clock.now(), profile=site.app[PROFILE])


async def make_site(
    db: Database, clock: ManualClock, folder: Path, lists: tuple[Checklist, ...]
) -> AsyncIterator[Site]:
    db.write_now(make_visit, now=clock.now(), checklists=lists)
    app = make_form_app(db, clock, folder)
    async with TestServer(app) as server, async_playwright() as playwright:
        assert server.port is not None
        net, other = Network(server.port), Network(server.port)
        await net.mend()
        await other.mend()
        async with phones(playwright, folder, 2) as (wang, li):
            wang.cookies = li.cookies = known_phones(db, clock)
            yield Site(wang, li, net, other, app)
            assert wang.faults + li.faults == []
        await net.cut()
        await other.cut()


@pytest.fixture
async def site(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Site]:
    async for site in make_site(sqlite_db, clock, tmp_path, (CATERING,)):
        yield site


@pytest.fixture
async def odd_site(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Site]:
    async for site in make_site(sqlite_db, clock, tmp_path, (LIST,)):
        yield site


async def good(page: Page, *numbers: int) -> None:
    for number in numbers:
        question = page.locator(f'[data-key="CL-2:{number}"]')
        await question.get_by_role("radio", name=CATERING.question(str(number)).good, exact=True).check()
        if number == 14:
            await question.locator("[data-reading]").fill("4")


async def bad(page: Page, number: int, note: str) -> None:
    """Answer so that it needs words and photos, and give both: two photos from the album."""
    question = page.locator(f'[data-key="CL-2:{number}"]')
    await question.get_by_role("radio", name="否", exact=True).check()
    await question.locator("textarea").fill(note)
    shots = [picture(number * 7 + n * 40, size=(2000, 1500)) for n in range(2)]
    await question.locator("input[type=file]").set_input_files(
        [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": shot} for n, shot in enumerate(shots)]
    )
    await expect(question.locator(".photos li")).to_have_count(2)


async def test_a_catering_checklist_with_six_photos_outlives_cut_kill_partner_double_submit_refusal_and_return(
    site: Site, sqlite_db: Database, clock: ManualClock
) -> None:
    theirs = await site.li.open(site.link(LI, site.other))
    await theirs.get_by_role("button", name="现场签到").click()
    page = await site.wang.open(site.link(WANG))
    await page.get_by_role("button", name="现场签到").click()
    await expect(page.locator("#answered")).to_have_text("已答 0/25")
    assert await page.locator("input:checked").count() == 0  # nothing is preselected

    await good(page, *range(1, 8))
    await bad(page, 8, "两名厨师健康证过期")
    await expect(page.locator("#net")).to_have_text("已全部保存")
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.reload()  # now the phone's own worker has seen the page

    await site.net.cut()
    await good(page, 9)
    await bad(page, 10, "厨师未戴口罩")
    await good(page, *range(11, 17))
    await expect(page.locator("#net")).to_have_text("没有网络，待发送 10")  # eight answers, two photos

    await site.wang.kill()
    page = await site.wang.open(site.link(WANG))  # without network, from the phone alone
    await expect(page.locator("#net")).to_contain_text("没有网络，待发送")
    await expect(page.locator('[data-key="CL-2:10"] textarea')).to_have_value("厨师未戴口罩")
    await expect(page.locator('[data-key="CL-2:10"] .photos li')).to_have_count(2)
    await expect(page.locator('[data-key="CL-2:3"] input:checked')).to_have_value("是")  # sent before the cut
    await expect(page.locator("#answered")).to_have_text("已答 16/24")

    await theirs.goto(site.link(LI, site.other))
    await expect(theirs.locator('[data-key="CL-2:8"] .from')).to_have_text("王建国 填写")
    await good(theirs, 17)
    await site.net.mend()
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await expect(page.locator("#net")).to_have_text("已全部保存")
    await expect(page.locator('[data-key="CL-2:17"] .from')).to_have_text("李秀英 填写")
    await good(page, 18, 19)
    await bad(page, 20, "未留样")
    await good(page, *range(21, 25))
    await expect(page.locator("#answered")).to_have_text("已答 24/24")
    await expect(page.locator(".conclusion .verdict")).to_contain_text("有 3 处不合格")

    await page.get_by_role("button", name="核对签字").click()
    await page.get_by_text("没有人签字").click()
    await page.get_by_role("radio", name="拒绝签字").check()
    await page.get_by_role("textbox", name="原因").fill("负责人看过后拒绝签字")
    await page.get_by_role("button", name="按未签字关闭记录表").click()
    await sign(page)
    await page.get_by_role("button", name="签名", exact=True).click()
    await expect(page.get_by_text("等同伴签名")).to_be_visible()
    await theirs.goto(site.link(LI, site.other))
    await sign(theirs)
    await theirs.get_by_role("button", name="签名", exact=True).click()
    await page.reload()
    await expect(theirs.get_by_role("button", name="提交审核")).to_be_visible()
    await page.get_by_role("button", name="提交审核").click()
    await theirs.get_by_role("button", name="提交审核").click()  # the partner presses it too
    for one in (page, theirs):
        await expect(one.locator(".receipt-mark")).to_contain_text("已提交，待审核")
        await expect(one.locator("dd", has_text="（第 1 次）")).to_be_visible()

    receipt, kept, asked = sqlite_db.read_now(
        lambda s: (
            s.exec(select(VisitForm)).one().receipt,
            list(s.exec(select(Evidence).where(Evidence.question.like("CL-2:%")))),  # type: ignore[attr-defined]
            list(s.exec(select(Notice).where(Notice.kind == "review_request"))),
        )
    )
    assert len(asked) == 1
    assert sorted(e.question for e in kept) == ["CL-2:10"] * 2 + ["CL-2:20"] * 2 + ["CL-2:8"] * 2
    listed = {file["sha256"] for file in receipt["files"]}
    assert {e.sha256 for e in kept} <= listed
    for sha256 in listed:  # what the receipt lists is what is stored
        assert site.app[EVIDENCE].read(sha256)
    assert all(e.size < 400_000 for e in kept)  # made smaller by the phone

    sqlite_db.write_now(
        review_visit, visit_id=VISIT, reviewer_id=REVIEWER, decision=Decision.RETURNED, reason="第8项请写明姓名以外的证号",
        now=clock.now(),
    )  # fmt: skip
    clock.advance(minutes=30)
    await page.goto(site.link(WANG))
    await expect(page.get_by_text("第8项请写明姓名以外的证号")).to_be_visible()
    await page.locator('[data-key="CL-2:8"] textarea').fill("两名厨师健康证过期，证号见照片")
    await page.locator("#next-open").click()
    await expect(page.locator("#net")).to_have_text("已全部保存")
    await page.get_by_role("button", name="核对签字").click()
    await page.get_by_role("button", name="提交审核").click()
    await expect(page.locator("dd", has_text="（第 2 次）")).to_be_visible()
    versions = sqlite_db.read_now(lambda s: list(s.exec(select(Answer).where(Answer.question == "CL-2:8"))))
    assert [(a.version, bool(a.reason)) for a in versions] == [(1, False), (2, True)]
    assert sqlite_db.read_now(lambda s: list(s.exec(select(ItemResult))))[0].codes == ["R08", "R05"]


async def test_an_answer_the_phone_kept_through_its_death_does_not_replace_the_partners_newer_one(
    site: Site, sqlite_db: Database, clock: ManualClock
) -> None:
    """Both are shown until somebody chooses; an answer that was never sent outlives the partner's handing in."""
    both_arrive(sqlite_db, clock, site)
    page = await site.wang.open(site.link(WANG))
    await expect(page.locator("#net")).to_have_text("已全部保存")
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.reload()
    await site.net.cut()
    await good(page, 8)
    await expect(page.locator("#net")).to_have_text("没有网络，待发送 1")
    await site.wang.kill()

    theirs = await site.li.open(site.link(LI, site.other))
    await bad(theirs, 8, "后厨无消毒设施")
    await expect(theirs.locator("#net")).to_have_text("已全部保存")

    await site.net.mend()
    page = await site.wang.open(site.link(WANG))
    words = "同伴刚才也改了这一项，现在是李秀英的回答；王建国的回答是：是。"
    question = page.locator('[data-key="CL-2:8"]')
    await expect(question.locator(".from")).to_have_text(words)
    await expect(page.locator("#net")).to_have_text("已全部保存，1 项同伴也改过，请核对")
    await expect(question.locator("textarea")).to_have_value("后厨无消毒设施")
    await page.reload()
    await expect(question.locator(".from")).to_have_text(words)
    await theirs.reload()
    await expect(theirs.locator('[data-key="CL-2:8"] .from')).to_have_text(words)
    await question.get_by_role("button", name="就用现在的回答").click()
    await expect(page.locator("#net")).to_have_text("已全部保存")
    await expect(question.get_by_role("button", name="就用现在的回答")).to_be_hidden()
    kept = sqlite_db.read_now(lambda s: s.exec(select(VisitForm)).one().draft["CL-2:8"])
    assert (kept["value"], kept["note"], "also" in kept) == ("否", "后厨无消毒设施", False)

    await site.net.cut()
    await good(page, 9)
    await expect(page.locator("#net")).to_have_text("没有网络，待发送 1")
    await good(theirs, *range(1, 8), *range(9, 25))
    await expect(theirs.locator("#net")).to_have_text("已全部保存")
    await theirs.get_by_role("button", name="核对签字").click()
    await theirs.get_by_text("没有人签字").click()
    await theirs.get_by_role("radio", name="拒绝签字").check()
    await theirs.get_by_role("textbox", name="原因").fill("负责人看过后拒绝签字")
    await theirs.get_by_role("button", name="按未签字关闭记录表").click()
    await expect(theirs.get_by_text("您为以下内容签名")).to_be_visible()
    await site.net.mend()
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    told = "记录表已签字，内容不能再改。需要修改时先作废签字。"
    await expect(page.locator("#net")).to_have_text(told)
    async with page.expect_response(
        "**/state"
    ):  # the page looks by itself, and stays because something waits
        pass
    await expect(page.locator("#net")).to_have_text(told)
    await expect(page.locator("#net")).to_have_attribute("data-waiting", "1")

    for one, net, person in ((page, site.net, WANG), (theirs, site.other, LI)):
        await one.goto(site.link(person, net))
        await sign(one)
        await one.get_by_role("button", name="签名", exact=True).click()
    await theirs.get_by_role("button", name="提交审核").click()
    await expect(theirs.locator(".receipt-mark")).to_be_visible()
    await expect(theirs.locator("[data-over]")).to_be_hidden()
    await page.goto(site.link(WANG))
    await expect(page.get_by_role("alert")).to_contain_text("这台手机上还有 1 项没有发出")
    rows = "import('/static/form-box.js').then((box) => box.all('known', document.querySelector('[data-over]').dataset.over))"
    assert await page.evaluate(rows) == []


async def test_a_link_that_was_forwarded_opens_nothing_on_another_phone(site: Site) -> None:
    page = await site.wang.open(site.link(WANG))
    await expect(page.get_by_role("button", name="现场签到")).to_be_visible()
    site.li.cookies = {}
    stranger = await site.li.open(site.link(WANG, site.other))
    await expect(stranger.get_by_role("heading")).to_have_text("第一次在这台手机上打开")
    await stranger.get_by_role("button", name="把验证码发给我").click()
    await stranger.get_by_label("验证码").fill("000000")
    await stranger.get_by_role("button", name="打开", exact=True).click()
    await expect(stranger.get_by_role("alert")).to_contain_text("验证码不对")
    assert "人民路" not in await stranger.content()


async def test_things_counted_places_signatures_and_the_conclusion_are_filled_with_a_finger(
    odd_site: Site, sqlite_db: Database, clock: ManualClock
) -> None:
    both_arrive(sqlite_db, clock, odd_site)
    page = await odd_site.wang.open(odd_site.link(WANG))
    ask = lambda key: page.locator(f'[data-key="T-2:{key}"]')  # noqa: E731 - a word for a question
    await expect(ask("2_1")).to_be_hidden()
    await ask("1").locator("[data-typed]").fill("2")
    await ask("2_1").get_by_role("radio", name="是", exact=True).check()
    await expect(ask("2_3")).to_be_hidden()
    await ask("2_2").get_by_role("radio", name="否", exact=True).check()
    await expect(ask("3_2")).to_be_visible()  # only about the second one
    await expect(ask("3_1")).to_be_hidden()
    await ask("2_2").get_by_role("radio", name="是", exact=True).check()
    await ask("4").get_by_role("radio", name="合理缺项", exact=True).check()
    await ask("5").get_by_role("button", name="定位到这里").click()
    await expect(ask("5").locator("[data-typed]")).to_have_value("22.630000,110.150000")
    await ask("6").scroll_into_view_if_needed()
    box = await ask("6").locator("canvas").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 30, box["y"] + 60)
    await page.mouse.down()
    for step in range(8):
        await page.mouse.move(box["x"] + 30 + step * 20, box["y"] + 40 + step % 2 * 50)
    await page.mouse.up()
    await ask("6").get_by_role("button", name="用这个签名").click()
    conclusion = page.locator('[data-key="item:1"]')
    await expect(conclusion.locator(".choices")).to_be_hidden()
    shots = [
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(n, size=(900, 700))} for n in (1, 2, 3)
    ]
    await ask("8").locator("input[type=file]").set_input_files(shots)  # type: ignore[arg-type]
    await expect(ask("8").locator(".photos li.saved")).to_have_count(3)
    await ask("8").locator(".photos li.saved").first.get_by_role("button").click()
    await expect(ask("8").locator(".photos li")).to_have_count(2)
    await expect(conclusion.locator(".verdict")).to_contain_text("没有不合格项")
    await conclusion.locator("input").check()
    await ask("4").get_by_role("radio", name="是", exact=True).check()
    await expect(conclusion.locator("input")).not_to_be_checked()  # another answer: say it again
    await conclusion.locator("input").check()
    await expect(page.locator("#net")).to_have_text("已全部保存")
    await page.get_by_role("button", name="核对签字").click()
    await expect(page.locator(".result.good")).to_have_text("未发现问题")


async def test_no_page_of_the_form_has_a_serious_fault_for_a_screen_reader_and_all_are_light(
    site: Site, sqlite_db: Database, clock: ManualClock
) -> None:
    stranger, site.li.cookies = site.li, {}
    page = await stranger.open(site.link(WANG, site.other))
    await _is_kind(page)
    await page.get_by_role("button", name="把验证码发给我").click()
    await _is_kind(page)
    page = await site.wang.open(site.link(WANG))
    await _is_kind(page)
    both_arrive(sqlite_db, clock, site)
    weight = 0

    async def weigh(response: Any) -> None:
        nonlocal weight
        weight += len(await response.body()) if response.ok else 0

    page.on("response", weigh)
    await page.reload()
    await expect(page.locator("#net")).to_have_text("已全部保存")
    page.remove_listener("response", weigh)
    assert 0 < weight < 150_000  # everything the form needs before the first photo
    await page.emulate_media(color_scheme="dark")
    await _is_kind(page)
    await page.emulate_media(color_scheme="light")
    await good(page, *range(1, 25))
    await bad(page, 8, "健康证过期")
    await _is_kind(page)
    await page.get_by_role("button", name="核对签字").click()
    await expect(page.get_by_text("请被检查单位核对并签字")).to_be_visible()
    await _is_kind(page)


async def _is_kind(page: Page) -> None:
    """Nothing serious or critical by the rules of WCAG 2 A and AA."""
    found = await Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    )
    serious = [
        (one["id"], [node["target"] for node in one["nodes"]][:3])
        for one in found.response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
    assert serious == [], page.url
