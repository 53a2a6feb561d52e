"""The queue on the page and in chat, and a correction by words (C21)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.keys import LINKS
from bot.inspection.notices.models import Notice, Talk
from bot.inspection.profile.terms import ClockStart
from bot.inspection.publication.models import Publication
from bot.inspection.publication.service import publish_approved
from bot.inspection.results.models import ItemResult, Review
from bot.inspection.results.service import item_results
from bot.inspection.tasks.models import Visit, VisitState
from handlers.chat import make_router
from tests.fakes.form_app import known_phones, make_form_app
from tests.handlers.test_review_chat import Person
from tests.inspection.decided import (
    CALENDAR,
    COORDINATOR,
    P1,
    REVIEWER,
    SC,
    at,
    authority,
    profile_with,
    visit,
)
from tests.inspection.test_review_queue import BAD, CLEAN, queued


def three(session: Session) -> None:
    authority(session)
    for number in (1, 2, 3):
        queued(session, number, BAD if number == 2 else CLEAN)


@pytest.fixture
async def client(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[TestClient[Any, Any]]:
    clock.move_to(at("2026-09-21 10:00"))
    sqlite_db.write_now(three)
    cookies = known_phones(sqlite_db, clock, (REVIEWER, P1))
    async with TestClient(TestServer(make_form_app(sqlite_db, clock, tmp_path)), cookies=cookies) as client:
        yield client


def address(client: TestClient[Any, Any], person: int = REVIEWER) -> str:
    return f"/reviews/{client.app[LINKS].sign('reviews', [person])}"


async def test_forty_entries_are_chosen_by_hand_and_pass_with_one_press(
    client: TestClient[Any, Any], sqlite_db: Database
) -> None:
    page = await (await client.get(address(client))).text()
    assert page.count('type="checkbox"') == 2  # the one with a problem is opened on its own
    assert " checked" not in page
    for _ in range(2):  # a double press
        answer = await client.post(address(client), data=[("visit", "1"), ("visit", "3"), ("visit", "2")])
        assert answer.status == 200
    assert "可能已有人审核" in await answer.text()
    states = sqlite_db.read_now(lambda s: [s.get_one(Visit, n).state for n in (1, 2, 3)])
    assert states == [VisitState.APPROVED, VisitState.IN_REVIEW, VisitState.APPROVED]
    assert len(sqlite_db.read_now(lambda s: list(s.exec(select(Review))))) == 2


async def test_an_officers_link_has_an_empty_queue_and_passes_nothing(
    client: TestClient[Any, Any], sqlite_db: Database
) -> None:
    assert "没有等您审核" in await (await client.get(address(client, P1))).text()
    answer = await client.post(address(client, P1), data={"visit": "1"})
    assert "不在您的待审队列" in await answer.text()
    for nothing in ({}, {"visit": "9" * 60}, {"visit": "一"}, {"visit": "-1"}):
        assert (await client.post(address(client, REVIEWER), data=nothing)).status == 422
    hostile = {"Sec-Fetch-Site": "cross-site"}
    assert (await client.post(address(client), data={"visit": "1"}, headers=hostile)).status == 422
    assert sqlite_db.read_now(lambda s: list(s.exec(select(Review)))) == []


async def test_a_forwarded_queue_opens_on_nobody_elses_phone(
    client: TestClient[Any, Any], sqlite_db: Database
) -> None:
    """The stranger's phone is led to the code, which only the reviewer's own chat is told."""
    client.session.cookie_jar.clear()
    page = await client.get(address(client))
    assert "验证码" in await page.text()
    assert page.url.path.endswith("/device")
    assert (await client.post(address(client), data={"visit": "1"})).status == 403
    await client.post(f"{address(client)}/device/code")
    told = sqlite_db.read_now(
        lambda s: [n.recipient_id for n in s.exec(select(Notice).where(Notice.kind == "form_code"))]
    )
    assert told == [REVIEWER]
    assert (await client.post(f"{address(client)}/device", data={"code": "000000x"})).status == 422
    assert sqlite_db.read_now(lambda s: list(s.exec(select(Review)))) == []


class Mouth(Person):
    """Somebody in the chat, routed as dispatch does it."""

    async def say(self, words: str) -> str:
        router = make_router()
        command = router.find_command(words)
        talk = await self.context.db.read(lambda session: session.get(Talk, self.context.talk_key))
        if command is not None and (talk is None or not command[1]):
            return (await command[0](replace(self.context, words=command[1]))).text
        assert talk is not None, "nobody asked"
        context = replace(self.context, words=words, talk=dict(talk.data))
        return (await router.talks[talk.topic](context)).text


def chat(db: Database, person: int, folder: Path) -> Mouth:
    return Mouth(db, person, folder)


async def test_the_queue_is_worked_through_in_chat(sqlite_db: Database, tmp_path: Path) -> None:
    sqlite_db.write_now(three)
    reviewer = chat(sqlite_db, REVIEWER, tmp_path)
    shown = await reviewer.say("待审")
    assert "1. 山城区第3餐饮店：未发现问题，10月27日 前公示" in shown
    assert "没有看懂" in await reviewer.say("都通过")
    assert "没有看懂" in await reviewer.say("通过 9")
    assert "已通过 2 件" in await reviewer.say("通过 1、2、3")
    assert "已退回 1 件" in await reviewer.say("退回 2 照片不清楚")
    states = sqlite_db.read_now(lambda s: [s.get_one(Visit, n).state for n in (1, 2, 3)])
    assert states == [VisitState.APPROVED, VisitState.RECORDED, VisitState.APPROVED]


async def test_c21_a_correction_is_made_from_chat_and_the_public_record_follows(
    sqlite_db: Database, tmp_path: Path
) -> None:
    def stage(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=VisitState.APPROVED)

    sqlite_db.write_now(stage)
    reviewer, boss = chat(sqlite_db, REVIEWER, tmp_path), chat(sqlite_db, COORDINATOR, tmp_path)
    assert "未发现问题" in await reviewer.say("更正 001")
    assert "没有看懂" in await reviewer.say("改成有问题")
    assert "已更正" in await reviewer.say("1 发现问题已责令改正 复核照片发现过期原料")
    at_once = profile_with(SC, start_problem=ClockStart.INSPECTION_ENDED)
    sqlite_db.write_now(publish_approved, now=at("2026-09-22 10:00"), profile=at_once, calendar=CALENDAR)
    await reviewer.say("更正 001")
    with pytest.raises(Problem, match="联席会议办公室"):
        await reviewer.say("2 R08 需要立案")
    await boss.say("更正 001")
    assert "已更正" in await boss.say("2 R08 需要立案")
    codes = sqlite_db.read_now(lambda s: [r.codes for r in item_results(s, 1)])
    assert codes == [["R05"], ["R08"]]
    assert len(sqlite_db.read_now(lambda s: list(s.exec(select(Publication))))) == 2
    assert all(
        r.reason
        for r in sqlite_db.read_now(lambda s: list(s.exec(select(ItemResult).where(ItemResult.version > 1))))
    )
