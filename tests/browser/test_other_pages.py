"""Pages of reviewers, heads, enterprises and passers-by on a phone: nothing serious stands in anybody's way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect
from sqlmodel import Session

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.tasks.approval import ask_approvals, begin_urgently
from bot.inspection.tasks.codes import visit_code
from bot.inspection.tasks.models import EnterpriseNotice, Task, VisitState
from tests.browser.devices import Devices, chromium, troubles
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import CONTACT, LEAD, VISIT, WANG, make_visit
from tests.inspection.decided import REVIEWER, at, authority
from tests.inspection.test_review_queue import BAD, CLEAN, queued

pytestmark = pytest.mark.browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_the_enterprises_the_heads_and_the_passers_by_pages(
    browser: Browser, sqlite_db: Database, clock: ManualClock, tmp_path: Path, look: str
) -> None:
    def stage(session: Session) -> str:
        make_visit(session, now=clock.now())
        session.add(EnterpriseNotice(visit_id=VISIT))
        ask_approvals(session, session.get_one(Task, 1), [VISIT], now=clock.now())
        begin_urgently(session, visit_id=VISIT, person_id=WANG, reason="群众举报食物中毒", now=clock.now())
        return visit_code(session, visit_id=VISIT, now=clock.now())

    code = sqlite_db.write_now(stage)
    async with TestServer(make_form_app(sqlite_db, clock, tmp_path)) as site:
        links, devices = site.app[LINKS], Devices(browser, known_phones(sqlite_db, clock), color_scheme=look)
        found = {}
        for name, address in {
            "enterprise": f"/enterprise/{links.sign('enterprise', [CONTACT, VISIT])}",
            "type the code": "/visit",
            "the code": f"/visit/{code}",
            "approval": f"/approval/{links.sign('approval', [LEAD, 1])}",
        }.items():
            page = await devices.open(str(site.make_url(address)))
            found[name] = await troubles(page)
        assert {where: what for where, what in found.items() if what} == {}
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name="同意所选", exact=True).click()
        await expect(page.get_by_text("已审批 1 户")).to_be_visible()
        door = await devices.open(str(site.make_url("/visit")))
        await door.get_by_label("访客码（10 位）").fill(f"{code[:5]}-{code[5:]}".lower())
        await door.get_by_role("button", name="核验").click()
        await expect(door.get_by_text("✓ 检查属实")).to_be_visible()
        assert devices.faults == []


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_a_reviewer_works_through_forty_results_on_a_phone(
    browser: Browser, sqlite_db: Database, clock: ManualClock, tmp_path: Path, look: str
) -> None:
    clock.move_to(at("2026-09-21 10:00"))

    def stage(session: Session) -> None:
        authority(session)
        for number in range(1, 29):
            queued(session, number, BAD if number % 7 == 0 else CLEAN)

    sqlite_db.write_now(stage)
    async with TestServer(make_form_app(sqlite_db, clock, tmp_path)) as site:
        devices = Devices(browser, known_phones(sqlite_db, clock, [REVIEWER]), color_scheme=look)
        page = await devices.open(
            str(site.make_url(f"/reviews/{site.app[LINKS].sign('reviews', [REVIEWER])}"))
        )
        assert await troubles(page) == []
        boxes = page.get_by_role("checkbox")
        assert await boxes.count() == 24
        for n in (0, 1, 2):
            await boxes.nth(n).check()
        await page.get_by_role("button", name="通过所选").click()
        await expect(page.get_by_text("已通过 3 件")).to_be_visible()
        await page.get_by_role("link", name="打开审核").first.click()
        await expect(page.get_by_role("button", name="退回", exact=True)).to_be_visible()
        assert await troubles(page) == []
        assert devices.faults == []
    states = sqlite_db.read_now(
        lambda s: list(s.connection().exec_driver_sql("SELECT state FROM visit").scalars())
    )
    assert states.count(VisitState.APPROVED) == 3
