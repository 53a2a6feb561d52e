"""已报送、发布通报、答复督办、两库确认: what departments and the joint-conference office press."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.metrics.bulletins import draft_due
from bot.inspection.metrics.models import Bulletin, BulletinState, OrderState, SupervisionOrder
from bot.inspection.people.models import Role
from bot.inspection.plans.models import DutyEntry, DutyKind
from bot.inspection.plans.register import open_year
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import Task, TaskState
from tests.fakes.builders import make_department, make_person, make_task
from tests.fakes.chatting import Person
from tests.fakes.reminding import CALENDAR
from tests.handlers.test_chase_chat import at
from tests.inspection import test_bulletins
from tests.inspection.decided import COORDINATOR, LEAD
from tests.inspection.decided import at as moment


async def test_a_department_files_what_it_owes_with_its_number(sqlite_db: Database) -> None:
    clock = ManualClock(at(10, 10))

    def prepare(session: Session) -> tuple[int, int]:
        lead = make_person(session, role=Role.LEAD, department_id=make_department(session).id).id or 0
        open_year(session, year=2026, now=clock.now(), profile=load_profile("LZ"), calendar=CALENDAR)
        return lead, session.exec(select(DutyEntry.id).where(DutyEntry.kind == DutyKind.PLAN)).one() or 0

    lead, duty = sqlite_db.write_now(prepare)
    person = Person(sqlite_db, lead, clock)
    assert "文号" in await person.press("file_duty", f"duty:{duty}")
    assert await person.say("罗市监〔2026〕2号") == "已登记报送。"
    assert sqlite_db.read_now(lambda s: s.get_one(DutyEntry, duty).evidence) == "罗市监〔2026〕2号"


async def test_the_office_lets_a_bulletin_out_and_judges_the_answer(sqlite_db: Database) -> None:
    sqlite_db.write_now(test_bulletins.month)
    clock = ManualClock(moment("2026-10-08 09:30"))
    sqlite_db.write_now(draft_due, now=clock.now(), profile=test_bulletins.ZJ, calendar=CALENDAR)
    office, lead = (Person(sqlite_db, who, clock) for who in (COORDINATOR, LEAD))
    with pytest.raises(Problem, match="联席会议办公室"):
        await lead.press("issue_bulletin", "bulletin:1")
    await office.press("issue_bulletin", "bulletin:1")
    assert sqlite_db.read_now(lambda s: s.get_one(Bulletin, 1).state) == BulletinState.ISSUED

    def order(session: Session) -> None:
        session.add(SupervisionOrder(id=9, bulletin_id=1, department_id=1, finding="公示率 1/2，低于 100%",
                                     due_on=dt.date(2026, 10, 22), opened_at=clock.now()))  # fmt: skip

    if not sqlite_db.read_now(lambda s: s.exec(select(SupervisionOrder)).all()):  # no target in this profile
        sqlite_db.write_now(order)
    number = sqlite_db.read_now(lambda s: s.exec(select(SupervisionOrder.id)).one())
    assert "整改落实" in await lead.press("reply_supervision", f"supervision:{number}")
    assert "已答复" in await lead.say("已全部补公示")
    await office.press("return_supervision", f"supervision:{number}")
    assert sqlite_db.read_now(lambda s: s.get_one(SupervisionOrder, number).state) == OrderState.OPEN
    await lead.press("reply_supervision", f"supervision:{number}")
    await lead.say("再次核对无误")
    await office.press("close_supervision", f"supervision:{number}")
    assert sqlite_db.read_now(lambda s: s.get_one(SupervisionOrder, number).state) == OrderState.CLOSED


async def test_the_keeper_of_the_libraries_confirms_both_by_one_press(sqlite_db: Database) -> None:
    clock = ManualClock(at(10, 10))

    def prepare(session: Session) -> tuple[int, int, int]:
        task = make_task(session, state=TaskState.APPROVED)
        keeper = make_person(session, role=Role.ADMIN, department_id=task.lead_department_id).id or 0
        return task.id or 0, keeper, make_person(session).id or 0

    task, keeper, stranger = sqlite_db.write_now(prepare)
    with pytest.raises(Problem, match="名录库管理员"):
        await Person(sqlite_db, stranger, clock).press("confirm_libraries", f"task:{task}")
    await Person(sqlite_db, keeper, clock).press("confirm_libraries", f"task:{task}")
    assert sqlite_db.read_now(lambda s: s.get_one(Task, task).state) == TaskState.LIBRARIES_CONFIRMED
