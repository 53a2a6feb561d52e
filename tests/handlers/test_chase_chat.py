"""收到、稍后提醒、申请延期、请假、改派、今日待办: what officers and leads say about reminders (C13, C28)."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from sqlmodel import Session, col, select

from bot.core.clock import CHINA, ManualClock, china
from bot.core.config import Settings
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS, PAGES, SETTINGS
from bot.core.links import Links
from bot.inspection.deadlines.models import Deadline, Extension, Hush, LeaveRequest
from bot.inspection.draws.leave import affected
from bot.inspection.metrics.morning import lead_morning, queue_mornings
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Absence, PersonRole, Role
from bot.inspection.tasks.messages import visit_window
from bot.inspection.tasks.models import OfficerState, Task, Visit, VisitOfficer
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.service import accept_visit
from handlers.chat.chase import days_in
from handlers.web import duties, form_device
from handlers.web.keys import CALENDAR as CALENDAR_KEY
from handlers.web.pages import guard, make_environment
from tests.fakes.builders import make_person, team_of
from tests.fakes.chatting import KEY, Person
from tests.fakes.form_app import known_phones
from tests.fakes.reminding import CALENDAR, remind
from tests.inspection.test_draws import PROFILE, setting, whole


def at(day: int, hour: int = 9, minute: int = 0, month: int = 3) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=CHINA)


class World:
    """A locked draw of 2026-03-10 whose officers have all accepted, its lead, and one visit to talk about."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, ManualClock(at(10, 9, 30))
        self.task = db.write_now(setting)
        db.write_now(whole, self.task)
        self.visit = db.read_now(lambda s: s.exec(select(Visit.id).order_by(col(Visit.id))).first()) or 0
        self.lead = db.read_now(lambda s: leads_of(s, s.get_one(Task, self.task).lead_department_id)[0])
        self.team = db.read_now(team_of, self.visit)

    def accept_all(self) -> None:
        def accept(session: Session) -> None:
            for officer in session.exec(select(VisitOfficer)).all():
                accept_visit(
                    session, visit_id=officer.visit_id, person_id=officer.person_id, now=self.clock.now()
                )

        self.db.write_now(accept)

    def tick(self, moment: dt.datetime) -> None:
        self.clock.move_to(moment)
        self.db.write_now(remind, moment, PROFILE)

    def person(self, number: int) -> Person:
        return Person(self.db, number, self.clock)

    def told(self, kind: str, person: int) -> list[dt.datetime]:
        query = select(Notice).where(
            Notice.kind == kind, Notice.recipient_id == person, Notice.state == "queued"
        )
        if kind == "visit_window":
            query = query.where(Notice.subject == f"visit:{self.visit}")
        rows = self.db.read_now(lambda s: s.exec(query.order_by(col(Notice.not_before))).all())
        return [china(notice.not_before) for notice in rows]

    def window(self) -> int:
        query = select(Deadline.id).where(
            Deadline.kind == "visit_window", Deadline.subject == f"visit:{self.visit}"
        )
        return self.db.read_now(lambda s: s.exec(query).one()) or 0


@pytest.fixture
def world(sqlite_db: Database) -> World:
    made = World(sqlite_db)
    made.accept_all()

    def plan_late(session: Session) -> None:
        for visit in session.exec(select(Visit)):
            visit.planned_on, visit.reminded_on = dt.date(2026, 3, 31), None

    sqlite_db.write_now(plan_late)
    made.tick(at(10, 10))
    return made


async def test_c28_got_it_stops_the_chase_of_one_person_and_expires(world: World) -> None:
    """Window to 03-31: T-5 on 03-24, T-3 on 03-26, T-1 on 03-30."""
    first, second = world.team
    world.tick(at(24))
    assert world.told("visit_window", first) == world.told("visit_window", second) == [at(24)]
    words = await world.person(first).press("got_it", f"deadline:{world.window()}")
    assert "03月26日 09:00" in words
    world.tick(at(26, 8, 59))
    world.tick(at(26))  # expired with the morning of the 26th
    assert world.told("visit_window", first)[-1] == at(26)
    await world.person(first).press("got_it", f"deadline:{world.window()}")
    world.tick(at(27))
    world.tick(at(30))
    assert [d.day for d in world.told("visit_window", second)] == [
        24,
        26,
        30,
    ]  # the partner has to say so alone
    assert [d.day for d in world.told("visit_window", first)] == [
        30
    ]  # 24 and 26 were taken back when it was said


