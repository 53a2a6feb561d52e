"""A button that is a page: it presses for the person it was made for, in their own browser, and for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.people.models import Account, Person
from bot.messaging.dispatch import Dispatcher
from bot.platforms.base import InboundEvent
from handlers.chat import make_router
from handlers.web import press
from handlers.web.hooks import DISPATCHER
from handlers.web.pages import guard, make_environment
from tests.fakes.form_app import known_phones

ACTION = "lock_draw|draw:3|1"
OWNER, OTHER = 1, 2


class Taken:
    def __init__(self) -> None:
        self.events: list[InboundEvent] = []

    async def take(self, event: InboundEvent) -> None:
        self.events.append(event)


@pytest.fixture
async def client(sqlite_db: Database, clock: ManualClock) -> AsyncIterator[TestClient[Any, Any]]:
    def people(session: Any) -> None:
        for person in (OWNER, OTHER):
            session.add(Person(id=person, code=f"P{person}", name=f"人{person}"))
            session.flush()
            session.add(
                Account(platform="wecom", user_id=f"u{person}", person_id=person, bound_at=clock.now())
            )

    sqlite_db.write_now(people)
    app = web.Application(middlewares=[guard])
    app[DB], app[CLOCK], app[PAGES] = sqlite_db, clock, make_environment()
    app[SETTINGS] = Settings(_env_file=None)  # type: ignore[call-arg]
    app[LINKS] = Links("http://here", "secret-for-tests-only", clock=clock)
    app[DISPATCHER] = cast("Dispatcher", Taken())
    app.add_routes(press.routes)
    async with TestClient(TestServer(app)) as client:
        yield client


def address(client: TestClient[Any, Any], clock: ManualClock) -> str:
    return f"/press/{client.app[LINKS].sign('press', [OWNER, ACTION], at=clock.now())}"


def taken(client: TestClient[Any, Any]) -> list[tuple[str, str]]:
    return [(e.user_id, e.action) for e in cast("Taken", client.app[DISPATCHER]).events]


async def test_a_forwarded_button_presses_nothing(
    client: TestClient[Any, Any], sqlite_db: Database, clock: ManualClock
) -> None:
    link = address(client, clock)
    theirs = known_phones(sqlite_db, clock, [OTHER])
    for cookies in ({}, theirs):
        looked = await client.get(link, cookies=cookies, allow_redirects=False)
        assert (looked.status, looked.headers["Location"]) == (303, f"{link}/device")
        pressed = await client.post(link, cookies=cookies)
        assert pressed.status == 403
        assert "验证身份" in await pressed.text()
    assert taken(client) == []


async def test_looking_presses_nothing_and_the_owner_presses_once_a_minute(
    client: TestClient[Any, Any], sqlite_db: Database, clock: ManualClock
) -> None:
    link, mine = address(client, clock), known_phones(sqlite_db, clock, [OWNER])
    page = await client.get(link, cookies=mine)
    assert "锁定名单" in await page.text()
    assert taken(client) == []
    for _ in range(2):
        assert (await client.post(link, cookies=mine)).status == 200
    ids = {e.event_id for e in cast("Taken", client.app[DISPATCHER]).events}
    assert taken(client) == [("u1", ACTION)] * 2
    assert len(ids) == 1  # the inbox keeps an event once


async def test_another_site_cannot_make_the_owner_press(
    client: TestClient[Any, Any], sqlite_db: Database, clock: ManualClock
) -> None:
    link, mine = address(client, clock), known_phones(sqlite_db, clock, [OWNER])
    refused = await client.post(link, cookies=mine, headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status, "其他网站" in await refused.text()) == (422, True)
    assert taken(client) == []


def test_the_page_names_every_button_that_a_card_can_have() -> None:
    assert set(make_router().actions) == set(press._WORDS)
