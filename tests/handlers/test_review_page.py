"""What a reviewer reads beside a result: the score, the time each part took, and where the officers checked in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.definition import parse_checklist
from bot.inspection.checklists.queries import form_facts
from bot.inspection.checklists.service import Seen, save_draft
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.registry.placing import place_object
from bot.inspection.results.closing import Closing
from bot.inspection.results.judgement import judge
from bot.inspection.results.messages import review_request
from bot.inspection.results.quality import Flag, flags, sign_words
from bot.inspection.results.sheet import build_sheet
from bot.inspection.results.traces import trace
from bot.inspection.tasks.models import CheckIn, Task, Visit, VisitState
from bot.inspection.tasks.queries import visit_facts
from bot.inspection.tasks.service import check_in
from tests.fakes.desk import PROFILE, Desk
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import LI, REVIEWER, VISIT, WANG, make_visit

BAD = {"codes": ["R05"], "action": "CORRECT", "needs": ["note"]}
SCORED = parse_checklist(
    {
        "code": "S-1",
        "version": 1,
        "name": "评分检查表",
        "questions": [
            {"key": "1", "text": "台账齐全？", "type": "YN", "points": 60, "on_bad": BAD, "section": "台账"},
            {"key": "2", "text": "标签齐全？", "type": "YN", "points": 40, "on_bad": BAD, "section": "现场"},
        ],
    }
)
SHOP, NEXT_DOOR, OTHER_TOWN = (22.63, 110.15), (22.632, 110.151), (22.70, 110.15)


@pytest.fixture
def desk(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=(SCORED,))
    return Desk(sqlite_db, clock, tmp_path / "evidence")


@pytest.fixture
async def client(desk: Desk, tmp_path: Path) -> AsyncIterator[TestClient[Any, Any]]:
    app = make_form_app(desk.db, desk.clock, tmp_path)
    cookies = known_phones(desk.db, desk.clock, (REVIEWER,))
    async with TestClient(TestServer(app), cookies=cookies) as client:
        yield client


def arrive(desk: Desk, person: int, place: tuple[float, float]) -> None:
    desk.do(
        check_in, visit_id=VISIT, person_id=person, profile=PROFILE, latitude=place[0], longitude=place[1]
    )


def hand_in(desk: Desk) -> None:
    desk.open()
    answers = {"S-1:1": {"value": "是"}, "S-1:2": {"value": "否", "note": "三种商品没有标签"}}
    seen = Seen("p-1", {"S-1:台账": 380, "S-1:现场": 45})
    desk.db.write_now(
        save_draft, form_id=desk.form.id, person_id=WANG, changes=answers, base_version=0, seen=seen
    )
    desk.close(Closing(refusal_code="ABSENT", refusal_text="负责人外出"))
    desk.submit()


async def test_the_reviewer_reads_the_score_and_the_time_of_each_part(
    desk: Desk, client: TestClient[Any, Any]
) -> None:
    desk.arrive(WANG, LI)
    hand_in(desk)
    page = await client.get(f"/review/{client.app[LINKS].sign('review', [REVIEWER, VISIT])}")
    text = await page.text()
    assert "<dt>得分</dt><dd>60/100 分" in text
    assert "台账 6 分 20 秒" in text
    assert "现场 45 秒" in text


def test_the_score_stands_on_the_reviewers_card_and_on_the_record_sheet(desk: Desk) -> None:
    desk.arrive(WANG, LI)
    hand_in(desk)

    def shown(session: Session) -> tuple[Content, tuple[tuple[str, ...], ...]]:
        asked = session.exec(select(Notice).where(Notice.kind == "review_request")).one()
        card = review_request(session, asked, desk.clock.now())
        assert isinstance(card, Content)
        facts = form_facts(session, VISIT)
        sheet = build_sheet(
            session, facts, judge(facts, attempts_min=0), verify_url="http://x", now=desk.clock.now()
        )
        return card, sheet.answers

    card, rows = desk.db.read_now(shown)
    assert ("得分", "60/100 分") in card.facts
    assert rows[0] == ("评分检查表（得分 60/100 分）",)


@pytest.mark.parametrize(
    ("second", "signs"), [(NEXT_DOOR, []), (OTHER_TOWN, [Flag.APART])], ids=["next door", "another town"]
)
def test_officers_who_check_in_far_apart_are_flagged_and_not_refused(
    desk: Desk, second: tuple[float, float], signs: list[Flag]
) -> None:
    arrive(desk, WANG, SHOP)
    arrive(desk, LI, second)
    assert desk.visit().state == VisitState.ON_SITE
    assert [flag for flag in seen_flags(desk) if flag in (Flag.APART, Flag.ELSEWHERE)] == signs


def test_a_check_in_far_from_where_the_object_was_found_before_is_flagged(desk: Desk) -> None:
    arrive(desk, WANG, OTHER_TOWN)
    arrive(desk, LI, OTHER_TOWN)
    assert Flag.ELSEWHERE not in seen_flags(desk)  # nobody knows where it is

    def was_found(session: Session) -> None:
        task, visit = session.get_one(Task, 1).model_dump(), session.get_one(Visit, VISIT).model_dump()
        session.add(Task(**{**task, "id": 2, "number": "T-2"}))
        session.flush()
        session.add(
            Visit(**{**visit, "id": 9, "task_id": 2, "number": "V-9", "reviewed_at": desk.clock.now()})
        )
        session.flush()
        session.add(
            CheckIn(visit_id=9, person_id=WANG, at=desk.clock.now(), latitude=SHOP[0], longitude=SHOP[1])
        )

    desk.db.write_now(was_found)
    assert Flag.ELSEWHERE in seen_flags(desk)


@pytest.mark.parametrize(
    ("second", "said"),
    [(NEXT_DOOR, []), (OTHER_TOWN, ["有签到位置离该户登记的位置 7784 米"])],
    ids=["next door", "another town"],
)
async def test_a_check_in_far_from_the_registered_place_is_flagged_in_metres_and_not_refused(
    desk: Desk, client: TestClient[Any, Any], second: tuple[float, float], said: list[str]
) -> None:
    """C32: a person judges."""
    desk.db.write_now(place_object, object_id=1, place=SHOP, now=desk.clock.now())
    arrive(desk, WANG, SHOP)
    arrive(desk, LI, second)
    assert desk.visit().state == VisitState.ON_SITE
    seen = desk.db.read_now(lambda s: sign_words(trace(s, visit_facts(s, VISIT))))
    assert [words for words in seen if "登记的位置" in words] == said
    page = await client.get(f"/review/{client.app[LINKS].sign('review', [REVIEWER, VISIT])}")
    body = await page.text()
    assert all(words in body for words in said)
    chained = desk.db.read_now(
        lambda s: [e.data for e in s.exec(select(AuditEntry).where(AuditEntry.action == "visit.checked_in"))]
    )
    assert [entry["metres_away"] for entry in chained] == [0, 7784 if said else 245]


def test_a_place_that_is_nowhere_is_no_place(desk: Desk) -> None:
    desk.db.write_now(place_object, object_id=1, place=SHOP, now=desk.clock.now())
    arrive(desk, WANG, (999.0, 110.15))
    arrive(desk, LI, SHOP)
    kept = desk.db.read_now(lambda s: s.exec(select(CheckIn.latitude).order_by(CheckIn.id)).all())  # type: ignore[arg-type]
    assert list(kept) == [None, SHOP[0]]
    assert not set(seen_flags(desk)) & {Flag.APART, Flag.AWAY}


def test_without_a_registered_place_nobody_knows_how_far(desk: Desk) -> None:
    arrive(desk, WANG, OTHER_TOWN)
    arrive(desk, LI, OTHER_TOWN)
    assert Flag.AWAY not in seen_flags(desk)


def seen_flags(desk: Desk) -> tuple[Flag, ...]:
    return desk.db.read_now(lambda s: flags(trace(s, visit_facts(s, VISIT))))