async def test_got_it_does_not_reach_past_the_last_day(world: World) -> None:
    first = world.team[0]
    world.tick(at(30))
    await world.person(first).press("got_it", f"deadline:{world.window()}")
    until = world.db.read_now(lambda s: s.exec(select(Hush.until)).one())
    assert china(until) == at(31)


async def test_the_card_of_who_said_got_it_says_so_and_the_partners_does_not(world: World) -> None:
    first, second = world.team
    world.tick(at(24))
    world.clock.move_to(at(24, 9, 5))
    card = world.db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "visit_window",
                                                                    Notice.recipient_id == second)).first())  # fmt: skip
    assert card is not None
    content = world.db.read_now(visit_window, card, at(24, 9, 6))
    assert isinstance(content, Content)
    assert [ask.verb for ask in content.asks] == ["got_it", "snooze", "ask_extension"]
    await world.person(second).press("got_it", content.asks[0].subject)
    content = world.db.read_now(visit_window, card, at(24, 9, 6))
    assert isinstance(content, Content)
    assert content.closed == "已收到，03月26日 09:00 后再提醒"
    other = world.db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "visit_window",
                                                                     Notice.recipient_id == first)).first())  # fmt: skip
    assert other is not None
    content = world.db.read_now(visit_window, other, at(24, 9, 6))
    assert isinstance(content, Content)
    assert content.closed == ""


async def test_a_snooze_needs_a_reason_comes_once_more_and_has_a_limit(world: World) -> None:
    first = world.team[0]
    world.tick(at(24))
    person, subject = world.person(first), f"deadline:{world.window()}"
    assert "原因" in await person.press("snooze", subject)
    with pytest.raises(Problem, match="原因"):
        await person.say("   ")
    assert "03月25日 09:00" in await person.say("企业负责人明天才回来")
    assert at(25) in world.told("visit_window", first)
    world.clock.move_to(at(25, 9, 1))
    await person.press("snooze", subject)
    await person.say("还没有回来")
    world.clock.move_to(at(26, 9, 1))
    await person.press("snooze", subject)
    with pytest.raises(Problem, match="推迟过 2 次"):
        await person.say("又没有回来")


async def test_who_is_not_chased_cannot_silence_anything(world: World) -> None:
    stranger = world.db.write_now(lambda s: make_person(s).id or 0)
    world.tick(at(24))
    with pytest.raises(Problem, match="不是发给您的"):
        await world.person(stranger).press("got_it", f"deadline:{world.window()}")


async def test_an_extension_is_the_leads_to_grant_and_moves_the_clock(world: World) -> None:
    first, second = world.team
    world.tick(at(24))
    person, lead = world.person(first), world.person(world.lead)
    assert "03月31日" in await person.press("ask_extension", f"deadline:{world.window()}")
    assert "例如" in await person.say("尽快")
    with pytest.raises(Problem, match="晚于 03月31日"):
        await person.say("3月30日 企业停业")
    assert "已提交" in await person.say("4月10日 企业停业检修")
    [asked] = world.db.read_now(lambda s: s.exec(select(Extension)).all())
    assert world.told("extension_request", world.lead) != []
    with pytest.raises(Problem, match="负责人决定"):
        await person.press("grant_extension", f"extension:{asked.id}")
    await lead.press("grant_extension", f"extension:{asked.id}")
    await lead.press("refuse_extension", f"extension:{asked.id}")  # decided already: nothing changes
    assert world.db.read_now(lambda s: s.get_one(Visit, world.visit).due_on) == dt.date(2026, 4, 10)
    assert world.told("extension_decided", first)
    assert world.told("extension_decided", second)
    before = len(world.told("visit_window", first))
    world.tick(at(27))
    world.tick(at(30))
    assert len(world.told("visit_window", first)) == before  # T-5 of 04-10 is 04-02
    world.tick(at(2, month=4))
    assert world.told("visit_window", first)[-1] == at(2, month=4)


