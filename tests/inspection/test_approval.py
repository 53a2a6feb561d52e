"""The head approves inspections before anybody goes or is told (C15, D21)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.core.clock import CHINA
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.profile import load_profile
from bot.inspection.registry.models import Item, NoticeMode
from bot.inspection.tasks.approval import (
    ask_approvals,
    begin_urgently,
    decide_approvals,
    heads_of,
    require_approval,
)
from bot.inspection.tasks.approval_messages import approval_request, urgent_approval
from bot.inspection.tasks.models import ApprovalState, EnterpriseNotice, Task, Visit, VisitApproval
from bot.inspection.tasks.service import check_in
from bot.inspection.tasks.serving import Told, advance_notices, is_advance, plan_notices
from tests.fakes.builders import (
    NOW,
    make_department,
    make_enterprise,
    make_item,
    make_person,
    make_visit,
    team_of,
)
from tests.fakes.reminding import remind

PROFILE, CALENDAR = load_profile("default"), WorkCalendar.load()


class World:
    """One visit that waits for its approval."""

    def __init__(
        self, session: Session, *, contact: str = "boss", planned: dt.date = dt.date(2026, 3, 16)
    ) -> None:
        visit = make_visit(session, team=2, planned_on=planned)
        self.visit, self.task = visit.id or 0, visit.task_id
        task = session.get_one(Task, visit.task_id)
        self.lead = make_person(session, role=Role.LEAD, department_id=task.lead_department_id).id or 0
        self.head = make_person(session, role=Role.HEAD, department_id=task.lead_department_id).id or 0
        self.officers = team_of(session, self.visit)
        if contact:
            make_enterprise(session, visit.object_id, account=contact)
        session.delete(session.get_one(EnterpriseNotice, self.visit))
        session.flush()
        self.told = Told(self.visit, visit.object_id, planned, tuple(self.officers))
        items = [session.get_one(Item, item) for item in task.item_ids]
        plan_notices(session, [self.told], items, profile=PROFILE, calendar=CALENDAR)
        ask_approvals(session, task, [self.visit], now=NOW)


def told(session: Session, kind: str) -> list[tuple[str, int]]:
    session.flush()
    return [(n.subject, n.recipient_id) for n in session.exec(select(Notice).where(Notice.kind == kind))]


def decide(session: Session, world: World, *, granted: bool, by: int = 0, **fields: Any) -> int:
    return decide_approvals(
        session, task_id=world.task, by=by or world.head, granted=granted, now=NOW, **fields
    )


def key(call: Any) -> str:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.key


def test_c15_without_approval_nothing_is_sent_and_nobody_begins(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        assert told(session, "approval_request") == [(f"task:{world.task}", world.head)]
        assert told(session, "enterprise_notice") == []
        assert key(lambda: require_approval(session, world.visit)) == "not_approved"
        arrive = lambda: check_in(  # noqa: E731
            session, visit_id=world.visit, person_id=world.officers[0], now=NOW, profile=PROFILE
        )
        assert key(arrive) == "not_approved"

    db.write_now(story)


def test_c15_a_visit_on_16_march_with_three_working_days_is_announced_on_11_march(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        assert decide(session, world, granted=True) == 1
        notice = session.exec(select(Notice).where(Notice.kind == "enterprise_notice")).one()
        assert notice.not_before == dt.datetime(2026, 3, 11, 9, 0, tzinfo=CHINA)
        assert decide(session, world, granted=True) == 0  # a second press changes nothing
        require_approval(session, world.visit)

    db.write_now(story)


def test_c15_one_unannounced_item_keeps_the_whole_joint_visit_quiet(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        open_, quiet = make_item(session), make_item(session, notice_mode=NoticeMode.UNANNOUNCED)
        assert is_advance([open_])
        assert not is_advance([open_, quiet])
        session.delete(session.get_one(EnterpriseNotice, world.visit))
        session.flush()
        plan_notices(session, [world.told], [open_, quiet], profile=PROFILE, calendar=CALENDAR)
        assert advance_notices(session, [world.told], now=NOW) == []
        assert session.get_one(EnterpriseNotice, world.visit).due_on is None

    db.write_now(story)


def test_c15_an_urgent_visit_may_start_and_asks_every_day_until_it_is_approved(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        begin_urgently(
            session, visit_id=world.visit, person_id=world.officers[0], reason="群众举报食物中毒", now=NOW
        )
        assert told(session, "urgent_approval") == [(f"visit:{world.visit}", world.head)]
        for person in world.officers:
            check_in(session, visit_id=world.visit, person_id=person, now=NOW, profile=PROFILE)
        for day in (11, 12):
            at = dt.datetime(2026, 3, day, 9, 5, tzinfo=CHINA)
            assert remind(session, at, PROFILE) == 1
            assert remind(session, at, PROFILE) == 0
        assert len(told(session, "approval_reminder")) == 2
        decide(session, world, granted=True)
        later = dt.datetime(2026, 3, 13, 9, 5, tzinfo=CHINA)
        assert remind(session, later, PROFILE) == 0

    db.write_now(story)


def test_an_urgent_visit_needs_a_reason_and_one_of_its_officers(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        urgent = lambda who, why: key(  # noqa: E731
            lambda: begin_urgently(session, visit_id=world.visit, person_id=who, reason=why, now=NOW)
        )
        assert urgent(world.officers[0], "。") == "reason_missing"
        assert urgent(world.lead, "群众举报") == "forbidden"
        assert session.get_one(VisitApproval, world.visit).urgent is False

    db.write_now(story)


def test_a_refusal_needs_words_and_tells_the_lead(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        assert key(lambda: decide(session, world, granted=False)) == "reason_missing"
        assert decide(session, world, granted=False, reason="本年度已检查") == 1
        assert told(session, "approval_refused") == [(f"visit:{world.visit}", world.lead)]
        with pytest.raises(Problem, match="本年度已检查"):
            require_approval(session, world.visit)
        again = lambda: begin_urgently(  # noqa: E731
            session, visit_id=world.visit, person_id=world.officers[0], reason="还是要查", now=NOW
        )
        assert key(again) == "not_approved"  # nobody gets round a no

    db.write_now(story)


def test_only_the_head_decides_and_only_what_was_chosen(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        for who in (world.lead, *world.officers):
            assert key(lambda who=who: decide(session, world, granted=True, by=who)) == "forbidden"
        assert decide(session, world, granted=True, visit_ids={world.visit + 1}) == 0
        assert session.get_one(VisitApproval, world.visit).state == ApprovalState.ASKED

    db.write_now(story)


def test_a_department_without_a_head_asks_the_body_above_it_and_then_its_lead(db: Database) -> None:
    def story(session: Session) -> None:
        above = make_department(session)
        below = make_department(session, parent_id=above.id)
        lead = make_person(session, role=Role.LEAD, department_id=below.id)
        assert heads_of(session, below.id or 0) == [lead.id]
        head = make_person(session, role=Role.HEAD, department_id=above.id)
        assert heads_of(session, below.id or 0) == [head.id]

    db.write_now(story)


def test_the_card_counts_what_waits_and_says_what_was_decided(db: Database) -> None:
    def story(session: Session) -> None:
        world = World(session)
        begin_urgently(session, visit_id=world.visit, person_id=world.officers[0], reason="群众举报", now=NOW)
        session.flush()
        card = session.exec(select(Notice).where(Notice.kind == "approval_request")).one()
        urgent = session.exec(select(Notice).where(Notice.kind == "urgent_approval")).one()
        seen = approval_request(session, card, NOW)
        assert not isinstance(seen, Skip)
        assert ("待批", "1 户") in seen.facts
        decide(session, world, granted=True)
        closed = [approval_request(session, card, NOW), urgent_approval(session, urgent, NOW)]
        assert all(isinstance(c, Content) and c.closed for c in closed)
        assert session.get_one(Visit, world.visit).id == world.visit

    db.write_now(story)
