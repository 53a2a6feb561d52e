"""C30: the bulletin is drafted on the first working morning, sent by a person, and who is below target answers."""

"""Bulletins from the figures, let out by a person; criticised departments are chased until closed (C30)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.metrics.bulletin_messages import bulletin, bulletin_draft, supervision_order
from bot.inspection.metrics.bulletins import draft_due, issue_bulletin, judge_reply, reply_order
from bot.inspection.metrics.models import Bulletin, OrderState, SupervisionOrder
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import Task, VisitState
from tests.fakes.reminding import CALENDAR, remind
from tests.inspection.decided import COORDINATOR, LEAD, P1, at, authority, visit

ZJ = load_profile("ZJ")


def month(session: Session) -> None:
    """One department: two results of September, one of them not handed in by its last day."""
    authority(session)
    task = session.get_one(Task, 1)
    task.dispatched_at = at("2026-09-01 09:00")
    session.add(task)
    visit(session, 1, [["R01"], ["R01"]], state=VisitState.PUBLISHED)
    visit(session, 2, [["R01"], ["R01"]], state=VisitState.RECORDED)


def drafts(session: Session, when: str) -> int:
    return draft_due(session, now=at(when), profile=ZJ, calendar=CALENDAR)


def told(session: Session, kind: str) -> list[int]:
    query = select(Notice.recipient_id).where(Notice.kind == kind).order_by(col(Notice.id))
    return list(session.exec(query))


def issue(session: Session, by: int, when: str = "2026-10-08 10:00") -> Bulletin:
    return issue_bulletin(session, bulletin_id=1, by=by, now=at(when), profile=ZJ, calendar=CALENDAR)


def test_c30_the_draft_comes_on_the_first_working_morning_and_nothing_is_sent_before_a_person_lets_it_out(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        month(session)
        days = [
            "2026-10-01 09:30",
            "2026-10-07 09:30",
            "2026-10-08 08:00",
            "2026-10-08 09:30",
            "2026-10-09 09:30",
        ]
        assert [drafts(session, day) for day in days] == [0, 0, 0, 1, 0]
        made = session.exec(select(Bulletin)).one()
        assert made.period == "2026-09"
        assert made.rows == [
            {"department": 1, "name": "山城区市场监督管理局", "tasks": 1, "joint": 0, "drawn": 2, "finished": 1,
             "published": 1, "overdue": 1, "problems": 0, "handled": 0},
        ]  # fmt: skip
        assert told(session, "bulletin_draft") == [COORDINATOR]
        assert told(session, "bulletin") == []
        with pytest.raises(Problem, match="联席会议办公室"):
            issue(session, LEAD)
        issue(session, COORDINATOR)
        issue(session, COORDINATOR)
        assert told(session, "bulletin") == [LEAD]
        [order] = session.exec(select(SupervisionOrder)).all()
        assert order.finding == "完成率 1/2，低于 100%；公示率 1/2，低于 100%"
        assert order.due_on == CALENDAR.add_workdays(dt.date(2026, 10, 8), 10)
        assert told(session, "supervision_order") == [LEAD]
        draft = session.exec(select(Notice).where(Notice.kind == "bulletin_draft")).one()
        content = bulletin_draft(session, draft, at("2026-10-08 11:00"))
        assert isinstance(content, Content)
        assert content.closed == "已发布"


from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import Deadline
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.metrics.bulletin_messages import (
    bulletin_draft,
    bulletin_issued,
    supervision_order,
    supervision_reminder,
    supervision_replied,
)
from bot.inspection.metrics.bulletin_rules import DepartmentRow, period_before, shortfalls
from bot.inspection.metrics.bulletins import draft_bulletin, draft_due, issue_bulletin, rows_of
from bot.inspection.metrics.models import Bulletin, SupervisionOrder
from bot.inspection.metrics.supervision import close_order, order_department, reply, return_order
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import TaskState, Visit, VisitState
from tests.fakes.builders import (
    make_department,
    make_item,
    make_object,
    make_person,
    make_plan_line,
    make_task,
)
from tests.fakes.reminding import remind
from tests.inspection.decided import at

PROFILE = load_profile("default").model_copy(
    update={
        "targets": load_profile("default").targets.model_copy(
            update={"m4a": Decimal(100), "m6": Decimal(100)}
        )
    }
)
CALENDAR = WorkCalendar.load()
SETTING = {"profile": PROFILE, "calendar": CALENDAR}
FIRST = at("2026-04-01 09:00")  # a Wednesday


def department(session: Session, name: str, *, done: int, of: int, joint: bool = False) -> tuple[int, int]:
    """A department with its lead and one task in which *done* of *of* visits are public; (department, lead)."""
    made = make_department(session, name=name).id or 0
    lead = make_person(session, role=Role.LEAD, department_id=made).id or 0
    line = make_plan_line(session, made, item_ids=[make_item(session).id or 0])
    others = [make_department(session, name=f"{name}的伙伴").id or 0] if joint else []
    task = make_task(session, line=line, state=TaskState.IN_PROGRESS, joint_department_ids=others)
    for n in range(of):
        session.add(
            Visit(
                number=f"{task.number}-{n}", task_id=task.id or 0, object_id=make_object(session).id or 0,
                state=VisitState.PUBLISHED if n < done else VisitState.ASSIGNED, stratum="B", ticket="", rank=n,
                planned_on=dt.date(2026, 3, 16), due_on=dt.date(2026, 3, 31),
            )
        )  # fmt: skip
    session.flush()
    return made, lead


def county(session: Session) -> dict[str, int]:
    good, good_lead = department(session, "应急管理局", done=2, of=2, joint=True)
    bad, bad_lead = department(session, "市场监管局", done=4, of=5)
    return {"good": good, "good_lead": good_lead, "bad": bad, "bad_lead": bad_lead,
            "office": make_person(session, role=Role.COORDINATOR).id or 0}  # fmt: skip


def told(session: Session, kind: str) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == kind).order_by(col(Notice.id))))


def issued(session: Session, who: dict[str, int], now: dt.datetime = FIRST) -> Bulletin:
    draft_due(session, now=now, **SETTING)
    bulletin = session.exec(select(Bulletin).order_by(col(Bulletin.id).desc())).first()
    assert bulletin is not None
    return issue_bulletin(session, bulletin_id=bulletin.id or 0, by=who["office"], now=now, **SETTING)


def test_c30_the_first_working_day_has_a_draft_with_one_row_per_department_that_is_not_sent_until_approved(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        who = county(session)
        assert draft_due(session, now=at("2026-03-31 23:00"), **SETTING) == 0
        assert [draft_due(session, now=FIRST, **SETTING) for _ in range(2)] == [1, 0]
        bulletin = session.exec(select(Bulletin)).one()
        assert bulletin.period == "2026-03"
        rows = rows_of(bulletin)
        assert [row.department for row in rows] == [
            "应急管理局",
            "市场监管局",
        ]  # the register's order, no ranking
        assert rows[1] == DepartmentRow(who["bad"], "市场监管局", 1, 1, 0, 5, 4, 4, 1, 0, 0)
        assert rows[1].text == "计划 1 条，任务 1 个，联合 0.0%，完成 80.0%，公示 80.0%，超期 1，问题处理 —"
        assert (rows[0].joint, rows[0].overdue) == (1, 0)
        assert [n.recipient_id for n in told(session, "bulletin_draft")] == [who["office"]]
        draft = bulletin_draft(session, told(session, "bulletin_draft")[0], FIRST)
        assert isinstance(draft, Content)
        assert [ask.verb for ask in draft.asks] == ["issue_bulletin"]
        assert told(session, "bulletin_issued") == told(session, "supervision_order") == []
        with pytest.raises(Problem) as refused:
            issue_bulletin(session, bulletin_id=bulletin.id or 0, by=who["bad_lead"], now=FIRST, **SETTING)
        assert refused.value.key == "forbidden"

    db.write_now(story)


def test_c30_the_unit_is_chased_until_its_answer_is_accepted(db: Database) -> None:
    def story(session: Session) -> None:
        month(session)
        drafts(session, "2026-10-08 09:30")
        issue(session, COORDINATOR)
        order = session.exec(select(SupervisionOrder)).one()
        number = order.id or 0
        days: dict[dt.date, set[int]] = {}
        day = dt.date(2026, 10, 9)
        while day <= dt.date(2026, 10, 26):
            remind(session, at(f"{day} 09:00"), ZJ)
            day += dt.timedelta(days=1)
        for notice in session.exec(select(Notice).where(Notice.kind == "supervision_reminder")):
            days.setdefault(china_day(notice.not_before), set()).add(notice.recipient_id)
        assert order.due_on == dt.date(2026, 10, 21)
        assert days == {
            dt.date(2026, 10, 14): {LEAD}, dt.date(2026, 10, 20): {LEAD}, dt.date(2026, 10, 22): {LEAD, COORDINATOR},
            dt.date(2026, 10, 23): {LEAD, COORDINATOR}, dt.date(2026, 10, 26): {LEAD, COORDINATOR},
        }  # fmt: skip
        with pytest.raises(Problem, match="被督办部门"):
            reply_order(session, order_id=number, person_id=P1, text="x", now=at("2026-10-26 10:00"))
        reply_order(session, order_id=number, person_id=LEAD, text="已全部补公示", now=at("2026-10-26 10:00"))
        assert told(session, "supervision_replied") == [COORDINATOR]
        before = len(told(session, "supervision_reminder"))
        remind(session, at("2026-10-27 09:00"), ZJ)
        assert len(told(session, "supervision_reminder")) == before
        judge_reply(session, order_id=number, by=COORDINATOR, enough=False, now=at("2026-10-27 10:00"))
        remind(session, at("2026-10-28 09:00"), ZJ)
        assert len(told(session, "supervision_reminder")) > before
        reply_order(session, order_id=number, person_id=LEAD, text="再次核对", now=at("2026-10-28 10:00"))
        judge_reply(session, order_id=number, by=COORDINATOR, enough=True, now=at("2026-10-28 11:00"))
        assert session.get_one(SupervisionOrder, number).state == OrderState.CLOSED
        card = session.exec(select(Notice).where(Notice.kind == "supervision_order")).one()
        content = supervision_order(session, card, at("2026-10-28 11:00"))
        assert isinstance(content, Content)
        assert content.closed == "已办结"


def test_c30_who_is_below_a_target_gets_an_order_of_ten_working_days_and_appears_until_it_is_closed(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        who = county(session)
        for _ in range(2):
            issued(session, who)
        assert {n.recipient_id for n in told(session, "bulletin_issued")} == {
            who["good_lead"],
            who["bad_lead"],
        }
        order = session.exec(select(SupervisionOrder)).one()
        assert (order.department_id, order.finding) == (who["bad"], "检查完成率 80.0%，目标 100%")
        assert order.due_on == CALENDAR.add_workdays(FIRST.date(), 10)
        assert [n.recipient_id for n in told(session, "supervision_order")] == [who["bad_lead"]]
        may = at("2026-05-06 09:00")
        issued(session, who, may)
        assert len(session.exec(select(SupervisionOrder)).all()) == 1
        shown = bulletin_issued(session, told(session, "bulletin_issued")[-1], may)
        assert isinstance(shown, Content)
        assert shown.values["orders"] == ["市场监管局：检查完成率 80.0%，目标 100%"]
        reply(session, order_id=order.id or 0, person_id=who["bad_lead"], text="已补查", now=may)
        close_order(session, order_id=order.id or 0, person_id=who["office"], now=may)
        again = bulletin_issued(session, told(session, "bulletin_issued")[-1], may)
        assert isinstance(again, Content)
        assert again.values["orders"] == []

    db.write_now(story)


def test_a_reply_is_looked_at_returned_with_a_reason_and_closed(db: Database) -> None:
    def story(session: Session) -> None:
        who = county(session)
        issued(session, who)
        order = session.exec(select(SupervisionOrder)).one()
        number = order.id or 0
        for act, key in (
            (
                lambda: close_order(session, order_id=number, person_id=who["office"], now=FIRST),
                "wrong_state",
            ),
            (
                lambda: close_order(session, order_id=number, person_id=who["bad_lead"], now=FIRST),
                "forbidden",
            ),
            (
                lambda: reply(session, order_id=number, person_id=who["good_lead"], text="x", now=FIRST),
                "forbidden",
            ),
            (
                lambda: reply(session, order_id=number, person_id=who["bad_lead"], text=" ", now=FIRST),
                "text_missing",
            ),
        ):
            with pytest.raises(Problem) as refused:
                act()
            assert refused.value.key == key
        reply(session, order_id=number, person_id=who["bad_lead"], text="已补查 1 户", now=FIRST)
        to_office = told(session, "supervision_replied")[0]
        content = supervision_replied(session, to_office, FIRST)
        assert isinstance(content, Content)
        assert [ask.verb for ask in content.asks] == ["close_order", "return_order"]
        with pytest.raises(Problem) as refused:
            return_order(session, order_id=number, person_id=who["office"], remark="", now=FIRST)
        assert refused.value.key == "text_missing"
        return_order(session, order_id=number, person_id=who["office"], remark="没有附名单", now=FIRST)
        card = supervision_order(session, told(session, "supervision_order")[-1], FIRST)
        assert isinstance(card, Content)
        assert (card.values["remark"], [a.verb for a in card.asks]) == ("没有附名单", ["reply_order"])
        reply(session, order_id=number, person_id=who["bad_lead"], text="名单已附", now=FIRST)
        close_order(session, order_id=number, person_id=who["office"], now=FIRST)
        close_order(session, order_id=number, person_id=who["office"], now=FIRST + dt.timedelta(days=1))
        assert (order.state, order.closed_at) == ("CLOSED", FIRST)
        with pytest.raises(Problem) as refused:
            reply(session, order_id=number, person_id=who["bad_lead"], text="又", now=FIRST)
        assert refused.value.key == "wrong_state"

    db.write_now(story)


def test_a_bulletin_that_nobody_let_out_is_not_sent(db: Database) -> None:
    def story(session: Session) -> None:
        month(session)
        drafts(session, "2026-10-08 09:30")
        notice = Notice(kind="bulletin", subject="bulletin:1", recipient_id=LEAD, not_before=at("2026-10-08 10:00"),
                        created_at=at("2026-10-08 10:00"))  # fmt: skip
        assert isinstance(bulletin(session, notice, at("2026-10-08 10:00")), Skip)


def test_an_order_is_chased_before_and_after_its_term_until_there_is_a_reply(db: Database) -> None:
    def story(session: Session) -> None:
        who = county(session)
        order = order_department(
            session, department_id=who["bad"], finding="三户超期", due_on=dt.date(2026, 4, 16), now=FIRST
        )
        remind(session, at("2026-04-09 10:00"), PROFILE)
        assert [n.recipient_id for n in told(session, "supervision_reminder")] == [who["bad_lead"]]
        remind(session, at("2026-04-17 10:00"), PROFILE)
        late = [n for n in told(session, "supervision_reminder") if "T+1" in n.slot]
        assert {n.recipient_id for n in late} == {who["bad_lead"], who["office"]}
        for notice in late:
            content = supervision_reminder(session, notice, at("2026-04-17 10:00"))
            assert isinstance(content, Content)
            assert (content.values["when"], bool(content.asks)) == (
                "已超期 1 天",
                notice.recipient_id == who["bad_lead"],
            )
        reply(
            session,
            order_id=order.id or 0,
            person_id=who["bad_lead"],
            text="已整改",
            now=at("2026-04-17 11:00"),
        )
        remind(session, at("2026-04-20 10:00"), PROFILE)
        assert len(told(session, "supervision_reminder")) == 3
        assert isinstance(supervision_reminder(session, late[0], FIRST), Skip)
        assert (
            session.exec(select(Deadline.closed_at).where(Deadline.kind == "supervision")).one() is not None
        )

    db.write_now(story)


@pytest.mark.parametrize(
    ("finding", "due", "key"), [("", "2026-04-16", "text_missing"), ("x", "2026-04-01", "term_past")]
)
def test_an_order_says_what_and_until_when(db: Database, finding: str, due: str, key: str) -> None:
    def story(session: Session) -> None:
        who = county(session)
        with pytest.raises(Problem) as refused:
            order_department(
                session,
                department_id=who["bad"],
                finding=finding,
                due_on=dt.date.fromisoformat(due),
                now=FIRST,
            )
        assert refused.value.key == key

    db.write_now(story)


def test_problems_without_handling_are_below_the_target_too(db: Database) -> None:
    def story(session: Session) -> None:
        who = county(session)
        visit = session.exec(select(Visit).where(Visit.state == "PUBLISHED").order_by(col(Visit.id))).first()
        assert visit is not None
        session.add(FollowUp(number="H1", visit_id=visit.id or 0, item_id=1, state=FollowUpState.OPEN, problem="p",
                             handler_id=who["good_lead"], opened_at=FIRST))  # fmt: skip
        session.flush()
        rows = rows_of(draft_bulletin(session, period="2026-03", year=2026, now=FIRST))
        targets = {"m2": None, "m4a": None, "m4b": None, "m6": Decimal(100)}
        assert [shortfalls(row, targets) for row in rows] == [["问题处理率 0.0%，目标 100%"], []]

    db.write_now(story)


def test_without_targets_nobody_is_criticised_and_an_empty_denominator_is_no_failure() -> None:
    none = dict.fromkeys(("m2", "m4a", "m4b", "m6"))
    assert shortfalls(DepartmentRow(1, "甲", drawn=5), none) == []
    assert shortfalls(DepartmentRow(1, "甲"), {"m4a": Decimal(100), "m6": Decimal(100)}) == []


@pytest.mark.parametrize(
    ("day", "months", "period"),
    [
        ("2026-04-01", 1, "2026-03"),
        ("2026-04-30", 3, "2026-03"),
        ("2026-05-01", 3, None),
        ("2026-01-05", 12, "2025-12"),
    ],
)
def test_which_period_has_ended(day: str, months: int, period: str | None) -> None:
    found = period_before(dt.date.fromisoformat(day), months=months)
    assert (found[0] if found else None) == period


def test_a_period_without_a_task_has_no_bulletin(db: Database) -> None:
    def story(session: Session) -> None:
        county(session)
        assert draft_due(session, now=at("2026-03-02 09:00"), **SETTING) == 0  # the tasks are of March

    db.write_now(story)