async def test_a_lead_of_no_department_reads_of_no_other(world: World) -> None:
    lead = world.db.write_now(lambda s: make_person(s, role=Role.LEAD).id or 0)
    with pytest.raises(Problem, match="没有您的部门"):
        await world.person(lead).say("谁没收到")


async def test_nobody_grants_their_own_extension(world: World) -> None:
    officer = world.team[0]
    world.db.write_now(lambda s: s.add(PersonRole(person_id=officer, role=Role.LEAD)))
    world.tick(at(24))
    person = world.person(officer)
    await person.press("ask_extension", f"deadline:{world.window()}")
    await person.say("4月10日 企业停业检修")
    assert world.told("extension_request", officer) == []
    assert world.told("extension_request", world.lead) != []
    with pytest.raises(Problem, match="负责人决定"):
        await person.press("grant_extension", "extension:1")
    assert world.db.read_now(lambda s: s.get_one(Visit, world.visit).due_on) == dt.date(2026, 3, 31)


async def test_a_refused_extension_changes_no_day(world: World) -> None:
    world.tick(at(24))
    person = world.person(world.team[0])
    await person.press("ask_extension", f"deadline:{world.window()}")
    await person.say("2026-04-10 企业停业检修")
    await world.person(world.lead).press("refuse_extension", "extension:1")
    assert world.db.read_now(lambda s: s.get_one(Visit, world.visit).due_on) == dt.date(2026, 3, 31)


async def test_leave_hands_the_visits_over_by_a_fresh_draw_among_the_rest(world: World) -> None:
    officer = world.team[0]
    person, lead = world.person(officer), world.person(world.lead)
    assert "例如" in await person.say("请假")
    assert "已提交" in await person.say("3月30日至4月1日 参加培训")
    [asked] = world.db.read_now(lambda s: s.exec(select(LeaveRequest)).all())
    mine = len(world.db.read_now(affected, asked))
    assert mine >= 1
    await lead.press("grant_leave", f"leave:{asked.id}")

    def look(session: Session) -> None:
        leave = session.get_one(LeaveRequest, asked.id)
        assert (leave.state, leave.handed_over, leave.stayed) == ("GRANTED", mine, 0)
        assert session.exec(select(Absence)).one().last_day == dt.date(2026, 4, 1)
        old = session.exec(select(VisitOfficer).where(VisitOfficer.person_id == officer,
                                                      VisitOfficer.visit_id == world.visit)).one()  # fmt: skip
        assert old.state == OfficerState.REPLACED
        assert old.replaced_by not in (officer, world.team[1], None)
        told = session.exec(select(Notice.recipient_id).where(Notice.kind == "assignment",
                                                              Notice.subject == f"visit:{world.visit}")).all()  # fmt: skip
        assert old.replaced_by in told

    world.db.read_now(look)
    assert world.told("leave_decided", officer)
    assert world.told("officer_replaced", officer)


async def test_where_nobody_else_can_be_drawn_the_visit_stays_and_the_lead_reads_it(
    sqlite_db: Database,
) -> None:
    world = World.__new__(World)
    world.db, world.clock = sqlite_db, ManualClock(at(10, 9, 30))
    world.task = sqlite_db.write_now(lambda s: setting(s, officers=2))
    sqlite_db.write_now(whole, world.task)
    world.visit = sqlite_db.read_now(lambda s: s.exec(select(Visit.id)).first()) or 0
    world.lead = sqlite_db.read_now(lambda s: leads_of(s, s.get_one(Task, world.task).lead_department_id)[0])
    officer = sqlite_db.read_now(team_of, world.visit)[0]
    await world.person(officer).say("请假 2026-03-01至2026-03-31 住院")
    await world.person(world.lead).press("grant_leave", "leave:1")
    leave = sqlite_db.read_now(lambda s: s.exec(select(LeaveRequest)).one())
    assert leave.handed_over == 0
    assert leave.stayed >= 1
    assert sqlite_db.read_now(team_of, world.visit)[0] == officer


