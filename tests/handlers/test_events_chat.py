"""培训签到、报线索、移送、涉嫌犯罪、回访: the conversations of what happens beside a round, button by button."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.links import Links
from bot.inspection.followups.models import Clue, FollowUp, Transfer
from bot.inspection.followups.return_models import ReturnVisit
from bot.inspection.followups.returns import officers_of
from bot.inspection.messages import KINDS
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice, Talk
from bot.inspection.people.models import Training, TrainingAttempt
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import VisitOfficer
from bot.messaging.actions import Action
from bot.messaging.render import Renderer
from bot.messaging.router import Context
from bot.platforms.base import Capabilities, InboundEvent, InboundKind
from handlers.chat import make_router
from tests.fakes.builders import make_enterprise, make_object
from tests.inspection import test_clues, test_quiz, test_returns, test_training
from tests.inspection.decided import CALENDAR, P1
from tests.inspection.test_transfers import FIRE, HEAD, NOW, problem

ROUTER = make_router()


class Office:
    """One database, and everybody who presses and types in it."""

    def __init__(self, db: Database, folder: Path, now: dt.datetime, profile: str) -> None:
        self.db, self.now, self.profile, self.folder = db, now, load_profile(profile), folder

    def context(self, person: int, **fields: Any) -> Context:
        event = InboundEvent(
            platform="wecom", event_id="1", kind=InboundKind.TEXT, user_id=f"u{person}", at=self.now
        )
        return Context(
            event=event, person_id=person, db=self.db, clock=ManualClock(self.now),
            links=Links("http://suicha.test", "secret-for-tests-only"), settings=Settings(data_dir=self.folder),
            platform=SimpleNamespace(), profile=self.profile, calendar=CALENDAR, **fields,
        )  # type: ignore[arg-type]  # fmt: skip

    async def press(self, person: int, verb: str, subject: str) -> str:
        return (await ROUTER.actions[verb](self.context(person, action=Action(verb, subject)))).text

    async def say(self, person: int, words: str) -> str:
        """The words go to the open talk, or to the command they begin with."""
        talk = await self.db.read(lambda session: session.get(Talk, f"wecom:u{person}"))
        if talk is not None:
            return (
                await ROUTER.talks[talk.topic](self.context(person, words=words, talk=dict(talk.data)))
            ).text
        found = ROUTER.find_command(words)
        assert found is not None, words
        return (await found[0](self.context(person, words=found[1]))).text

    async def card(self, person: int, kind: str) -> list[str]:
        """The verbs on the newest card of *kind* the person has."""

        def look(session: Session) -> list[str]:
            query = select(Notice).where(Notice.kind == kind, Notice.recipient_id == person)
            notice = session.exec(query).all()[-1]
            content = KINDS[kind].content(session, notice, self.now)
            assert isinstance(content, Content)
            return [ask.verb for ask in content.asks]

        return await self.db.read(look)


@pytest.fixture(autouse=True)
def every_message_can_be_read(sqlite_db: Database) -> Iterator[None]:
    """After each talk whatever was promised is rendered from the rows there are, not from samples."""
    yield
    renderer = Renderer(Links("https://suicha.example.cn", "k" * 24))

    def look(session: Session) -> int:
        told = session.exec(select(Notice)).all()
        for notice in told:
            content = KINDS[notice.kind].content(session, notice, NOW + dt.timedelta(days=30))
            if isinstance(content, Content):
                message = renderer.message(
                    notice.kind, content, subject=notice.subject, generation=notice.generation,
                    person_id=notice.recipient_id, capabilities=Capabilities(), card_id="c" * 26,
                )  # fmt: skip
                assert message.title.strip()
                assert "None" not in message.title + message.body
        return len(told)

    assert sqlite_db.read_now(look)


@pytest.fixture
def office(sqlite_db: Database, tmp_path: Path) -> Office:
    return Office(sqlite_db, tmp_path, NOW, "SC")


async def test_the_receiver_presses_and_the_transfer_is_confirmed(office: Office) -> None:
    number = (await office.db.write(problem)).id
    await office.press(P1, "handle_followup", f"followup:{number}")
    assert await office.say(P1, "移送 消防救援大队 占用消防通道") == "已登记：已移送。"
    assert await office.card(FIRE, "transfer_received") == ["receive_transfer"]
    assert await office.press(FIRE, "receive_transfer", "transfer:1") == ""
    assert await office.card(FIRE, "transfer_received") == []


async def test_a_paper_receipt_is_entered_by_its_handler(office: Office) -> None:
    number = (await office.db.write(problem)).id
    await office.press(P1, "handle_followup", f"followup:{number}")
    await office.say(P1, "移送 海关缉私分局")
    assert "回执文号" in await office.press(P1, "enter_receipt", "transfer:1")
    assert await office.say(P1, "关缉3号") == "已登记回执。"
    assert (await office.db.read(lambda s: s.get_one(Transfer, 1))).receipt == "关缉3号"


async def test_a_suspected_crime_goes_from_handler_to_head_and_back_to_its_hand_over(office: Office) -> None:
    number = (await office.db.write(problem)).id
    await office.press(P1, "handle_followup", f"followup:{number}")
    assert "三日内决定" in await office.say(P1, "涉嫌犯罪 生产销售伪劣产品")
    assert await office.card(HEAD, "crime_suspected") == ["approve_crime", "refuse_crime"]
    with pytest.raises(Problem):
        await office.press(P1, "approve_crime", "transfer:1")
    assert "03月11日 10:00 前移送" in await office.press(HEAD, "approve_crime", "transfer:1")
    assert await office.press(HEAD, "approve_crime", "transfer:1") != "", (
        "pressed again it says the same term"
    )
    assert await office.card(HEAD, "crime_suspected") == []
    assert await office.card(P1, "crime_decided") == ["hand_over_crime"]
    await office.press(P1, "hand_over_crime", "transfer:1")
    assert "已登记移送" in await office.say(P1, "山公移1号")
    found = await office.db.read(lambda s: s.get_one(FollowUp, number))
    assert (found.state, found.report) == ("TRANSFERRED", "涉嫌犯罪，移送司法机关：山公移1号")


async def test_the_head_refuses_with_a_reason(office: Office) -> None:
    number = (await office.db.write(problem)).id
    await office.press(P1, "handle_followup", f"followup:{number}")
    await office.say(P1, "涉嫌犯罪 事实")
    assert "理由" in await office.press(HEAD, "refuse_crime", "transfer:1")
    assert "已决定不移送" in await office.say(HEAD, "未达追诉标准")
    assert (await office.db.read(lambda s: s.get_one(Transfer, 1))).reason == "未达追诉标准"


async def test_a_return_visit_is_recorded_by_press_or_in_one_sentence(
    sqlite_db: Database, tmp_path: Path
) -> None:
    office = Office(sqlite_db, tmp_path, test_returns.NOW, "ZJ")

    def drawn(session: Session) -> dict[int, list[int]]:
        test_returns.draw(session, test_returns.finished(session, visits=2), "100")
        made = session.exec(select(ReturnVisit).order_by(ReturnVisit.id)).all()  # type: ignore[arg-type]
        return {one.id or 0: officers_of(session, one.id or 0) for one in made}

    (first, staff), (second, others) = (await office.db.write(drawn)).items()
    assert await office.press(staff[0], "return_clean", f"return:{first}") == ""
    assert "发现的问题" in await office.press(others[0], "return_problem", f"return:{second}")
    assert "已登记" in await office.say(others[0], "后厨无消毒设施")
    found = await office.db.read(lambda s: [s.get_one(ReturnVisit, n).differs for n in (first, second)])
    assert found == [False, True]


async def test_an_officer_attends_by_saying_the_code(sqlite_db: Database, tmp_path: Path) -> None:
    office = Office(sqlite_db, tmp_path, test_training.HELD, "default")

    def begin(session: Session) -> tuple[int, str]:
        code = test_training.plan(session)[1]
        test_training.drawn(session)
        return session.exec(select(VisitOfficer.person_id)).first() or 0, code

    person, code = await office.db.write(begin)
    assert "签到码" in await office.say(person, "培训签到")
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in code)
    assert "已签到：双随机业务培训" in await office.say(person, f"培训签到 {full_width}")
    assert len(await office.db.read(lambda s: s.exec(select(Training)).all())) == 1


def quiz_before_a_visit(session: Session) -> tuple[int, str]:
    """An officer of a drawn visit, and the code on the wall of a training that ends with a quiz."""
    code = test_quiz.plan(session)[1]
    test_training.drawn(session)
    return session.exec(select(VisitOfficer.person_id)).first() or 0, code


async def test_an_officer_answers_the_quiz_of_a_training_until_it_is_passed(
    sqlite_db: Database, tmp_path: Path
) -> None:
    """C14: from the code on the wall through a wrong answer, one taken back, to the pass mark."""
    office = Office(sqlite_db, tmp_path, test_training.HELD, "default")

    person, code = await office.db.write(quiz_before_a_visit)
    assert "没有待完成" in await office.say(person, "培训测验")
    begun = await office.say(person, f"培训签到 {code}")
    assert "80 分合格" in begun
    assert "第 1 题，共 3 题：执法人员不得少于几人？\nA. 一人" in begun
    assert "请回复一个选项字母" in await office.say(person, "两人")
    assert "第 2 题，共 3 题（多选）" in await office.say(person, "a")
    assert "第 1 题" in await office.say(person, "上一题")
    for words, then in (("Ｂ", "第 2 题"), ("C、A", "第 3 题"), ("A", "测验 66 分，80 分合格")):
        assert then in await office.say(person, words)
    assert "第 1 题" in await office.say(person, "培训测验")
    for words, then in (
        ("b", "第 2 题"),
        ("ac", "第 3 题"),
        ("b", "测验合格（100 分）。培训记录有效期至 2026年"),
    ):
        assert then in await office.say(person, words)
    assert "没有待完成" in await office.say(person, "测验")


async def test_a_kill_while_a_quiz_is_handed_in_keeps_both_attempt_and_talk_or_neither(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same letter again is then the one attempt; the validity told is that of the officer's own line."""
    office = Office(sqlite_db, tmp_path, test_training.HELD, "default")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    def shorten(session: Session) -> None:
        session.exec(select(Training)).one().valid_to = dt.date(2026, 6, 30)

    person, code = await office.db.write(quiz_before_a_visit)
    for words in (f"培训签到 {code}", "B", "AC"):
        await office.say(person, words)
    await office.db.write(shorten)
    with monkeypatch.context() as patch:
        patch.setattr("handlers.chat.training_quiz.close_talk", killed)
        with pytest.raises(KeyboardInterrupt):
            await office.say(person, "B")
    assert await office.db.read(lambda s: s.exec(select(TrainingAttempt)).all()) == []
    assert "测验合格（100 分）。培训记录有效期至 2026年06月30日" in await office.say(person, "B")
    assert "有效期至 2026年06月30日" in await office.say(person, f"培训签到 {code}")


