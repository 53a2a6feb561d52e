"""At the door: certificates and code on the officer's phone, the check by the person behind it, the notice (C15, C16)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.tasks.models import (
    CheckIn,
    EnterpriseNotice,
    NoticeDocument,
    Task,
    TaskState,
    Visit,
    VisitCode,
    VisitOfficer,
    VisitState,
)
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import CONTACT, LI, STRANGER, VISIT, WANG, make_visit


class Door:
    """The officer's phone, and anybody's browser."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client

    def form(self, person: int, page: str) -> str:
        return f"/form/{self.client.app[LINKS].sign('form', [person, VISIT])}{page}"

    async def get(self, path: str, status: int = 200) -> str:
        response = await self.client.get(path)
        assert response.status == status, await response.text()
        return await response.text()

    async def code(self) -> str:
        page = await self.get(self.form(WANG, "/show"))
        found = re.search(r"([0-9A-Z]{5})-([0-9A-Z]{5})", page)
        assert found is not None
        return found[1] + found[2]


@pytest.fixture
async def door(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Door]:
    sqlite_db.write_now(make_visit, now=clock.now())
    sqlite_db.write_now(lambda s: s.add(EnterpriseNotice(visit_id=VISIT)))
    async with TestClient(
        TestServer(make_form_app(sqlite_db, clock, tmp_path)), cookies=known_phones(sqlite_db, clock)
    ) as client:
        yield Door(client)


async def test_c16_certificates_and_task_code_are_shown_and_the_enterprise_can_check_them(
    door: Door, sqlite_db: Database
) -> None:
    page = await door.get(door.form(WANG, "/show"))
    for words in ("王建国", "李秀英", "粤K00001", "450900202603090001", "<svg", "uri.amap.com"):
        assert words in page, words
    code = await door.code()
    assert await door.code() == code  # made once
    for typed in (code, code.lower(), f"{code[:5]}-{code[5:]}"):
        seen = await door.get(f"/visit/{typed}")
        assert "✓ 检查属实" in seen
        assert "粤K00002" in seen
    assert "138" not in seen
    assert sqlite_db.read_now(lambda s: s.exec(select(VisitCode)).one().code) == code


async def test_a_wrong_an_old_and_an_unknown_code_look_alike(
    door: Door, sqlite_db: Database, clock: ManualClock
) -> None:
    code = await door.code()
    wrong = await door.get("/visit/AAAAAAAAAA", 404)
    assert "没有找到这个访客码" in wrong
    assert await door.get("/visit/x", 404) == wrong
    clock.advance(days=60)
    assert await door.get(f"/visit/{code}", 404) == wrong


async def test_after_the_visit_and_after_a_stop_the_code_lets_nobody_in(
    door: Door, sqlite_db: Database
) -> None:
    code = await door.code()

    def over(session: Session) -> None:
        session.get_one(Visit, VISIT).state = VisitState.IN_REVIEW

    sqlite_db.write_now(over)
    assert "已经结束" in await door.get(f"/visit/{code}")

    def stop(session: Session) -> None:
        session.get_one(Task, 1).state = TaskState.TERMINATED

    sqlite_db.write_now(stop)
    assert "已停止" in await door.get(f"/visit?code={code}")


async def test_somebody_else_gets_no_code(door: Door) -> None:
    await door.get(door.form(STRANGER, "/show"), 403)


async def test_c15_the_notice_is_a_pdf_and_stays_the_same_until_the_team_changes(
    door: Door, sqlite_db: Database, clock: ManualClock
) -> None:
    boss = f"/enterprise/{door.client.app[LINKS].sign('enterprise', [CONTACT, VISIT])}/notice.pdf"
    first = await (await door.client.get(boss)).read()
    clock.advance(days=1)
    second = await (await door.client.get(door.form(WANG, "/notice.pdf"))).read()
    assert first.startswith(b"%PDF")
    assert first == second

    def replace(session: Session) -> None:
        session.exec(select(VisitOfficer).where(VisitOfficer.person_id == LI)).one().person_id = STRANGER

    sqlite_db.write_now(replace)
    third = await (await door.client.get(boss)).read()
    assert third != first
    issued = sqlite_db.read_now(lambda s: list(s.exec(select(NoticeDocument))))
    assert [d.version for d in issued] == [1, 2]
    assert issued[0].body["officers"][1][0] == "李秀英"  # what the enterprise was told then


async def test_c28_a_last_day_that_may_still_move_says_so_to_enterprise_and_visitor(
    door: Door, sqlite_db: Database
) -> None:
    def late(session: Session) -> None:
        session.get_one(Visit, VISIT).due_on = dt.date(2027, 1, 12)

    enterprise = f"/enterprise/{door.client.app[LINKS].sign('enterprise', [CONTACT, VISIT])}"
    visitor = f"/visit/{await door.code()}"
    for page in (enterprise, visitor):
        text = await door.get(page)
        assert "最迟 2026-03-31）" in text
    sqlite_db.write_now(late)
    for page in (enterprise, visitor):
        assert "最迟 2027-01-12（暂定））" in await door.get(page)


async def test_handing_the_notice_over_is_noted_once(
    door: Door, sqlite_db: Database, clock: ManualClock
) -> None:
    for _ in range(2):
        await door.client.post(door.form(WANG, "/served"), allow_redirects=False)
        clock.advance(hours=1)
    kept = sqlite_db.read_now(lambda s: s.get_one(EnterpriseNotice, VISIT))
    assert kept.delivery == "PAPER"
    assert kept.delivered_at is not None
    assert kept.delivered_at < clock.now() - clock.now().resolution
    assert "已当面送达" in await door.get(door.form(LI, "/show"))


async def test_c16_a_late_registration_from_the_page_is_kept_with_its_time(
    door: Door, sqlite_db: Database, clock: ManualClock
) -> None:
    clock.advance(days=2)
    late = {"late_reason": "地下车库没有信号", "happened_at": "2026-03-10T14:30"}
    response = await door.client.post(door.form(WANG, "/check-in"), data=late, allow_redirects=False)
    assert response.status == 303
    kept = sqlite_db.read_now(lambda s: s.exec(select(CheckIn)).one())
    assert kept.present_at.isoformat() == "2026-03-10T06:30:00+00:00"
    assert sqlite_db.read_now(lambda s: s.get_one(Visit, VISIT).late)
    response = await door.client.post(door.form(LI, "/check-in"), data={"happened_at": "gestern"})
    assert response.status == 422
