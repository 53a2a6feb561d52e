"""Signing in through DingTalk and asking its phones for the place, against the simulated service."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import Session

from bot.core.config import Settings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.people.models import Role
from bot.inspection.people.service import issue_bind_code
from bot.inspection.people.syncing import leave
from handlers.web import dingtalk_login, entry
from handlers.web.dingtalk_hooks import DINGTALK
from handlers.web.pages import guard, make_environment
from tests.fakes.builders import make_account, make_person
from tests.platforms.dingtalk.rig import Rig, dingtalk

SITE = "http://127.0.0.1:8080"
INSIDE = {"User-Agent": "Mozilla/5.0 AliApp(DingTalk/7.6.0)"}


@dataclass
class Door:
    rig: Rig
    client: TestClient[web.Request, web.Application]

    async def sign_in(self, code: str, **headers: str) -> tuple[int, str]:
        async with self.client.post("/dingtalk/login", data={"code": code}, headers=headers) as answer:
            return answer.status, await answer.text()


def people(session: Session) -> None:
    coordinator = make_person(session, name="李统筹", role=Role.COORDINATOR)
    make_account(session, coordinator.id or 0, user_id="u1001", platform="dingtalk")


@pytest.fixture
async def door(sqlite_db: Database) -> AsyncIterator[Door]:
    sqlite_db.write_now(people)
    async with dingtalk(settings={"agent_id": 7}) as rig:
        app = web.Application(middlewares=[guard])
        app[SETTINGS] = Settings(_env_file=None, public_url=SITE, dingtalk=rig.settings)  # type: ignore[call-arg]
        app[DB], app[CLOCK], app[LINKS] = sqlite_db, rig.clock, Links(SITE, "k" * 24, clock=rig.clock)
        app[PAGES], app[DINGTALK] = make_environment(), rig.platform
        dingtalk_login.add_routes(app)
        app.add_routes(entry.routes)
        async with TestClient(TestServer(app)) as client:
            yield Door(rig, client)


async def test_the_door_names_the_organisation_and_lets_only_one_foreign_script_in(door: Door) -> None:
    async with door.client.get("/dingtalk/", headers=INSIDE) as answer:
        page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
    assert 'data-corp="dingcorp0001"' in page
    assert "script-src 'self' https://g.alicdn.com;" in policy
    assert "form-action 'self'" in policy


async def test_a_code_opens_the_persons_own_page_once(door: Door) -> None:
    code = door.rig.server.directory.login_code("u1001")
    status, page = await door.sign_in(code)
    assert status == 200
    assert "李统筹，您好" in page
    assert "/console/" in page
    status, page = await door.sign_in(code)
    assert (status, "没有确认" in page or "已用过" in page) == (422, True)
    late = door.rig.server.directory.login_code("u1001")
    door.rig.clock.advance(minutes=6)
    assert (await door.sign_in(late))[0] == 422


@pytest.mark.parametrize("code", ["", "made-up", "x" * 600])
async def test_a_made_up_code_opens_nothing(door: Door, code: str) -> None:
    status, page = await door.sign_in(code)
    assert status == 422
    assert "李统筹" not in page


async def test_who_is_not_bound_or_left_is_told_what_to_do(door: Door) -> None:
    status, page = await door.sign_in(door.rig.server.directory.login_code("u1002"))
    assert (status, "还没有绑定" in page) == (403, True)
    await door.client.app[DB].write(leave, platform="dingtalk", user_ids=["u1001"], now=door.rig.clock.now())
    assert (await door.sign_in(door.rig.server.directory.login_code("u1001")))[0] == 403


async def test_a_new_account_is_bound_on_the_page_with_the_one_time_code(door: Door) -> None:
    db, now = door.client.app[DB], door.rig.clock.now()

    def newcomer(session: Session) -> str:
        return issue_bind_code(session, person_id=make_person(session, name="王检查").id or 0, now=now)

    code = db.write_now(newcomer)
    _, page = await door.sign_in(door.rig.server.directory.login_code("u1002"))
    token = page.split('name="token" value="')[1].split('"')[0]

    async def bind(token: str, code: str) -> tuple[int, str]:
        async with door.client.post("/entry/bind", data={"token": token, "code": code}) as answer:
            return answer.status, await answer.text()

    assert (await bind(token, "WRONG234"))[0] == 422
    assert (await bind("made.up.token", code))[0] == 404
    status, page = await bind(token, code.lower())
    assert (status, "王检查，您好" in page) == (200, True)
    assert "王检查，您好" in (await door.sign_in(door.rig.server.directory.login_code("u1002")))[1]


async def test_another_site_cannot_sign_somebody_in(door: Door) -> None:
    code = door.rig.server.directory.login_code("u1001")
    status, _ = await door.sign_in(code, **{"Sec-Fetch-Site": "cross-site"})
    assert status == 422
    assert (await door.sign_in(code))[0] == 200  # and the code was not used up


async def test_a_browser_outside_comes_back_with_its_own_state_only(door: Door) -> None:
    async with door.client.get("/dingtalk/browser", allow_redirects=False) as answer:
        asked = urlsplit(answer.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(asked.query).items()}
    assert (asked.netloc, asked.path) == ("login.dingtalk.com", "/oauth2/auth")
    assert query["redirect_uri"] == f"{SITE}/dingtalk/browser/back"
    code = door.rig.server.directory.login_code("u1001")

    async def back(state: str) -> int:
        params = {"authCode": code, "state": state}
        async with door.client.get("/dingtalk/browser/back", params=params) as answer:
            return answer.status

    assert await back("made-up") == 404
    stolen = door.client.app[LINKS].sign("dingtalk_state", "another browser's secret")
    assert await back(stolen) == 403
    assert await back(query["state"]) == 200


async def signed(door: Door, url: str) -> tuple[int, Any]:
    async with door.client.get("/dingtalk/jsapi", params={"url": url}) as answer:
        return answer.status, await answer.json(content_type=None) if answer.status == 200 else None


async def test_only_our_own_pages_are_signed_and_exactly_as_they_are_seen(door: Door) -> None:
    url = f"{SITE}/form/abc?x=检查&y=2"
    status, config = await signed(door, url)
    assert status == 200
    text = f"jsapi_ticket=sim-jsapi-ticket&noncestr={config['nonceStr']}&timestamp={config['timeStamp']}&url={url}"
    assert config["signature"] == hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - the vendor's
    assert (config["agentId"], config["corpId"]) == ("7", "dingcorp0001")
    assert "getLocation" in config["jsApiList"]
    for foreign in ("https://evil.example/", "http://127.0.0.1:80/", "//x", ""):
        assert (await signed(door, foreign))[0] == 403


async def test_a_ticket_is_asked_for_once_and_again_when_it_ends(door: Door) -> None:
    asked: list[str] = []
    client = door.rig.platform._client
    original = client.api

    async def api(method: str, path: str, **more: Any) -> Any:
        asked.append(path)
        return await original(method, path, **more)

    client.api = api  # type: ignore[method-assign]
    for _ in range(3):
        await signed(door, f"{SITE}/form/a")
    assert len(asked) == 1
    door.rig.clock.advance(hours=2)
    await signed(door, f"{SITE}/form/a")
    assert len(asked) == 2


async def test_pages_carry_dingtalks_script_only_inside_it(door: Door) -> None:
    code = door.rig.server.directory.login_code("u1001")
    assert "dingtalk-bridge.js" not in (await door.sign_in(code))[1]
    code = door.rig.server.directory.login_code("u1001")
    assert "dingtalk-bridge.js" in (await door.sign_in(code, **INSIDE))[1]
