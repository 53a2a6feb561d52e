"""通过、退回、登记处理、已整改、复查合格: the conversations after a result is handed in."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.links import Links
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.checklists.models import Evidence
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.service import open_for_approved
from bot.inspection.notices.models import Talk
from bot.inspection.results.models import Review
from bot.inspection.tasks.models import Visit, VisitState
from bot.messaging.actions import Action
from bot.messaging.media import fetched
from bot.messaging.router import Context
from bot.platforms.base import InboundEvent, InboundKind
from handlers.chat import followups, review
from tests.inspection.decided import (
    CALENDAR,
    CONTACT,
    COORDINATOR,
    LEAD,
    P1,
    REVIEWER,
    SC,
    at,
    authority,
    visit,
)

NOW = at("2026-03-10 10:00")


class Person:
    """Somebody who presses and types."""

    def __init__(self, db: Database, person: int, folder: Path) -> None:
        picture = io.BytesIO()
        Image.new("RGB", (8, 8)).save(picture, "JPEG")
        self.context = Context(
            event=InboundEvent(
                platform="wecom",
                event_id="1",
                kind=InboundKind.BUTTON,
                user_id=f"u{person}",
                at=NOW,
                media_id="m1",
            ),
            person_id=person,
            db=db,
            clock=ManualClock(NOW),
            links=Links("http://suicha.test", "secret-for-tests-only"),
            settings=Settings(data_dir=folder),
            platform=SimpleNamespace(fetch_media=self._media),  # type: ignore[arg-type]
            profile=SC,
            calendar=CALENDAR,
        )
        self.picture = picture.getvalue()

    async def _media(self, _media_id: str) -> Any:
        return SimpleNamespace(body=self.picture)

    async def press(self, verb: str, subject: str) -> str:
        router = followups.router if verb in followups.router.actions else review.router
        context = dataclasses.replace(self.context, action=Action(verb, subject))
        return (await router.actions[verb](context)).text

    async def say(self, words: str) -> str:
        talk = await self.context.db.read(lambda session: session.get(Talk, self.context.talk_key))
        assert talk is not None, "nobody asked"
        talks = {**followups.router.talks, **review.router.talks}
        context = dataclasses.replace(self.context, words=words, talk=dict(talk.data))
        return (await talks[talk.topic](context)).text

    async def send_photo(self) -> str:
        talk = await self.context.db.read(lambda session: session.get(Talk, self.context.talk_key))
        assert talk is not None
        store = EvidenceStore(self.context.settings.data_dir / "evidence", self.context.settings.max_upload)
        event = await fetched(self.context.event, self.context.platform, store)
        context = dataclasses.replace(self.context, event=event, talk=dict(talk.data))
        return (await followups.router.media[talk.topic](context)).text


@pytest.fixture
def people(sqlite_db: Database, tmp_path: Path) -> dict[int, Person]:
    return {who: Person(sqlite_db, who, tmp_path) for who in (REVIEWER, COORDINATOR, LEAD, P1, CONTACT)}


People = dict[int, Person]


def handed_in(session: Session) -> None:
    authority(session)
    visit(session, 1, [["R01"], ["R01"]])


def with_problem(session: Session, code: str = "R02") -> int:
    authority(session)
    visit(session, 1, [[code], ["R01"]], state=VisitState.APPROVED, problem="年度报告未公示")
    open_for_approved(session, now=NOW, profile=SC, calendar=CALENDAR)
    return session.exec(select(FollowUp)).one().id or 0


def state_of(session: Session) -> tuple[str, str]:
    return session.get_one(Visit, 1).state, (session.exec(select(Review.reason)).first() or "")


def the_follow_up(session: Session) -> FollowUp:
    return session.exec(select(FollowUp)).one()


async def test_a_press_lets_pass_and_the_card_speaks(sqlite_db: Database, people: People) -> None:
    await sqlite_db.write(handed_in)
    assert await people[REVIEWER].press("approve", "visit:1") == ""
    assert await people[REVIEWER].press("approve", "visit:1") == ""
    assert (await sqlite_db.read(state_of))[0] == VisitState.APPROVED


async def test_a_return_asks_for_the_reason_and_takes_a_number(sqlite_db: Database, people: People) -> None:
    await sqlite_db.write(handed_in)
    assert "退回理由" in await people[REVIEWER].press("return", "visit:1")
    await people[REVIEWER].say("1")
    assert await sqlite_db.read(state_of) == (VisitState.RECORDED, "照片不完整或不清楚")
    assert "已退回" in await people[REVIEWER].press("return", "visit:1")


async def test_who_comes_second_hears_what_stands(sqlite_db: Database, people: People) -> None:
    await sqlite_db.write(handed_in)
    await people[REVIEWER].press("return", "visit:1")
    await people[COORDINATOR].press("approve", "visit:1")
    assert "此前已通过" in await people[REVIEWER].say("缺照片")
    assert "此前已通过" in await people[REVIEWER].press("return", "visit:1")
    assert (await sqlite_db.read(state_of))[0] == VisitState.APPROVED


async def test_an_officer_cannot_even_open_the_return(sqlite_db: Database, people: People) -> None:
    await sqlite_db.write(handed_in)
    with pytest.raises(Problem):
        await people[P1].press("return", "visit:1")


async def test_an_enterprise_reports_with_a_photo_and_the_handler_closes_with_one_press(
    sqlite_db: Database, people: People
) -> None:
    number = await sqlite_db.write(with_problem)
    await people[CONTACT].press("report_correction", f"followup:{number}")
    assert "照片已收到" in await people[CONTACT].send_photo()
    assert "已报告整改" in await people[CONTACT].say("已补报年报")
    assert len(await sqlite_db.read(lambda session: session.exec(select(Evidence)).all())) == 1
    assert await people[P1].press("close_followup", f"followup:{number}") == ""
    found = await sqlite_db.read(the_follow_up)
    assert (found.state, found.closing_note) == (FollowUpState.CLOSED, "复查合格")
    with pytest.raises(Problem):
        await people[CONTACT].press("report_correction", f"followup:{number}")


async def test_without_a_report_closing_asks_what_was_seen(sqlite_db: Database, people: People) -> None:
    number = await sqlite_db.write(with_problem)
    assert "复查情况" in await people[P1].press("close_followup", f"followup:{number}")
    assert (await sqlite_db.read(the_follow_up)).state == FollowUpState.ORDERED
    await people[P1].say("书面送达，已现场复查改正")
    assert (await sqlite_db.read(the_follow_up)).closing_note == "书面送达，已现场复查改正"


async def test_a_correction_that_does_not_hold_goes_back_with_a_term(
    sqlite_db: Database, people: People
) -> None:
    number = await sqlite_db.write(with_problem)
    await people[CONTACT].press("report_correction", f"followup:{number}")
    await people[CONTACT].say("已改")
    assert "期限 03月24日" in await people[P1].press("reject_correction", f"followup:{number}")
    assert (await sqlite_db.read(the_follow_up)).state == FollowUpState.ORDERED


async def test_an_open_problem_is_handled_by_words(sqlite_db: Database, people: People) -> None:
    number = await sqlite_db.write(with_problem, "R08")
    assert "责令改正" in await people[LEAD].press("handle_followup", f"followup:{number}")
    assert "请回复处理方式" in await people[LEAD].say("看着办")
    assert await people[LEAD].say("责令改正 5日内张贴公示栏") == "已登记：限期整改中，期限 03月15日。"
    found = await sqlite_db.read(the_follow_up)
    assert (found.due_on, found.order_text) == (dt.date(2026, 3, 15), "5日内张贴公示栏")
    assert "现在是“限期整改中”" in await people[P1].press("handle_followup", f"followup:{number}")
