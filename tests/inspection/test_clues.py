"""Case clues: looked into at once, outside every random draw; many of a kind propose a special check (C25)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.core.clock import CHINA
from bot.core.columns import Fault
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.service import open_form
from bot.inspection.deadlines.models import Deadline
from bot.inspection.draws.leave import ask_leave, decide_leave, reassign
from bot.inspection.draws.replacement import decide_recusal
from bot.inspection.draws.service import commit_draw
from bot.inspection.followups.clue_columns import CLUES, resolve
from bot.inspection.followups.clue_messages import (
    clue_assigned,
    clue_received,
    clue_unanswered,
    special_proposed,
)
from bot.inspection.followups.clue_rules import suggested_ratio
from bot.inspection.followups.clues import assign, get_clue, link_case, open_received, take_in
from bot.inspection.followups.models import Clue, SpecialProposal
from bot.inspection.metrics.counts import joint_tasks, visits
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Card, Notice
from bot.inspection.people.models import Officer, PersonRole, Role, Training
from bot.inspection.profile import load_profile
from bot.inspection.publication.service import publish_approved, publish_visit
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import OfficerState, Task, Visit, VisitApproval, VisitOfficer, VisitState
from bot.inspection.tasks.service import accept_visit, ask_recusal, check_in
from bot.inspection.tasks.states import LIVE
from tests.fakes.builders import make_department, make_item, make_object, make_officer, make_person
from tests.fakes.reminding import remind
from tests.inspection.lists import bring, write

TEN = dt.datetime(2026, 3, 10, 10, 0, tzinfo=CHINA)
PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()
SETTING = {"profile": PROFILE, "calendar": CALENDAR}


def authority(session: Session, *, officers: int = 3) -> tuple[int, str]:
    """A department with a lead, officers and one item for 餐饮; its row id and the item's code."""
    department = make_department(session).id or 0
    make_person(session, role=Role.LEAD, department_id=department)
    make_person(session, role=Role.COORDINATOR, department_id=department)
    for _ in range(officers):
        make_officer(session, department)
    return department, make_item(session, field="餐饮", department_id=department).code


def clue(session: Session, number: str = "TS-1", **cells: str) -> Clue:
    """A clue as the sheet would bring it."""
    given = {
        "线索编号": number,
        "来源": "投诉举报",
        "内容": "后厨有老鼠",
        "受理时间": "2026-03-10 10:00",
        "行业": "餐饮",
    }
    values, faults = CLUES.bind(list(given | cells)).parse(given | cells)
    assert faults == []
    found = resolve(session, values)
    assert isinstance(found, Clue), found
    return found


def took(session: Session, number: str = "TS-1", now: dt.datetime = TEN, **cells: str) -> Clue:
    return take_in(session, clue=clue(session, number, **cells), now=now, **SETTING)


def told(session: Session, kind: str) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == kind).order_by(col(Notice.id))))


