"""Signing in from the workbench: by the browser that began, with the code it began with, and by name."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from bot.core.config import Settings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.audit.models import AuditEntry
from bot.inspection.people.models import Role
from handlers.web import entry, zwdd_login
from handlers.web.pages import guard, make_environment
from handlers.web.zwdd_login import ZWDD
from tests.fakes.builders import make_person
from tests.platforms.zwdd.conftest import Rig

SITE = "http://127.0.0.1:8080"


@dataclass
class Browser:
    """One browser: its cookies are kept."""

    client: TestClient[web.Request, web.Application]

    async def open(self, code: str) -> dict[str, str]:
        async with self.client.get("/zwdd/", params={"auth_code": code}) as answer:
            assert answer.status == 200
            return hidden(await answer.text())

    async def post(self, page: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
        async with self.client.post(f"/zwdd/{page}", data=form, headers=headers) as answer:
            return answer.status, await answer.text()


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))


@pytest.fixture
async def app(sqlite_db: Database, rig: Rig) -> web.Application:
    sqlite_db.write_now(make_person, name="王建国", role=Role.OFFICER, account="1001", platform="zwdd")
    app = web.Application(middlewares=[guard])
    app[SETTINGS] = Settings(_env_file=None, public_url=SITE, zwdd=rig.settings)  # type: ignore[call-arg]
    app[DB], app[CLOCK], app[LINKS] = sqlite_db, rig.clock, Links(SITE, "k" * 24, clock=rig.clock)
    app[PAGES], app[ZWDD] = make_environment(), rig.platform
    zwdd_login.add_routes(app)
    app.add_routes(entry.routes)
    return app


@pytest.fixture
async def browser(app: web.Application) -> AsyncIterator[Browser]:
    async with TestClient(TestServer(app)) as client:
        yield Browser(client)


async def test_a_person_is_named_before_anything_is_opened(
    browser: Browser, rig: Rig, sqlite_db: Database
) -> None:
    form = await browser.open(rig.server.login_code("1001"))
    status, page = await browser.post("login", form)
    assert status == 200
    assert "您是王建国吗？" in page
    assert sqlite_db.read_now(lambda s: s.exec(select(AuditEntry)).all()) == []
    status, page = await browser.post("enter", hidden(page))
    assert (status, "王建国，您好" in page) == (200, True)
    entries = sqlite_db.read_now(lambda s: [entry.action for entry in s.exec(select(AuditEntry))])
    assert entries == ["web.entered"]


async def test_an_account_of_nobody_is_shown_before_a_one_time_code_is_asked_for(
    browser: Browser, rig: Rig
) -> None:
    _, page = await browser.post("login", await browser.open(rig.server.login_code("1002")))
    assert "账号 1002，还没有绑定人员" in page
    status, page = await browser.post("enter", hidden(page))
    assert (status, "还没有绑定人员" in page) == (403, True)


async def test_a_strangers_code_state_or_browser_does_not_sign_in(
    browser: Browser, rig: Rig, app: web.Application
) -> None:
    mine, theirs = rig.server.login_code("1001"), rig.server.login_code("1002")
    form = await browser.open(mine)
    assert (await browser.post("login", form | {"code": theirs}))[0] == 422
    for state in ("", "made.up.state", app[LINKS].sign("zwdd_state", ["another browser", "x"])):
        assert (await browser.post("login", form | {"state": state}))[0] == 422
    assert (await browser.post("login", form, **{"Sec-Fetch-Site": "cross-site"}))[0] == 422
    browser.client.session.cookie_jar.clear()
    assert (await browser.post("login", form))[0] == 422
    _, page = await browser.post("login", await browser.open(mine))  # nothing of this used the code up
    confirmed = hidden(page)
    browser.client.session.cookie_jar.clear()
    assert (await browser.post("enter", confirmed))[0] == 422


async def test_a_confirmation_waits_ten_minutes(browser: Browser, rig: Rig) -> None:
    _, page = await browser.post("login", await browser.open(rig.server.login_code("1001")))
    rig.clock.advance(minutes=11)
    assert (await browser.post("enter", hidden(page)))[0] == 422