async def test_the_lead_reassigns_from_chat_and_cannot_name_who_follows(world: World) -> None:
    officer, lead = world.team[0], world.person(world.lead)
    listed = await lead.say("改派")
    assert "重新抽取，不能指定" in listed
    assert "例如" in await lead.say("换成李四")
    answer = await lead.say("1 长期出差")
    assert "已重新抽取" in answer
    replaced = world.db.read_now(
        lambda s: s.exec(select(VisitOfficer).where(VisitOfficer.state == "REPLACED")).one()
    )
    assert replaced.recusal_reason == "改派：长期出差"
    assert world.told("officer_replaced", replaced.person_id)
    with pytest.raises(Problem, match="负责人"):
        await world.person(officer).say("改派")


async def test_the_morning_card_comes_once_on_working_days_and_reminds_all(sqlite_db: Database) -> None:
    world = World(sqlite_db)

    def mornings(moment: dt.datetime) -> int:
        return sqlite_db.write_now(queue_mornings, now=moment, profile=PROFILE, calendar=CALENDAR)

    assert [mornings(at(11, 8)), mornings(at(11)), mornings(at(11, 10)), mornings(at(14)), mornings(at(16))] == [
        0, 1, 0, 0, 1,
    ]  # fmt: skip
    card = sqlite_db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "lead_morning")).first())
    assert card is not None
    assert card.recipient_id == world.lead
    content = sqlite_db.read_now(lead_morning, card, at(11))
    assert isinstance(content, Content)
    assert content.values["unanswered"] == 4 * 2
    assert [ask.verb for ask in content.asks] == ["remind_department"]
    assert [page.purpose for page in content.pages] == ["duties"]
    world.clock.move_to(at(11, 9, 5))
    lead = world.person(world.lead)
    assert await lead.press("remind_department", card.subject) == "已催办 8 人次。"
    assert "一小时内" in await lead.press("remind_department", card.subject)
    with pytest.raises(Problem, match="负责人"):
        await world.person(world.team[0]).press("remind_department", card.subject)


def test_a_department_with_nothing_open_gets_no_card(sqlite_db: Database) -> None:
    world = World(sqlite_db)
    world.accept_all()
    assert sqlite_db.write_now(queue_mornings, now=at(11), profile=PROFILE, calendar=CALENDAR) == 0
    notice = Notice(
        kind="lead_morning",
        subject="department:1",
        recipient_id=world.lead,
        not_before=at(11),
        created_at=at(11),
    )
    assert isinstance(sqlite_db.read_now(lead_morning, notice, at(11)), Skip)


@pytest.mark.parametrize(
    ("words", "first", "last", "rest"),
    [
        ("3月16日至3月18日 培训", (2026, 3, 16), (2026, 3, 18), "培训"),
        ("2026-03-16到2026-03-18，出差", (2026, 3, 16), (2026, 3, 18), "出差"),
        ("3月16日 看病", (2026, 3, 16), (2026, 3, 16), "看病"),
        ("12月30日至1月2日 探亲", (2026, 12, 30), (2027, 1, 2), "探亲"),
        ("1月5日 事假", (2027, 1, 5), (2027, 1, 5), "事假"),
    ],
)
def test_days_are_read_as_people_write_them(
    words: str, first: tuple[int, int, int], last: tuple[int, int, int], rest: str
) -> None:
    assert days_in(words, today=dt.date(2026, 3, 10)) == (dt.date(*first), dt.date(*last), rest)


def test_words_without_a_day_are_asked_again_and_a_day_no_calendar_has_is_refused() -> None:
    assert days_in("下周 培训", today=dt.date(2026, 3, 10)) is None
    with pytest.raises(Problem, match="没有“2月30日”"):
        days_in("2月30日 培训", today=dt.date(2026, 3, 10))


@pytest.fixture
def pages(world: World) -> web.Application:
    app = web.Application(middlewares=[guard])
    app[SETTINGS] = Settings(_env_file=None, secret_key=KEY)  # type: ignore[call-arg, arg-type]
    app[DB], app[CLOCK], app[PAGES] = world.db, world.clock, make_environment()
    app[LINKS], app[CALENDAR_KEY] = Links("http://suicha.test", KEY, clock=world.clock), CALENDAR
    app.add_routes(duties.routes)
    app.add_routes(form_device.routes)
    return app


