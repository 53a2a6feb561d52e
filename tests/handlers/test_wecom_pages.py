"""The login inside WeCom through the whole application, with a simulated WeCom behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from sqlmodel import Session
from yarl import URL

from bot.app import make_app
from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.inspection.people.models import Role
from bot.migrations import migrate
from bot.simulator.people import SimPerson
from tests.fakes.builders import make_person
from tests.platforms.wecom.rig import Rig, running

SECRET = SecretStr("a secret of sixteen characters")
WECOM = {"User-Agent": "Mozilla/5.0 wxwork/4.1.38 MicroMessenger/7.0.1"}


@dataclass
class Desk:
    client: TestClient[Any, Any]
    rig: Rig

    async def begin(self) -> URL:
        """Where the browser is sent; the cookie is in the client's jar."""
        answer = await self.client.get("/login/wecom", headers=WECOM, allow_redirects=False)
        assert answer.status == 302
        return URL(answer.headers["Location"])

    async def back(self, code: str, state: str) -> Any:
        query = {"code": code, "state": state}
        return await self.client.get("/login/wecom-back", params=query, headers=WECOM, allow_redirects=False)


@pytest.fixture
async def desk(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Desk]:
    url = f"sqlite:///{tmp_path / 'suicha.db'}"
    database = Database(url, info={"audit_salt": "salt-for-tests-only"})
    migrate(database)

    def people(session: Session) -> None:
        make_person(session, role=Role.OFFICER, account="insp007")
        make_person(session, role=Role.COORDINATOR, account="insp008")

    database.write_now(people)
    database.close()
    async with running(clock) as rig:
        settings = Settings(
            database_url=url,
            data_dir=tmp_path / "data",
            secret_key=SECRET,
            audit_salt=SECRET,
            wecom=rig.settings,
        )
        async with TestClient(TestServer(make_app(settings, clock=clock))) as client:
            yield Desk(client, rig)


async def test_an_officer_finds_their_own_visits(desk: Desk) -> None:
    state = (await desk.begin()).query["state"]
    answer = await desk.back(desk.rig.server.directory.new_code("insp007"), state)
    assert answer.status == 303
    page = await desk.client.get(answer.headers["Location"])
    assert page.status == 200
    assert "console" not in await page.text()
    assert "code=" not in answer.headers["Location"]


async def test_a_coordinator_comes_into_the_console(desk: Desk) -> None:
    state = (await desk.begin()).query["state"]
    answer = await desk.back(desk.rig.server.directory.new_code("insp008"), state)
    page = await desk.client.get(answer.headers["Location"])
    assert 'href="/console/' in await page.text()


async def test_a_desktop_is_shown_the_qr_login(desk: Desk) -> None:
    answer = await desk.client.get("/login/wecom", allow_redirects=False)
    assert URL(answer.headers["Location"]).query["login_type"] == "CorpApp"


@pytest.mark.parametrize(
    "how", ["another state", "no cookie", "spent code", "late", "no member", "no person"]
)
async def test_an_answer_that_was_not_asked_for_opens_nothing(
    desk: Desk, clock: ManualClock, how: str
) -> None:
    directory = desk.rig.server.directory
    state, code = (await desk.begin()).query["state"], directory.new_code("insp008")
    match how:
        case "another state":
            state = "0" * 32
        case "no cookie":
            desk.client.session.cookie_jar.clear()
        case "spent code":
            await desk.rig.platform.pages.user_of(code)
        case "late":
            clock.advance(minutes=11)
            code = directory.new_code("insp008")
        case "no member":
            code = directory.new_code("somebody-outside")
        case "no person":
            desk.rig.world.add_person(SimPerson("wecom", "new", "新人"))
            code = directory.new_code("new")
    answer = await desk.back(code, state)
    if answer.status == 303:  # a member whom nobody bound
        answer = await desk.client.get(answer.headers["Location"])
    assert answer.status in (403, 422)
    assert "/form/" not in await answer.text()


async def test_only_our_own_pages_are_signed(desk: Desk) -> None:
    ours = "http://127.0.0.1:8080/form/x?a=1#part"
    answer = await desk.client.get("/wecom/jssdk", params={"url": ours})
    made = await answer.json()
    assert (answer.status, made["corpId"], len(made["config"]["signature"])) == (200, "wwdemo0000000001", 40)
    foreign = await desk.client.get("/wecom/jssdk", params={"url": "http://127.0.0.1:8080.evil.example/"})
    assert foreign.status == 403


async def test_wecoms_script_may_run_inside_wecom_and_nowhere_else(desk: Desk) -> None:
    inside = await desk.client.get("/console", headers=WECOM)
    outside = await desk.client.get("/console")
    assert "script-src 'self' https://wwcdn.weixin.qq.com" in inside.headers["Content-Security-Policy"]
    assert "wwcdn" not in outside.headers["Content-Security-Policy"]
