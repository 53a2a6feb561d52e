"""逐项问答: a checklist answered in chat, into the same draft as the page (C17)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from sqlmodel import select

from bot.core.clock import ManualClock
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.links import Links
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.checklists.models import Evidence, VisitForm
from bot.inspection.notices.models import Notice
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.service import check_in
from bot.messaging.actions import Action
from bot.messaging.media import fetched
from bot.messaging.router import Context, Reply
from bot.messaging.talks import current
from bot.platforms.base import ErrorClass, InboundEvent, InboundKind, Media, PlatformError
from handlers.chat import make_router
from tests.fakes.platform import FakePlatform
from tests.fakes.visits import HE, LI, SUN, VISIT, WANG, make_visit, picture, untrain
from tests.inspection.mixed_checklist import MIXED

PROFILE = load_profile("default")
router = make_router()


class Camera(FakePlatform):
    """Gives a photo for every media id; ``gone`` has expired."""

    async def fetch_media(self, media_id: str) -> Media:
        if media_id == "gone":
            raise PlatformError("40007", "invalid media_id", cls=ErrorClass.BUG)
        return Media(picture(len(media_id)), "image/jpeg")


class Chat:
    """One officer's chat, routed as dispatch does it."""

    def __init__(self, db: Database, clock: ManualClock, folder: Path) -> None:
        self.db, self.clock = db, clock
        event = InboundEvent("wecom", "e", InboundKind.TEXT, "wang", clock.now())
        self.context = Context(
            event=event,
            person_id=WANG,
            db=db,
            clock=clock,
            links=Links("http://x", "secret-for-tests-only"),
            settings=Settings(data_dir=folder, _env_file=None),  # type: ignore[call-arg]
            platform=Camera(),
            profile=PROFILE,
            calendar=WorkCalendar.load(),
        )

    async def says(self, words: str) -> Reply:
        talk = self.talk()
        command = router.find_command(words)
        context = replace(self.context, words=words, talk=dict(talk.data) if talk else {})
        if command and (talk is None or not command[1]):
            return await command[0](replace(context, words=command[1]))
        assert talk is not None, words
        return await router.talks[talk.topic](context)

    async def sends(self, media_id: str) -> Reply:
        talk = self.talk()
        event = structs.replace(self.context.event, kind=InboundKind.IMAGE, media_id=media_id)
        store = EvidenceStore(self.context.settings.data_dir / "evidence", self.context.settings.max_upload)
        event = await fetched(event, self.context.platform, store)
        data = dict(talk.data) if talk else {}
        handler = router.media.get(talk.topic if talk else "") or router.media[""]
        return await handler(replace(self.context, event=event, talk=data))

    async def stands(self, latitude: float, longitude: float) -> Reply:
        """Send the phone's position."""
        talk = self.talk()
        event = structs.replace(
            self.context.event,
            kind=InboundKind.LOCATION,
            latitude=latitude,
            longitude=longitude,
            label="路口",
        )
        handler = router.media.get(f"place:{talk.topic}" if talk else "") or router.media["place"]
        return await handler(replace(self.context, event=event, talk=dict(talk.data) if talk else {}))

    async def presses(self) -> Reply:
        action = Action("ask_by_chat", f"visit:{VISIT}")
        return await router.actions["ask_by_chat"](replace(self.context, action=action))

    def by(self, person_id: int) -> Chat:
        """The same service in another officer's hand."""
        other = Chat(self.db, self.clock, self.context.settings.data_dir)
        event = structs.replace(self.context.event, user_id=f"person-{person_id}")
        other.context = replace(self.context, person_id=person_id, event=event)
        return other

    def talk(self):  # type: ignore[no-untyped-def]
        return self.db.read_now(current, self.context.talk_key, now=self.clock.now())

    def draft(self) -> dict[str, dict[str, str]]:
        draft: dict[str, dict[str, str]] = self.db.read_now(lambda s: s.exec(select(VisitForm)).one().draft)
        return draft


def ready(db: Database, clock: ManualClock, folder: Path, *, code: str = "") -> Chat:
    db.write_now(make_visit, now=clock.now(), checklists=(load_checklist(code) if code else MIXED,))
    for person in (WANG, LI):
        db.write_now(check_in, visit_id=VISIT, person_id=person, now=clock.now(), profile=PROFILE)
    return Chat(db, clock, folder)


