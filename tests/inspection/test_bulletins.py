"""C30: the bulletin is drafted on the first working morning, sent by a person, and who is below target answers."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.metrics.bulletin_messages import bulletin, bulletin_draft, supervision_order
from bot.inspection.metrics.bulletins import (
    draft_bulletin,
    draft_due,
    issue_bulletin,
    judge_reply,
    reply_order,
)
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
            {"department": 1, "name": "山城区市场监督管理局", "lines": 1, "tasks": 1, "joint": 0, "drawn": 2, "finished": 1,
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

    db.write_now(story)


def test_a_bulletin_that_nobody_let_out_is_not_sent(db: Database) -> None:
    def story(session: Session) -> None:
        month(session)
        drafts(session, "2026-10-08 09:30")
        notice = Notice(kind="bulletin", subject="bulletin:1", recipient_id=LEAD, not_before=at("2026-10-08 10:00"),
                        created_at=at("2026-10-08 10:00"))  # fmt: skip
        assert isinstance(bulletin(session, notice, at("2026-10-08 10:00")), Skip)

    db.write_now(story)


def test_an_order_that_is_not_closed_stands_in_the_next_bulletin_and_is_not_given_twice(db: Database) -> None:
    def story(session: Session) -> None:
        month(session)
        drafts(session, "2026-10-08 09:30")
        issue(session, COORDINATOR)
        made = draft_bulletin(session, period="2026-10", now=at("2026-11-02 09:30"))
        issue_bulletin(session, bulletin_id=made.id or 0, by=COORDINATOR, now=at("2026-11-02 10:00"), profile=ZJ,
                       calendar=CALENDAR)  # fmt: skip
        [order] = session.exec(select(SupervisionOrder)).all()
        last = session.exec(
            select(Notice).where(Notice.kind == "bulletin", Notice.subject == "bulletin:2")
        ).one()
        content = bulletin(session, last, at("2026-11-02 10:00"))
        assert isinstance(content, Content)
        assert content.values["orders"] == [f"山城区市场监督管理局：{order.finding}"]
        reply_order(session, order_id=order.id or 0, person_id=LEAD, text="已补", now=at("2026-11-03 10:00"))
        judge_reply(session, order_id=order.id or 0, by=COORDINATOR, enough=True, now=at("2026-11-03 11:00"))
        after = bulletin(session, last, at("2026-11-03 12:00"))
        assert isinstance(after, Content)
        assert after.values["orders"] == []

    db.write_now(story)


def test_clues_and_other_years_are_in_no_figure(db: Database) -> None:
    def story(session: Session) -> None:
        month(session)
        task = session.get_one(Task, 1)
        task.plan_line_id, task.source = None, "CLUE"
        session.add(task)
        session.flush()
        assert drafts(session, "2026-10-08 09:30") == 0
        task.plan_line_id, task.source, task.dispatched_at = 1, "RANDOM", at("2025-12-30 09:00")
        session.add(task)
        session.flush()
        assert drafts(session, "2026-10-08 09:30") == 0
        with pytest.raises(Problem) as refused:
            draft_bulletin(session, period="2026-09", now=at("2026-10-08 09:30"))
        assert refused.value.key == "period_empty"

    db.write_now(story)