async def test_what_an_officer_sees_outside_the_items_becomes_a_clue(
    sqlite_db: Database, tmp_path: Path
) -> None:
    office = Office(sqlite_db, tmp_path, test_clues.TEN, "default")

    def begin(session: Session) -> tuple[int, int]:
        department, _ = test_clues.authority(session)
        shop = make_object(session, name="老街面馆", industry="餐饮")
        officer = test_clues.make_officer(session, department).id or 0
        return officer, make_enterprise(session, shop.id or 0).id or 0

    officer, owner = await office.db.write(begin)
    assert "写明对象和问题" in await office.say(officer, "报线索")
    assert "已登记线索 XS-20260310-" in await office.say(officer, "报线索 老街面馆 后厨堆放过期原料")
    assert "承办人员和负责人已收到通知" in await office.say(officer, "报线索 河边有人无证摆摊")
    clues = await office.db.read(lambda s: s.exec(select(Clue).order_by(Clue.id)).all())  # type: ignore[arg-type]
    assert [(c.source, c.object_name, c.content) for c in clues] == [
        ("FOUND", "老街面馆", "后厨堆放过期原料"),
        ("FOUND", "", "河边有人无证摆摊"),
    ]
    with pytest.raises(Problem) as refused:
        await office.say(owner, "报线索 隔壁也有问题")
    assert refused.value.key == "forbidden"