def test_c25_a_complaint_taken_in_at_ten_has_its_task_the_same_day_and_is_no_random_figure(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        authority(session)
        shop = make_object(session, industry="餐饮")
        found = took(session, 对象代码=shop.code)
        task = session.get_one(Task, found.task_id)
        visit = session.exec(select(Visit)).one()
        assert (task.source, task.plan_line_id, task.dispatched_at) == ("CLUE", None, TEN)
        assert visit.object_id == shop.id
        assert visit.due_on == dt.date(2026, 3, 13)
        team = session.exec(select(VisitOfficer.person_id).where(VisitOfficer.visit_id == visit.id)).all()
        assert len(team) == 2
        assert sorted(n.recipient_id for n in told(session, "clue_assigned")) == sorted(team)
        for notice in (*told(session, "clue_assigned"), *told(session, "clue_received")):
            assert (notice.priority, notice.statutory, notice.not_before) == ("0", True, TEN)
        assert len(told(session, "clue_received")) == 1
        assert joint_tasks(session, year=2026).of == 0
        assert {count.of for count in visits(session, year=2026).values()} == {0}
        with pytest.raises(Problem) as refused:
            commit_draw(
                session, task_id=task.id or 0, secret=bytes(32), now=TEN, profile=PROFILE, calendar=CALENDAR
            )
        assert refused.value.key in {"libraries_not_confirmed", "not_random"}

    db.write_now(story)


def test_c25_six_similar_complaints_propose_one_special_check_with_industry_area_and_ratio(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        authority(session)
        for _ in range(100):
            make_object(session, industry="餐饮", district="城关镇")
        for day in range(6):
            took(session, f"TS-{day}", 区域="城关镇", now=TEN + dt.timedelta(days=day))
            assert len(told(session, "special_proposed")) == (day >= 4)
        took(session, "TS-other", 区域="白鹤镇")
        found = session.exec(select(SpecialProposal)).one()
        assert (found.industry, found.district, found.clues) == ("餐饮", "城关镇", 5)
        content = special_proposed(session, told(session, "special_proposed")[0], TEN)
        assert isinstance(content, Content)
        assert content.values["ratio"] == found.ratio == suggested_ratio(hit=5, objects=100)

    db.write_now(story)


def test_clues_older_than_the_period_are_no_cluster(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        for n in range(4):
            took(session, f"A-{n}", 受理时间="2026-02-01 10:00")
        took(session, "A-4")
        assert told(session, "special_proposed") == []

    db.write_now(story)


@pytest.mark.parametrize(
    ("hit", "objects", "percent"), [(1, 1000, 5), (5, 100, 10), (40, 100, 50), (3, 0, 50)]
)
def test_the_suggested_ratio_is_twice_the_share_that_was_hit_within_bounds(
    hit: int, objects: int, percent: int
) -> None:
    assert suggested_ratio(hit=hit, objects=objects) == percent


def test_the_officers_card_leads_to_the_form_and_the_result_is_never_published(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        took(session, 对象名称="无名夜宵摊", 地址="河边")
        visit = session.exec(select(Visit)).one()
        inspected = session.get_one(InspectionObject, visit.object_id)
        assert (inspected.kind, inspected.status, inspected.code) == ("BEHAVIOUR", "UNREGISTERED", "TS-1")
        team = session.exec(select(VisitOfficer.person_id)).all()
        card = told(session, "clue_assigned")[0]
        first = clue_assigned(session, card, TEN)
        assert isinstance(first, Content)
        assert [ask.verb for ask in first.asks] == ["accept", "recuse", "cannot_attend"]
        assert ("线索", "后厨有老鼠") in first.facts
        for person in team:
            session.add(
                Training(
                    person_id=person, session="t", held_on=dt.date(2026, 1, 5), valid_to=dt.date(2026, 12, 31)
                )
            )
            accept_visit(session, visit_id=visit.id or 0, person_id=person, now=TEN)
            check_in(session, visit_id=visit.id or 0, person_id=person, now=TEN, profile=PROFILE)
        open_form(session, visit_id=visit.id or 0, person_id=team[0], now=TEN, profile=PROFILE)
        lead = clue_received(session, told(session, "clue_received")[0], TEN)
        assert isinstance(lead, Content)
        assert lead.closed == "检查中"
        visit.state, visit.outcome = VisitState.APPROVED, "R01"
        session.add(visit)
        session.flush()
        assert publish_approved(session, now=TEN, **SETTING) == 1
        assert publish_approved(session, now=TEN, **SETTING) == 0
        assert visit.state == VisitState.NON_PUBLIC
        assert session.exec(select(Task)).one().state == "COMPLETED"
        with pytest.raises(Problem):
            publish_visit(session, visit_id=visit.id or 0, now=TEN, **SETTING)

    db.write_now(story)


def test_without_an_answer_officers_and_lead_hear_after_hours_the_department_later_day_or_night(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        authority(session)
        late = dt.datetime(2026, 3, 10, 20, 0, tzinfo=CHINA)
        took(session, now=late)
        remind(session, late + dt.timedelta(hours=3), PROFILE)
        assert (len(told(session, "clue_assigned")), told(session, "clue_unanswered")) == (2, [])
        for _ in range(2):
            remind(session, late + dt.timedelta(hours=4), PROFILE)
        assert len(told(session, "clue_assigned")) == 4
        (to_lead,) = told(session, "clue_unanswered")
        assert (to_lead.statutory, to_lead.priority) == (True, "0")
        content = clue_unanswered(session, to_lead, late)
        assert isinstance(content, Content)
        assert "、" in content.values["officers"]
        remind(session, late + dt.timedelta(hours=8), PROFILE)
        assert len(told(session, "clue_unanswered")) == 2
        visit = session.exec(select(Visit)).one()
        for person in session.exec(select(VisitOfficer.person_id)).all():
            accept_visit(session, visit_id=visit.id or 0, person_id=person, now=late)
        remind(session, late + dt.timedelta(hours=9), PROFILE)
        assert isinstance(clue_unanswered(session, to_lead, late), Skip)
        assert session.exec(select(Deadline.closed_at).where(Deadline.kind == "clue")).one() is not None
        assert told(session, "assignment_reminder") == []

    db.write_now(story)


def test_where_the_head_approves_a_clue_begins_urgently(db: Database) -> None:
    def story(session: Session) -> None:
        department, _ = authority(session)
        head = make_person(session, role=Role.HEAD, department_id=department).id
        rules = PROFILE.rules_2025.model_copy(update={"head_approval": True})
        profile = PROFILE.model_copy(update={"rules_2025": rules})
        take_in(session, clue=clue(session), now=TEN, profile=profile, calendar=CALENDAR)
        assert session.exec(select(VisitApproval)).one().urgent
        assert [n.recipient_id for n in told(session, "urgent_approval")] == [head]

    db.write_now(story)


def test_where_nobody_can_be_sent_the_lead_hears_why_and_the_tick_tries_again(db: Database) -> None:
    def story(session: Session) -> None:
        department, _ = authority(session, officers=1)
        found = took(session)
        assert found.task_id is None
        content = clue_received(session, told(session, "clue_received")[0], TEN)
        assert isinstance(content, Content)
        assert "选派不出足够的执法检查人员" in content.values["hindrance"]
        assert open_received(session, now=TEN, **SETTING) == 0
        make_officer(session, department)
        lead = told(session, "clue_received")[0]
        session.add(Card(card_id="c1", notice_id=lead.id or 0, person_id=lead.recipient_id, platform="wecom",
                         user_id="u", kind=lead.kind, subject=lead.subject, sent_at=TEN))  # fmt: skip
        assert open_received(session, now=TEN, **SETTING) == 1
        session.expire_all()
        assert session.get_one(Card, "c1").stale
        assert open_received(session, now=TEN, **SETTING) == 0
        assert len(told(session, "clue_received")) == 1
        assert len(told(session, "clue_assigned")) == 2

    db.write_now(story)


def test_the_officers_named_are_sent_unless_something_stands_against_them(db: Database) -> None:
    def story(session: Session) -> None:
        department, _ = authority(session, officers=0)
        took(session)
        good = [make_officer(session, department).id or 0 for _ in range(2)]
        gone = make_officer(session, department, valid_to=dt.date(2026, 3, 11)).id or 0
        other = make_officer(session, make_department(session).id or 0).id or 0
        for people in ([good[0]], [good[0], gone], [good[0], other], [good[0], good[0]]):
            with pytest.raises(Problem) as refused:
                assign(session, number="TS-1", officers=people, now=TEN, **SETTING)
            assert refused.value.key == "officers_missing"
        assign(session, number="TS-1", officers=good, now=TEN, **SETTING)
        assert session.exec(select(VisitOfficer.person_id)).all() == good
        with pytest.raises(Problem) as refused:
            assign(session, number="TS-1", officers=good, now=TEN, **SETTING)
        assert refused.value.key == "clue_assigned"

    db.write_now(story)


def test_a_case_number_is_linked_once_and_shown_to_the_lead(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        took(session)
        for _ in range(2):
            link_case(session, number="TS-1", case_number=" 山市监立〔2026〕12号 ", now=TEN)
        assert get_clue(session, "TS-1").case_number == "山市监立〔2026〕12号"
        content = clue_received(session, told(session, "clue_received")[0], TEN)
        assert isinstance(content, Content)
        assert ("立案文号", "山市监立〔2026〕12号") in content.facts
        with pytest.raises(Problem) as refused:
            link_case(session, number="TS-1", case_number=" ", now=TEN)
        assert refused.value.key == "text_missing"
        with pytest.raises(Problem) as refused:
            link_case(session, number="TS-9", case_number="1", now=TEN)
        assert refused.value.key == "clue_unknown"

    db.write_now(story)


def test_the_same_number_is_one_clue(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        assert took(session).id == took(session, 内容="别的话").id
        assert len(session.exec(select(Task)).all()) == 1

    db.write_now(story)


@pytest.mark.parametrize(
    ("cells", "header"),
    [
        ({"对象代码": "91440800MA4UABC12X"}, "对象代码"),
        ({"承办部门": "没有"}, "承办部门"),
        ({"抽查事项": "没有"}, "抽查事项"),
        ({"行业": "航天"}, "抽查事项"),
        ({}, "抽查事项"),
    ],
)
def test_what_points_nowhere_is_named_by_its_column(db: Database, cells: dict[str, str], header: str) -> None:
    def story(session: Session) -> None:
        authority(session)
        values: dict[str, Any] = dict.fromkeys(
            ("object_code", "object_name", "address", "industry", "district", "item", "department"), ""
        )
        names = {"对象代码": "object_code", "承办部门": "department", "抽查事项": "item", "行业": "industry"}
        values |= {names[key]: value for key, value in cells.items()}
        found = resolve(session, values)
        assert isinstance(found, Fault)
        assert found.header == header

    db.write_now(story)


def test_the_item_follows_code_then_industry_then_department(db: Database) -> None:
    def story(session: Session) -> None:
        food, code = authority(session)
        other = make_department(session)
        own = make_item(session, field="烟花", department_id=other.id)
        assert clue(session, 抽查事项=code, 行业="烟花").department_id == food
        assert clue(session, 行业="烟花").department_id == other.id
        assert clue(session, 行业="航天", 承办部门=other.name).item_id == own.id
        shared = clue(session, 行业="餐饮", 承办部门=other.name)
        assert (shared.department_id, session.get_one(Item, shared.item_id).code) == (other.id, code)

    db.write_now(story)


def test_a_sheet_of_clues_comes_in_once_and_bad_rows_are_named(db: Database, tmp_path: Any) -> None:
    db.write_now(authority)
    headers = ["线索编号", "来源", "内容", "受理时间", "行业"]
    rows = [
        ["T1", "投诉举报", "过期食品", "2026-03-10 08:00", "餐饮"],
        ["T2", "道听途说", "过期食品", "2026-03-10", "餐饮"],
        ["T3", "数据监测", "异常", "昨天", "餐饮"],
        ["T4", "转办交办", "无证", "2026-03-10", "航天"],
    ]
    sheet = write(tmp_path / "clues.csv", headers, rows)
    report = bring(db, "clues", sheet, now=TEN)
    assert (report.new, report.rejected) == (1, 3)
    assert bring(db, "clues", sheet, now=TEN).unchanged == 1
    assert db.write_now(open_received, now=TEN, **SETTING) == 1


def test_the_tick_and_the_cluster_use_their_indexes(db: Database) -> None:
    def plan(session: Session, query: str) -> str:
        explain = "EXPLAIN QUERY PLAN"
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
            explain = "EXPLAIN"
        return str(session.execute(text(f"{explain} {query}")).all())

    def look(session: Session) -> None:
        waiting = plan(session, "SELECT id FROM clue WHERE task_id IS NULL ORDER BY id LIMIT 500")
        assert "autoindex_clue" in waiting or "clue_task_id_key" in waiting or "clue_pkey" in waiting
        cluster = (
            "SELECT count(*) FROM clue WHERE industry='a' AND district='b' AND received_at > '2026-01-01'"
        )
        assert "ix_clue_cluster" in plan(session, cluster)

    db.read_now(look)


# -- another officer ---------------------------------------------------------------------------------------------


def sent(session: Session) -> tuple[Visit, VisitOfficer, int]:
    """A clue that two of four officers were sent for: the visit, the first of them, and the lead."""
    authority(session, officers=4)
    took(session, 对象代码=make_object(session, industry="餐饮").code)
    first = select(VisitOfficer).where(col(VisitOfficer.leader))
    return session.exec(select(Visit)).one(), session.exec(first).one(), the_lead(session)


def the_lead(session: Session) -> int:
    return session.exec(select(PersonRole.person_id).where(PersonRole.role == Role.LEAD)).one()


def live(session: Session) -> list[VisitOfficer]:
    return list(session.exec(select(VisitOfficer).where(col(VisitOfficer.state).in_(LIVE))))


def test_whoever_must_not_look_into_a_clue_is_replaced_and_the_next_one_reads_the_clue(db: Database) -> None:
    """Bug: recusal, leave and 改派 ended in a system error where there had been no draw (行政处罚法 art. 43)."""

    def story(session: Session) -> None:
        visit, officer, lead = sent(session)
        ask_recusal(session, visit_id=visit.id or 0, person_id=officer.person_id, reason="亲属", now=TEN)
        follower = decide_recusal(session, officer_id=officer.id or 0, granted=True, by=lead, now=TEN)
        assert follower is not None
        assert (officer.state, officer.replaced_by) == (OfficerState.REPLACED, follower.person_id)
        assert follower.leader
        assert follower in live(session)
        assert len(live(session)) == 2
        [notice] = [n for n in told(session, "clue_assigned") if n.recipient_id == follower.person_id]
        assert (notice.priority, notice.statutory) == ("0", True)
        content = clue_assigned(session, notice, TEN)
        assert isinstance(content, Content)
        assert content.facts[0] == ("线索", "后厨有老鼠")
        assert told(session, "assignment") == []

    db.write_now(story)


def test_leave_hands_over_a_clue_too_and_a_lead_may_have_it_drawn_again(db: Database) -> None:
    def story(session: Session) -> None:
        _, officer, lead = sent(session)
        days = {"first": dt.date(2026, 3, 10), "last": dt.date(2026, 3, 12)}
        leave = ask_leave(session, person_id=officer.person_id, reason="病", now=TEN, **days)
        decided = decide_leave(session, leave_id=leave.id or 0, by=lead, granted=True, now=TEN)
        assert (decided.handed_over, decided.stayed) == (1, 0)
        other = next(o for o in live(session) if not o.leader)
        follower = reassign(session, officer_id=other.id or 0, by=lead, reason="出差", now=TEN)
        team = {o.person_id for o in live(session)}
        assert follower.person_id in team
        assert not team & {officer.person_id, other.person_id}
        with pytest.raises(Problem) as nobody:  # both others have been on it
            reassign(session, officer_id=follower.id or 0, by=lead, reason="出差", now=TEN)
        assert nobody.value.key == "officers_missing"

    db.write_now(story)


def test_the_hours_of_whoever_follows_count_from_being_sent(db: Database) -> None:
    def story(session: Session) -> None:
        visit, officer, lead = sent(session)
        for one in live(session):
            accept_visit(session, visit_id=visit.id or 0, person_id=one.person_id, now=TEN)
        later = TEN + dt.timedelta(hours=24)
        reassign(session, officer_id=officer.id or 0, by=lead, reason="出差", now=later)
        remind(session, later + dt.timedelta(hours=3), PROFILE)
        assert told(session, "clue_unanswered") == []
        remind(session, later + dt.timedelta(hours=4), PROFILE)
        [to_lead] = told(session, "clue_unanswered")
        assert isinstance(clue_unanswered(session, to_lead, later), Content)

    db.write_now(story)


def test_the_only_holder_of_a_clues_label_is_followed_by_another_holder(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session, officers=6)
        session.exec(select(Item)).one().label_required = "特种设备"
        holder, other, plain, *_ = session.exec(select(Officer).order_by(col(Officer.person_id))).all()
        holder.labels, other.labels = ["特种设备"], ["特种设备"]
        session.flush()
        take_in(session, clue=clue(session), officers=[plain.person_id, holder.person_id], now=TEN, **SETTING)
        leaves = next(officer for officer in live(session) if officer.person_id == holder.person_id)
        lead = the_lead(session)
        follower = reassign(session, officer_id=leaves.id or 0, by=lead, reason="出差", now=TEN)
        assert follower.person_id == other.person_id

    db.write_now(story)