async def test_the_inspector_reads_who_is_told_what_and_when(
    aiohttp_client: AiohttpClient, pages: web.Application, world: World
) -> None:
    other = world.db.write_now(lambda s: make_person(s).id or 0)
    client = await aiohttp_client(pages, cookies=known_phones(world.db, world.clock, (world.team[0], other)))
    token = pages[LINKS].sign("schedule", [world.team[0], world.visit])
    text = await (await client.get(f"/schedule/{token}")).text()
    assert "03月24日 09:00" in text
    assert "到期前5个工作日" in text
    assert "部门负责人：" in text
    assert "21:00 至次日 08:00" in text
    stranger = pages[LINKS].sign("schedule", [other, world.visit])
    assert (await client.get(f"/schedule/{stranger}")).status == 403
    assert (await client.get("/schedule/abc")).status in (400, 403, 404, 410)


async def test_c28_days_of_a_year_nobody_published_are_marked_on_the_schedule(
    aiohttp_client: AiohttpClient, pages: web.Application, world: World
) -> None:
    def late(session: Session) -> None:
        visit = session.get_one(Visit, world.visit)
        visit.due_on, visit.reminded_on = dt.date(2027, 1, 12), None

    world.db.write_now(late)
    world.tick(at(24))
    token = pages[LINKS].sign("schedule", [world.team[0], world.visit])
    client = await aiohttp_client(pages, cookies=known_phones(world.db, world.clock, world.team[:1]))
    text = await (await client.get(f"/schedule/{token}")).text()
    assert "01月05日 09:00（暂定）" in text  # T-5
    assert re.search(r"0[3-9]月\d\d日 \d\d:\d\d（暂定）", text) is None


async def test_the_lead_opens_the_list_and_nobody_else_does(
    aiohttp_client: AiohttpClient, pages: web.Application, world: World
) -> None:
    world.clock.move_to(at(30, 10))
    people = (world.lead, world.team[0])
    client = await aiohttp_client(pages, cookies=known_phones(world.db, world.clock, people))
    department = world.db.read_now(lambda s: s.get_one(Task, world.task).lead_department_id)
    token = pages[LINKS].sign("duties", [world.lead, department])
    text = await (await client.get(f"/duties/{token}")).text()
    assert "检查期限（4）" in text
    other = pages[LINKS].sign("duties", [world.team[0], department])
    assert (await client.get(f"/duties/{other}")).status == 403


async def test_a_forwarded_list_or_schedule_opens_nothing_but_the_question_for_a_code(
    aiohttp_client: AiohttpClient, pages: web.Application, world: World
) -> None:
    """Both name colleagues."""
    client = await aiohttp_client(pages)
    department = world.db.read_now(lambda s: s.get_one(Task, world.task).lead_department_id)
    for kind, value in (("schedule", [world.team[0], world.visit]), ("duties", [world.lead, department])):
        answer = await client.get(f"/{kind}/{pages[LINKS].sign(kind, value)}")
        text = await answer.text()
        assert answer.url.path.endswith("/device")
        assert "把验证码发给我" in text
        assert "部门负责人" not in text


async def test_a_policy_is_frozen_at_dispatch_and_a_changed_profile_changes_only_new_tasks(
    world: World,
) -> None:
    policy = world.db.read_now(lambda s: s.get_one(Task, world.task).policy)
    assert policy["reminders"]["visit_window"][0] == {"at": "T-5", "who": ["officer"]}
    assert policy["quiet"] == ["21:00", "08:00"]
    other = PROFILE.model_copy(update={"reminders": PROFILE.reminders | {"visit_window": ()}})

    def changed(session: Session) -> None:
        for visit in session.exec(select(Visit)):
            visit.reminded_on = None
        session.flush()
        remind(session, at(24), other)

    world.db.write_now(changed)
    assert world.told("visit_window", world.team[0]) == [at(24)]
