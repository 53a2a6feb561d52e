"""登记处理 in chat, from the problem to its end: every state but the last can take the next handling (C23)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.followups.messages import followup_opened
from bot.inspection.followups.models import FollowUp, FollowUpState, Transfer
from bot.inspection.followups.rules import MOVES, STATE_AFTER, Handling
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.tasks.models import VisitState
from tests.handlers.test_events_chat import Office
from tests.inspection.decided import LEAD, P1, P2, visit
from tests.inspection.test_followups import tick
from tests.inspection.test_transfers import FIRE, HEAD, NOW, problem

S = FollowUpState
TWO = "followup:2"  # ordered by rule; the one of the helper waits for a decision


def both(session: Session) -> None:
    problem(session)
    visit(session, 2, [["R02"], ["R01"]], state=VisitState.APPROVED, problem="年度报告未公示")
    tick(session)


@pytest.fixture
def office(sqlite_db: Database, tmp_path: Path) -> Office:
    sqlite_db.write_now(both)
    return Office(sqlite_db, tmp_path, NOW, "SC")


def opened_for(session: Session, person: int) -> list[str]:
    """The verbs on the card of problem 1."""
    query = select(Notice).where(Notice.kind == "followup_opened", Notice.subject == "followup:1")
    notice = session.exec(query.where(Notice.recipient_id == person)).one()
    content = followup_opened(session, notice, NOW)
    assert isinstance(content, Content)
    return [ask.verb for ask in content.asks]


async def state(office: Office, number: int = 2) -> str:
    return await office.db.read(lambda session: session.get_one(FollowUp, number).state)


async def put(office: Office, to: FollowUpState) -> None:
    def change(session: Session) -> None:
        session.get_one(FollowUp, 2).state = to

    await office.db.write(change)


@pytest.mark.parametrize("now", [s for s in S if s not in (S.CLOSED, S.CORRECTED)])
@pytest.mark.parametrize("handling", list(Handling))
async def test_every_state_takes_what_its_moves_allow_and_offers_nothing_else(
    office: Office, now: FollowUpState, handling: Handling
) -> None:
    await put(office, now)
    for person in (P1, LEAD):
        assert "handle_followup" in await office.card(person, "followup_opened")
    offered = await office.press(P1, "handle_followup", TWO)
    if STATE_AFTER[handling] not in MOVES[now]:
        assert f"- {handling} " not in offered
        with pytest.raises(Problem) as refused:
            await office.say(P1, f"{handling} 一号")
        assert refused.value.key == "wrong_state"
        return
    assert f"- {handling} " in offered
    said = await office.say(P1, f"{handling} 一号")
    if handling is Handling.CRIME:
        assert "三日内决定" in said
        assert await office.card(P1, "followup_opened") == []
        return
    assert await state(office) == STATE_AFTER[handling]


async def test_an_order_that_is_not_obeyed_becomes_a_case_that_gets_its_outcome_and_closes(
    office: Office,
) -> None:
    await office.press(P2, "handle_followup", TWO)
    assert await office.say(P2, "立案 山市监立12号") == "已登记：已立案。"
    assert await office.card(P1, "followup_opened") == ["handle_followup"]
    offered = await office.press(P1, "handle_followup", TWO)
    assert "现在是“已立案”" in offered
    assert "处罚决定" in offered
    assert await office.say(P1, "办结 山市监罚3号，罚款2000元") == "已登记：已办结。"
    found = await office.db.read(lambda session: session.get_one(FollowUp, 2))
    assert (found.report, found.closing_note) == ("立案：山市监立12号", "山市监罚3号，罚款2000元")
    assert await office.card(P1, "followup_opened") == []
    assert "已办结" in await office.press(P1, "handle_followup", TWO)


async def test_the_number_of_a_case_stays_beside_its_outcome(office: Office) -> None:
    for words in ("立案 12号", "不予处罚 情节轻微"):
        await office.press(P1, "handle_followup", TWO)
        await office.say(P1, words)
    found = await office.db.read(lambda session: session.get_one(FollowUp, 2))
    assert (found.state, found.report) == (S.NO_PENALTY, "立案：12号；不予处罚：情节轻微")


async def test_while_a_suspected_crime_waits_nothing_else_is_recorded(office: Office) -> None:
    """Else the head approves, and what was closed meanwhile can never be handed over (JZ-28.7)."""
    await office.press(P1, "handle_followup", "followup:1")
    await office.say(P1, "涉嫌犯罪 生产销售伪劣产品")
    for verb in ("handle_followup", "close_followup"):
        with pytest.raises(Problem, match="已报涉嫌犯罪，等单位负责人决定"):
            await office.press(P2, verb, "followup:1")
    assert await office.db.read(lambda session: opened_for(session, LEAD)) == []
    await office.press(HEAD, "approve_crime", "transfer:1")
    with pytest.raises(Problem, match="已批准移送"):
        await office.press(P2, "handle_followup", "followup:1")
    await office.press(P1, "hand_over_crime", "transfer:1")
    await office.say(P1, "山公移1号")
    assert await state(office, 1) == S.TRANSFERRED
    await office.press(P1, "handle_followup", "followup:1")
    assert await office.say(P1, "办结 公安机关已立案") == "已登记：已办结。"


async def test_a_crime_that_is_not_handed_over_gives_the_problem_back(office: Office) -> None:
    await office.press(P1, "handle_followup", "followup:1")
    await office.say(P1, "涉嫌犯罪 事实")
    await office.press(HEAD, "refuse_crime", "transfer:1")
    await office.say(HEAD, "未达追诉标准")
    await office.press(P1, "handle_followup", "followup:1")
    assert await office.say(P1, "立案 12号") == "已登记：已立案。"


async def test_of_two_people_with_other_words_the_second_reads_that_hers_were_not_kept(
    office: Office,
) -> None:
    """移送 to two receivers: only the first was told, and both read 已登记."""
    for person in (P1, LEAD):
        await office.press(person, "handle_followup", "followup:1")
    assert await office.say(P1, "移送 消防救援大队") == "已登记：已移送。"
    with pytest.raises(Problem, match="没有登记“移送：生态环境局”"):
        await office.say(LEAD, "移送 生态环境局")
    transfers = await office.db.read(lambda session: session.exec(select(Transfer)).all())
    assert [one.receiver for one in transfers] == ["消防救援大队"]
    assert await office.card(FIRE, "transfer_received") == ["receive_transfer"]


async def test_the_same_words_twice_are_one_handling(office: Office) -> None:
    for person in (P1, LEAD):
        await office.press(person, "handle_followup", TWO)
    for person in (P1, LEAD):
        assert await office.say(person, "立案 12号") == "已登记：已立案。"


async def test_an_order_in_other_words_does_not_replace_the_first(office: Office) -> None:
    for person in (P1, LEAD):
        await office.press(person, "handle_followup", "followup:1")
    assert "限期整改中" in await office.say(P1, "责令改正 5日内清理通道")
    with pytest.raises(Problem, match="没有登记"):
        await office.say(LEAD, "责令改正 60日内清理通道")