@pytest.fixture
def chat(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> Chat:
    return ready(sqlite_db, clock, tmp_path)


async def test_the_whole_checklist_can_be_answered_in_chat(chat: Chat, sqlite_db: Database) -> None:
    asked = await chat.presses()
    assert "是否经营冷冻食品？" in asked.text
    assert "1 是，2 否" in asked.text
    assert "冷柜温度" in (await chat.says("是")).text
    assert "许可证到期日" in (await chat.says("零下18度")).text
    assert "经营方式" in (await chat.says("2027年1月31日")).text
    assert "请写明情况" in (await chat.says("无证")).text
    assert "检查方式" in (await chat.says("现场未能出示许可证")).text
    assert "门头照片" in (await chat.says("1 3")).text
    end = await chat.sends("m1")
    assert "请被检查单位打开签字页签字" in end.text
    assert end.links[0][1].startswith("/form/")
    draft = chat.draft()
    assert draft["T-1:2"]["value"] == "-18"
    assert (draft["T-1:4"]["value"], draft["T-1:4"]["note"]) == ("无证", "现场未能出示许可证")
    assert draft["T-1:5"]["value"] == "实地检查、网络监测"
    evidence = sqlite_db.read_now(lambda s: s.exec(select(Evidence)).one())
    assert (evidence.question, evidence.source) == ("T-1:6", "WECOM")

    assert "记录表还没有签字" in (await chat.says("提交")).text
    assert "已按未签字关闭" in (await chat.says("拒签 负责人外出，店员拒绝签字")).text
    assert "还差执法人员签名：王建国、李秀英" in (await chat.says("提交")).text
    assert "同伴签名后" in (await chat.says("签名")).text
    assert "可以提交审核" in (await chat.by(LI).says("签名")).text
    done = await chat.says("提交")
    assert "已提交审核" in done.text
    assert chat.talk() is None
    assert sqlite_db.read_now(lambda s: s.get_one(Visit, VISIT)).state == VisitState.IN_REVIEW


async def test_a_bad_answer_asks_for_note_and_photo_before_it_goes_on(chat: Chat) -> None:
    await chat.presses()
    assert "请写明情况" in (await chat.says("否")).text
    assert "请发送现场照片" in (await chat.says("冷柜停用，仍有冻品")).text
    assert "许可证到期日" in (await chat.sends("m1")).text


async def test_nothing_is_guessed_from_an_unclear_answer(chat: Chat) -> None:
    await chat.presses()
    reply = await chat.says("大概吧")
    assert "没有看懂" in reply.text
    assert chat.draft() == {}


async def test_one_can_go_back_undo_skip_look_and_pause(chat: Chat) -> None:
    await chat.presses()
    await chat.says("是")
    assert "是否经营冷冻食品" in (await chat.says("上一项")).text
    assert "已撤回" in (await chat.says("撤回")).text
    assert chat.draft()["T-1:1"]["value"] == ""
    assert "许可证到期日" in (await chat.says("跳过")).text
    assert "已答 0/" in (await chat.says("查看")).text
    assert "已暂存" in (await chat.says("暂停")).text
    assert chat.talk() is None
    again = await chat.says("逐项")
    assert "是否经营冷冻食品" in again.text


async def test_what_was_skipped_is_asked_again_at_the_end(chat: Chat) -> None:
    await chat.presses()
    await chat.says("跳过")
    await chat.says("2027-01-31")
    await chat.says("零售")
    await chat.says("实地检查")
    assert "是否经营冷冻食品" in (await chat.sends("m1")).text


async def test_a_photo_that_cannot_be_fetched_is_said_so(chat: Chat) -> None:
    await chat.presses()
    with pytest.raises(Problem, match="再发一次"):
        await chat.sends("gone")


async def test_the_gates_hold_in_chat_too(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> None:
    chat = ready(sqlite_db, clock, tmp_path)
    sqlite_db.write_now(untrain, WANG)
    with pytest.raises(Problem, match="业务培训"):
        await chat.presses()
    assert [n.kind for n in sqlite_db.read_now(lambda s: list(s.exec(select(Notice))))].count(
        "training_missing"
    ) == 1


async def test_in_chat_too_a_department_answers_with_two_officers_of_its_own(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    lists = (load_checklist("CL-1"), load_checklist("CL-4"))
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=lists, item_departments=(1, 2))
    chat = Chat(sqlite_db, clock, tmp_path)

    async def arrives(*people: int) -> None:
        for person in people:
            sqlite_db.write_now(check_in, visit_id=VISIT, person_id=person, now=clock.now(), profile=PROFILE)

    await arrives(WANG, LI, HE)
    with pytest.raises(Problem, match="本部门的同伴"):
        await chat.presses()
    await arrives(SUN)
    assert "共 12 项" in (await chat.presses()).text


async def test_a_number_picks_the_visit_and_nothing_open_is_said_so(chat: Chat, sqlite_db: Database) -> None:
    assert "是否经营冷冻食品" in (await chat.says("逐项问答 0001-001")).text
    await chat.says("暂停")
    assert "请回复其中一行" in (await chat.says("逐项 999")).text

    def close(session):  # type: ignore[no-untyped-def]
        session.get_one(Visit, VISIT).state = VisitState.APPROVED

    sqlite_db.write_now(close)
    assert "没有可以填写的检查" in (await chat.says("逐项")).text


async def test_a_reading_may_come_with_the_answer_or_after_it(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    chat = ready(sqlite_db, clock, tmp_path, code="CL-6")
    await chat.presses()
    with_reading = load_checklist("CL-6")
    for question in with_reading.questions:
        reply = await chat.says(question.good)
        if question.reading is not None:
            assert f"请填写{question.reading.text}" in reply.text
            await chat.says("4度")
            break
    assert chat.draft()[f"CL-6:{question.key}"]["reading"] == "4"


async def test_an_answer_names_its_question_and_is_asked_for_what_it_lacks(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    chat = ready(sqlite_db, clock, tmp_path, code="CL-2")
    await chat.presses()
    said = await chat.says("3 否 标签缺失")
    assert "第3项：否" in said.text
    assert "照片" in said.text
    assert (chat.draft()["CL-2:3"]["value"], chat.draft()["CL-2:3"]["note"]) == ("否", "标签缺失")
    await chat.sends("m3")
    assert sqlite_db.read_now(lambda s: s.exec(select(Evidence)).one()).question == "CL-2:3"
    assert "第14项：是（4℃）" in (await chat.says("第14项 是 4℃")).text
    assert "**2 是否在醒目位置" in (await chat.says("回到第2项")).text
    assert "还差 22 项" in (await chat.says("还差什么")).text
    assert "3 否 标签缺失" in (await chat.says("怎么填")).text


async def test_what_could_mean_two_questions_is_asked_back_and_written_nowhere(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    chat = ready(sqlite_db, clock, tmp_path, code="CL-2")
    await chat.presses()
    await chat.says("回到第7项")
    before = chat.draft()
    assert "是第2项答“否”，还是这一项？" in (await chat.says("2 否 未公示")).text
    assert "没有第99项" in (await chat.says("第99项 否")).text
    assert chat.draft() == before
    assert "第7项：否" in (await chat.says("7 否 未配备")).text  # the one that is being asked


async def test_a_note_that_speaks_of_a_third_thing_stays_a_note(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    chat = ready(sqlite_db, clock, tmp_path, code="CL-2")
    await chat.presses()
    await chat.says("否")
    await chat.says("第3条记录与许可证不符")
    assert chat.draft()["CL-2:1"]["note"] == "第3条记录与许可证不符"
    assert "CL-2:3" not in chat.draft()


async def test_nothing_found_is_said_in_chat_and_a_correction_takes_it_back(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    chat = ready(sqlite_db, clock, tmp_path, code="CL-4")
    await chat.presses()
    last = None
    for question in load_checklist("CL-4").questions:
        last = await chat.says(question.good)
    assert last is not None
    assert "请回复“未发现问题”" in last.text
    assert "item:1" not in chat.draft()
    assert "全部答完了" in (await chat.says("未发现问题。")).text
    assert chat.draft()["item:1"]["value"] == "未发现问题"
    assert "请写明情况" in (await chat.says("第3项改为否")).text
    assert chat.draft()["item:1"]["value"] == ""
