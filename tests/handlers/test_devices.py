"""A link works for the person it was made for, on that person's phone; forwarded it opens nothing (C36, JZ-28.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.messages import form_code
from bot.inspection.checklists.models import FormDevice
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from tests.fakes.form_app import make_form_app
from tests.fakes.visits import LI, VISIT, WANG, make_visit

Client = TestClient[Any, Any]


@pytest.fixture
async def server(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> AsyncIterator[TestServer]:
    sqlite_db.write_now(make_visit, now=clock.now())
    async with TestServer(make_form_app(sqlite_db, clock, tmp_path)) as server:
        yield server


@pytest.fixture
async def phone(server: TestServer) -> AsyncIterator[Client]:
    async with TestClient(server) as client:
        yield client


def link(client: Client, person: int = WANG) -> str:
    return f"/form/{client.app[LINKS].sign('form', [person, VISIT])}"


def chat(db: Database, clock: ManualClock, person: int = WANG) -> str:
    """The newest code in this person's chat."""

    def read(session: Any) -> str:
        told = select(Notice).where(Notice.kind == "form_code", Notice.recipient_id == person)
        content = form_code(session, list(session.exec(told.order_by(Notice.id)))[-1], clock.now())
        assert isinstance(content, Content)
        return str(content.values["code"])

    return db.read_now(read)


async def enter(client: Client, base: str, code: str) -> tuple[int, str]:
    response = await client.post(f"{base}/device", data={"code": code}, allow_redirects=False)
    return response.status, response.headers.get("Location", "") or await response.text()


async def test_the_first_time_a_code_from_the_own_chat_opens_the_form_and_later_none_is_asked(
    phone: Client, sqlite_db: Database, clock: ManualClock
) -> None:
    base = link(phone)
    first = await phone.get(base)
    assert first.url.path == f"{base}/device"
    assert sqlite_db.read_now(lambda s: list(s.exec(select(Notice)))) == []  # looking sends nothing
    asked = await phone.post(f"{base}/device/code")
    assert "10 分钟内有效" in await asked.text()
    assert await enter(phone, base, " " + chat(sqlite_db, clock) + "\u3000") == (303, base)
    assert "现场签到" in await (await phone.get(base)).text()
    clock.advance(days=20)
    assert (await phone.get(base)).url.path == base
    acts = sqlite_db.read_now(lambda s: [e.action for e in s.exec(select(AuditEntry))])
    assert acts[-2:] == ["device.code_asked", "device.bound"]


async def test_a_forwarded_link_opens_nothing_and_the_code_goes_to_its_owner(
    phone: Client, server: TestServer, sqlite_db: Database, clock: ManualClock
) -> None:
    base = link(phone)
    await phone.post(f"{base}/device/code")
    await enter(phone, base, chat(sqlite_db, clock))
    async with TestClient(server) as stranger:
        for page in ("", "/review", "/receipt", "/sheet.pdf", "/show"):
            assert (await stranger.get(base + page)).url.path == f"{base}/device"
        state = await stranger.get(f"{base}/state", headers={"Accept": "application/json"})
        assert (state.status, (await state.json())["error"]) == (403, "device_unknown")
        for act in ("/draft", "/check-in", "/close", "/submit", "/photo", "", "/photo/1/remove"):
            assert (await stranger.post(base + act, data={"x": "1"})).status == 403
        await stranger.post(f"{base}/device/code")
        told = sqlite_db.read_now(lambda s: [n.recipient_id for n in s.exec(select(Notice))])
        assert told == [WANG, WANG]
        assert (await enter(stranger, base, "000000"))[0] == 422


async def test_a_colleagues_phone_is_not_the_owners(
    phone: Client, server: TestServer, sqlite_db: Database, clock: ManualClock
) -> None:
    theirs = link(phone, LI)
    await phone.post(f"{theirs}/device/code")
    await enter(phone, theirs, chat(sqlite_db, clock, LI))
    assert (await phone.get(theirs)).url.path == theirs
    assert (await phone.get(link(phone))).url.path.endswith("/device")


async def test_guessing_waiting_and_asking_too_often_end(
    phone: Client, sqlite_db: Database, clock: ManualClock
) -> None:
    base = link(phone)
    await phone.post(f"{base}/device/code")
    code = chat(sqlite_db, clock)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        assert (await enter(phone, base, wrong))[0] == 422
    assert (await enter(phone, base, code))[0] == 422  # guessed at too often
    await phone.post(f"{base}/device/code")
    code = chat(sqlite_db, clock)
    clock.advance(minutes=10)
    assert "请重新获取" in (await enter(phone, base, code))[1]
    for _ in range(4):
        await phone.post(f"{base}/device/code")
    assert "太频繁" in await (await phone.post(f"{base}/device/code")).text()


async def test_a_phone_is_forgotten_after_half_a_year_and_a_used_code_is_not_told(
    phone: Client, sqlite_db: Database, clock: ManualClock
) -> None:
    base = link(phone)
    await phone.post(f"{base}/device/code")
    await enter(phone, base, chat(sqlite_db, clock))
    notice = sqlite_db.read_now(lambda s: s.exec(select(Notice)).one())
    assert isinstance(sqlite_db.read_now(form_code, notice, clock.now()), Skip)
    assert sqlite_db.read_now(lambda s: s.exec(select(FormDevice)).one()).code == ""


async def test_a_request_from_another_site_asks_for_no_code(phone: Client, sqlite_db: Database) -> None:
    response = await phone.post(f"{link(phone)}/device/code", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status == 422
    assert sqlite_db.read_now(lambda s: list(s.exec(select(FormDevice)))) == []


async def test_a_forwarded_address_of_a_photo_shows_nothing(phone: Client) -> None:
    address = f"/file/{phone.app[LINKS].sign('file', [WANG, 'a' * 64])}"
    answer = await phone.get(address, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"{address}/device")
    assert (await phone.get(address, headers={"Accept": "application/json"})).status == 403
