"""Photos and positions sent in chat: into the question asked, or offered to the form being filled (C17, C19)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.checklists.definition import parse_checklist
from bot.inspection.checklists.models import Evidence
from bot.inspection.tasks.models import CheckIn, Visit, VisitState
from bot.inspection.tasks.service import check_in
from bot.messaging.talks import open_talk
from tests.fakes.desk import PROFILE
from tests.fakes.visits import LI, VISIT, WANG, make_visit
from tests.handlers.test_chat_checklist import Chat

BAD = {"codes": ["R05"], "action": "CORRECT"}
LIST = parse_checklist(
    {
        "code": "P-1",
        "version": 1,
        "name": "现场检查表",
        "questions": [
            {"key": "1", "text": "台账齐全？", "type": "YN", "on_bad": BAD},
            {"key": "2", "text": "检查地点", "type": "PLACE"},
            {"key": "3", "text": "全景照片", "type": "PHOTO"},
        ],
    }
)


@pytest.fixture
def chat(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> Chat:
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=(LIST,))
    for person in (WANG, LI):
        sqlite_db.write_now(check_in, visit_id=VISIT, person_id=person, now=clock.now(), profile=PROFILE)
    return Chat(sqlite_db, clock, tmp_path)


async def begun(chat: Chat) -> None:
    """The form is open and nobody talks."""
    await chat.presses()
    await chat.says("暂停")
    assert chat.talk() is None


def attached(chat: Chat) -> list[str]:
    return chat.db.read_now(lambda s: [e.question for e in s.exec(select(Evidence).order_by(Evidence.id))])


async def test_a_position_answers_the_question_that_asks_for_one(chat: Chat) -> None:
    await chat.presses()
    assert "检查地点" in (await chat.says("是")).text
    assert "第2项：22.630000,110.150000" in (await chat.stands(22.63, 110.15)).text
    assert chat.draft()["P-1:2"]["value"] == "22.630000,110.150000"


async def test_a_position_beside_another_question_changes_no_answer(chat: Chat) -> None:
    await chat.presses()
    await chat.stands(22.63, 110.15)
    assert chat.draft() == {}
    assert len(chat.db.read_now(lambda s: s.exec(select(CheckIn)).all())) == 2


async def test_a_photo_outside_any_talk_is_offered_to_the_question_that_wants_one(chat: Chat) -> None:
    await begun(chat)
    assert "第3项“全景照片”吗" in (await chat.sends("one")).text
    assert attached(chat) == []  # nobody said yes yet
    assert "2 张照片" in (await chat.sends("second")).text
    assert "2 张照片已归入第3项" in (await chat.says("是")).text
    assert attached(chat) == ["P-1:3", "P-1:3"]
    assert chat.draft()["P-1:3"]["value"] == "已拍照"
    assert chat.talk() is None


@pytest.mark.parametrize("words", ["第1项", "1", "１"])
async def test_its_sender_may_name_another_question(chat: Chat, words: str) -> None:
    await begun(chat)
    await chat.sends("one")
    assert "已归入第1项" in (await chat.says(words)).text
    assert attached(chat) == ["P-1:1"]


async def test_no_means_no_and_what_is_not_understood_is_asked_again(chat: Chat) -> None:
    await begun(chat)
    await chat.sends("one")
    assert "题号" in (await chat.says("第77项")).text
    assert "题号" in (await chat.says("今天天气不错")).text
    assert "没有归入" in (await chat.says("否")).text
    assert attached(chat) == []
    assert chat.talk() is None


async def test_a_talk_about_something_else_goes_on(chat: Chat) -> None:
    await begun(chat)
    chat.db.write_now(
        open_talk, chat.context.talk_key, topic="recusal_reason", now=chat.clock.now(), visit=VISIT, why=""
    )
    assert "先回复刚才的问题" in (await chat.sends("one")).text
    assert chat.talk().topic == "recusal_reason"


async def test_a_form_that_was_handed_in_meanwhile_takes_no_photo_and_asks_nothing_more(chat: Chat) -> None:
    await begun(chat)
    await chat.sends("one")

    def handed_in(session: Session) -> None:
        session.get_one(Visit, VISIT).state = VisitState.IN_REVIEW

    chat.db.write_now(handed_in)
    with pytest.raises(Problem, match="已提交"):
        await chat.says("是")
    assert chat.talk() is None
    assert attached(chat) == []


async def test_where_no_form_is_open_the_sender_is_told_what_to_do(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    sqlite_db.write_now(make_visit, now=clock.now())
    chat = Chat(sqlite_db, clock, tmp_path)
    assert "请先打开检查表" in (await chat.sends("one")).text
    assert chat.talk() is None
