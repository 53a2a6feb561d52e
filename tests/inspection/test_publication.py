"""Publication of results (C22): clocks, the allow-list and its guard, versions, reminders."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from bot.core.canonical import canonical
from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.inspection.followups.models import FollowUp
from bot.inspection.followups.rules import Handling
from bot.inspection.followups.service import close, handle, open_for_approved
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Person
from bot.inspection.publication.messages import enterprise_published, publication_blocked, publicity_reminder
from bot.inspection.publication.models import Publication
from bot.inspection.publication.service import (
    correct,
    keep_back,
    publish_again,
    publish_approved,
    withdraw,
)
from bot.inspection.publication.snapshot import (
    DETAIL,
    HANDLING,
    HEADER,
    PENDING,
    Facts,
    Finding,
    refuse_private_data,
    snapshot,
)
from bot.inspection.registry.models import InspectionObject
from bot.inspection.results.service import Decision, review_visit
from bot.inspection.tasks.models import Task, TaskState, Visit, VisitState
from tests.fakes.reminding import remind
from tests.inspection.decided import (
    CALENDAR,
    CODE,
    CONTACT,
    COORDINATOR,
    LEAD,
    NAMES,
    P1,
    P2,
    REVIEWER,
    SC,
    YL,
    at,
    authority,
    told,
    visit,
)

APPROVED = VisitState.APPROVED
NOW = at("2026-09-22 10:00")
PHONE = "经营者王某13812345678来电核实"
CLEAN = [["R01"], ["R01"]]
FACTS = Facts(
    plan_code="JH2026",
    plan_name="2026年度抽查计划",
    task_number="410603202609010001",
    task_name="餐饮服务抽查",
    targeted=False,
    authority="山城区市场监督管理局",
    inspected_on=dt.date(2026, 9, 18),
    object_code=CODE,
    object_name="山城区第1餐饮店",
    findings=(Finding("食品安全", ("R01",)),),
)


def tick(session: Session, when: dt.datetime = NOW, profile: object = SC) -> int:
    """Both ticks, in the order of the scheduler."""
    open_for_approved(session, now=when, profile=profile, calendar=CALENDAR)  # type: ignore[arg-type]
    return publish_approved(session, now=when, profile=profile, calendar=CALENDAR)  # type: ignore[arg-type]


def latest(session: Session, number: int = 1) -> Publication:
    query = select(Publication).where(Publication.visit_id == number)
    return max(session.exec(query), key=lambda public: public.version)


# -- the golden cases of C22 ---------------------------------------------------------------------------


def test_sc_a_normal_result_that_ended_on_18_september_is_due_on_22_october(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED, ended="2026-09-18")
        tick(session)
        assert latest(session).due_on == dt.date(2026, 10, 22)
        assert not latest(session).late

    db.write_now(story)


def test_sc_a_problem_decided_on_9_october_is_due_on_5_november_and_waits_until_then(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R08"], ["R01"]], state=APPROVED, problem="涉嫌使用过期原料")
        assert tick(session) == 0
        assert session.get_one(Visit, 1).publish_due is None
        found = session.exec(select(FollowUp)).one()
        handle(
            session,
            follow_up_id=found.id or 0,
            person_id=P1,
            handling=Handling.CASE,
            note="山市监案〔2026〕12号",
            now=at("2026-10-09 15:00"),
        )
        assert tick(session, at("2026-10-09 15:01")) == 1
        public = latest(session)
        assert public.due_on == dt.date(2026, 11, 5)
        assert public.body["details"][0]["handling"] == "已立案查处"
        assert "案〔2026〕" not in json.dumps(public.body, ensure_ascii=False)  # nothing a person typed

    db.write_now(story)


def test_sc_without_a_decision_there_is_no_due_date_and_the_handler_is_chased(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R08"], ["R01"]], state=APPROVED)
        tick(session)
        remind(session, at("2026-09-30 09:00"), SC)
        assert told(session, "publicity_reminder") == []
        assert [who for _, who, _ in told(session, "correction_reminder")] == [P1]

    db.write_now(story)


def test_yl_a_task_completed_on_15_september_is_due_on_19_october(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED, ended="2026-09-10")
        visit(session, 2, CLEAN, state=APPROVED, ended="2026-09-15")
        tick(session, profile=YL)
        assert {p.due_on for p in session.exec(select(Publication))} == {dt.date(2026, 10, 19)}

    db.write_now(story)


def test_yl_a_problem_is_published_at_once_as_pending_and_updated_when_handled(db: Database) -> None:
    """Decision D5."""

    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R03"], ["R01"]], state=APPROVED, problem="年报数据不实")
        assert tick(session, profile=YL) == 1
        assert [d["raninsCheckResName"] for d in latest(session).body["details"]] == [PENDING, "未发现问题"]
        found = session.exec(select(FollowUp)).one()
        handle(
            session,
            follow_up_id=found.id or 0,
            person_id=P1,
            handling=Handling.LISTED,
            note="3号",
            now=at("2026-09-25 10:00"),
        )
        assert tick(session, at("2026-09-25 10:01"), YL) == 1
        public = latest(session)
        assert (public.version, public.ground) == (2, "问题处理情况更新")
        assert public.body["details"][0]["raninsCheckResName"] == "公示信息隐瞒真实情况、弄虚作假"
        assert tick(session, at("2026-09-25 10:02"), YL) == 0
        assert [slot for _, _, slot in told(session, "enterprise_published")] == ["", "version-2"]

    db.write_now(story)


# -- the record and its guard ------------------------------------------------------------------------------


def test_the_record_holds_exactly_the_public_fields() -> None:
    body = snapshot(FACTS, publish_handling=True)
    assert tuple(body) == (*HEADER, "details")
    assert [tuple(detail) for detail in body["details"]] == [DETAIL]


def test_handling_is_left_out_where_the_locality_does_not_publish_it() -> None:
    from dataclasses import replace  # noqa: PLC0415

    facts = replace(
        FACTS, findings=(Finding("食品安全", ("R02",), handling="已办结", handled_on=dt.date(2026, 10, 9)),)
    )
    assert HANDLING[0] in snapshot(facts, publish_handling=True)["details"][0]
    assert HANDLING[0] not in snapshot(facts, publish_handling=False)["details"][0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("李四（13812345678）餐饮店", "手机号"),
        ("联系 138 1234 5678", "手机号"),
        ("１３８１２３４５６７８", "手机号"),
        ("410603198701011234", "身份证号"),
        ("41060319870101123x", "身份证号"),
        ("账号6222020200112233445", "银行卡号"),
        ("6222 0202 0011 2233 445", "银行卡号"),
    ],
)
def test_a_personal_number_in_any_field_is_refused_and_never_repeated(text: str, kind: str) -> None:
    with pytest.raises(Problem) as refused:
        refuse_private_data({"entName": text, "details": [{"raninsItemName": text}]})
    assert refused.value.key == "private_data"
    assert refused.value.fields == {"entName": kind, "details.raninsItemName": kind}
    assert not re.search(r"\d{6}", str(refused.value))


@pytest.mark.parametrize(
    "body",
    [
        {"uniscid": CODE},
        {"uniscid": "梯11粤G00123(24)"},
        {"raninsTaskId": "410603199001011234"},
        {"raninsPlaneName": "2026-03-10至2026-03-31抽查"},
        {"uniscid": "410603600012345"},
    ],
)
def test_credit_codes_our_own_numbers_and_dates_are_no_personal_numbers(body: dict[str, str]) -> None:
    refuse_private_data(body)


def test_an_id_in_place_of_a_credit_code_is_refused() -> None:
    with pytest.raises(Problem):
        refuse_private_data({"uniscid": "410603198701011234"})


@given(
    st.lists(st.text("0123456789 -Xx张三餐饮店（）", max_size=40), min_size=6, max_size=6),
    st.sampled_from(["R01", "R02", "R04", "R08"]),
)
def test_no_record_ever_holds_a_personal_number(texts: list[str], code: str) -> None:
    """Whatever people typed into names: the record is made without such numbers, or not at all."""
    plan, task, authority_, name, item, handling = texts
    facts = Facts(
        "JH2026",
        plan,
        "410603202609010001",
        task,
        True,
        authority_,
        dt.date(2026, 9, 18),
        CODE,
        name,
        (Finding(item, (code,), handling=handling),),
    )
    try:
        body = snapshot(facts, publish_handling=True)
    except Problem:
        return
    typed = [value for key, value in body.items() if key not in ("raninsTaskId", "uniscid", "details")]
    typed += [str(value) for detail in body["details"] for value in detail.values()]
    for text in typed:
        assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", text)
        assert not re.search(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])", text)
        assert not re.search(r"(?<!\d)\d{16,19}(?!\d)", text)


def test_a_published_record_names_no_officer_and_no_contact(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R02"], ["R05"]], state=APPROVED, problem="王建国发现：钱老板 13800000021 未公示")
        tick(session)
        text = json.dumps(latest(session).body, ensure_ascii=False)
        assert not [name for name in NAMES.values() if name in text]
        assert not [p.mobile for p in session.exec(select(Person)) if p.mobile in text]

    db.write_now(story)


def test_a_blocked_record_stays_unpublished_and_the_coordinator_is_told_once_a_day(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED, name="李四13812345678餐饮店")
        visit(session, 2, CLEAN, state=APPROVED)
        assert tick(session) == 1  # the other one is not held up
        assert tick(session) == 0
        assert session.get_one(Visit, 1).state == APPROVED
        assert [(subject, who) for subject, who, _ in told(session, "publication_blocked")] == [
            ("visit:1", COORDINATOR)
        ]
        notice = session.exec(select(Notice).where(Notice.kind == "publication_blocked")).one()
        content = publication_blocked(session, notice, NOW)
        assert isinstance(content, Content)
        assert content.values["where"] == "名称（手机号）"
        tick(session, at("2026-09-23 10:00"))
        assert len(told(session, "publication_blocked")) == 2
        target = session.get_one(InspectionObject, 1)
        target.name = "李四餐饮店"
        session.add(target)
        session.flush()
        later = at("2026-09-23 11:00")
        publish_again(session, visit_id=1, by=COORDINATOR, now=later, profile=SC, calendar=CALENDAR)
        assert session.get_one(Visit, 1).state == VisitState.PUBLISHED
        assert isinstance(publication_blocked(session, notice, NOW), Skip)

    db.write_now(story)


def test_an_update_the_guard_refuses_leaves_the_old_version_and_holds_up_nobody(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R03"], ["R01"]], state=APPROVED)
        tick(session, profile=YL)
        target = session.get_one(InspectionObject, 1)
        target.name = "李四13812345678餐饮店"
        session.add(target)
        visit(session, 2, CLEAN, state=APPROVED)
        found = session.exec(select(FollowUp)).one()
        later = at("2026-09-23 10:00")
        close(session, follow_up_id=found.id or 0, person_id=P1, note="列入异常名录", now=later)
        assert tick(session, at("2026-09-23 10:01"), YL) == 1
        assert latest(session, 1).version == 1
        assert tick(session, at("2026-09-23 10:02"), YL) == 0
        notice = session.exec(select(Notice).where(Notice.kind == "publication_blocked")).one()
        assert isinstance(publication_blocked(session, notice, NOW), Content)
        target.name = "李四餐饮店"
        session.add(target)
        session.flush()
        again = publish_again(
            session, visit_id=1, by=COORDINATOR, now=at("2026-09-23 11:00"), profile=YL, calendar=CALENDAR
        )
        assert again.version == 2
        assert isinstance(publication_blocked(session, notice, NOW), Skip)

    db.write_now(story)


# -- what follows ------------------------------------------------------------------------------------------


def test_publishing_twice_makes_one_record_and_one_message(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED)
        assert tick(session) == 1
        assert tick(session) == 0
        assert len(session.exec(select(Publication)).all()) == 1
        assert [who for _, who, _ in told(session, "enterprise_published")] == [CONTACT]
        notice = session.exec(select(Notice).where(Notice.kind == "enterprise_published")).one()
        content = enterprise_published(session, notice, NOW)
        assert isinstance(content, Content)
        assert content.pages[0].path == f"/public/results/{latest(session).id}"

    db.write_now(story)


def test_the_fingerprint_is_that_of_the_canonical_record(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED)
        tick(session)
        assert latest(session).sha256 == sha256_hex(canonical(latest(session).body))

    db.write_now(story)


def test_the_task_is_completed_when_nothing_waits_any_more(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED)
        visit(session, 2, CLEAN)
        tick(session)
        assert session.get_one(Task, 1).state == TaskState.IN_PROGRESS
        review_visit(session, visit_id=2, reviewer_id=REVIEWER, decision=Decision.APPROVED, now=NOW)
        tick(session)
        task = session.get_one(Task, 1)
        assert (task.state, task.completed_at) == (TaskState.COMPLETED, NOW)
        assert [who for _, who, _ in told(session, "task_completed")] == [LEAD, COORDINATOR]

    db.write_now(story)


def test_a_late_publication_says_so(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED)
        tick(session, at("2026-10-23 10:00"))
        assert latest(session).late

    db.write_now(story)


def test_only_a_correction_changes_an_approved_result_and_the_old_version_stays(db: Database) -> None:
    """C21: after approval the text is frozen and only a correction record can change it."""

    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED)
        tick(session)
        first = latest(session)
        with pytest.raises(Problem) as refused:
            correct(session, visit_id=1, codes={1: ["R07"]}, ground="核实", by=LEAD, now=NOW, profile=SC)
        assert refused.value.key == "forbidden"
        with pytest.raises(Problem) as refused:
            correct(session, visit_id=1, codes={1: ["R07"]}, ground=" ", by=COORDINATOR, now=NOW, profile=SC)
        assert refused.value.key == "reason_missing"
        with pytest.raises(Problem, match="手机号") as refused:
            correct(
                session, visit_id=1, codes={1: ["R07"]}, ground=PHONE, by=COORDINATOR, now=NOW, profile=SC
            )
        assert (refused.value.key, "138" in str(refused.value)) == ("private_data", False)
        second = correct(
            session, visit_id=1, codes={1: ["R07"]}, ground="核实", by=COORDINATOR, now=NOW, profile=SC
        )
        assert (second.version, second.ground) == (2, "核实")
        assert second.id != first.id
        assert first.body["details"][0]["raninsCheckResName"] == "未发现问题"
        with pytest.raises(Problem) as refused:
            correct(session, visit_id=1, codes={}, ground="再次", by=COORDINATOR, now=NOW, profile=SC)
        assert refused.value.key == "nothing_changed"

    db.write_now(story)


def test_a_withdrawal_is_kept_with_its_ground_and_ends_later_updates(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R02"], ["R01"]], state=APPROVED)
        tick(session)
        gone = withdraw(
            session, visit_id=1, ground="对象登记错误", by=COORDINATOR, now=at("2026-09-23 10:00")
        )
        assert withdraw(session, visit_id=1, ground="再次", by=COORDINATOR, now=NOW).id == gone.id
        assert gone.body["details"] == []
        assert all(public.withdrawn for public in session.exec(select(Publication)))
        found = session.exec(select(FollowUp)).one()
        close(session, follow_up_id=found.id or 0, person_id=P1, note="已公示", now=at("2026-09-24 10:00"))
        assert tick(session, at("2026-09-24 10:01")) == 0

    db.write_now(story)


def test_what_is_kept_back_counts_as_finished_and_is_never_published(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=APPROVED)
        keep_back(session, visit_id=1, ground="涉及国家秘密", by=COORDINATOR, now=NOW)
        assert tick(session) == 0
        assert session.get_one(Task, 1).state == TaskState.COMPLETED

    db.write_now(story)


def test_reminders_follow_the_working_calendar_and_the_chain_and_stop_when_published(db: Database) -> None:
    """C28: due 2026-10-22, reminders on 10-09, 10-15, 10-19 and 10-21, none in the holiday, none twice."""

    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=VisitState.RECORDED)
        days: dict[str, list[int]] = {}
        for day in (
            f"2026-{month:02}-{number:02}"
            for month, first, last in ((10, 1, 30),)
            for number in range(first, last + 1)
        ):
            before = set(told(session, "publicity_reminder"))
            for hour in ("08:59", "09:00", "09:05"):
                remind(session, at(f"{day} {hour}"), SC)
            new = set(told(session, "publicity_reminder")) - before
            if new:
                days[day] = sorted(who for _, who, _ in new)
        assert [day for day in days if day <= "2026-10-22"] == [
            "2026-10-09",
            "2026-10-15",
            "2026-10-19",
            "2026-10-21",
        ]
        assert days["2026-10-09"] == [P1, P2]
        assert days["2026-10-19"] == [LEAD, P1, P2]
        assert days["2026-10-23"] == [LEAD, P1, P2]
        assert COORDINATOR in days["2026-10-29"]  # the fifth working day
        assert COORDINATOR not in days["2026-10-28"]
        notice = session.exec(select(Notice).where(Notice.kind == "publicity_reminder")).first()
        assert notice is not None
        assert isinstance(publicity_reminder(session, notice, at("2026-10-19 09:00")), Content)
        late = session.get_one(Visit, 1)
        late.state = APPROVED
        session.add(late)
        tick(session, at("2026-10-30 10:00"))
        assert isinstance(publicity_reminder(session, notice, at("2026-10-30 10:01")), Skip)
        assert told(session, "publicity_reminder") == []

    db.write_now(story)
