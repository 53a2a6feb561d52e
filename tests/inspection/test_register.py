"""C1: the register of duties is filled from the profile and chased until each is filed."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import CHINA, china, china_day
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.plans.models import DutyEntry, DutyKind
from bot.inspection.plans.register import duties_of, file_duty, file_plan, open_year
from bot.inspection.plans.register_messages import duty_digest, duty_reminder
from bot.inspection.profile import load_profile
from tests.fakes.builders import make_department, make_person
from tests.fakes.reminding import CALENDAR, remind


def at(month: int, day: int, hour: int = 9) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, tzinfo=CHINA)


def county(session: Session, departments: int = 20) -> tuple[int, list[int], list[int]]:
    """The joint-conference office and *departments* with a lead each: (coordinator, department ids, lead ids)."""
    office = make_department(session, name="联席会议办公室").id or 0
    coordinator = make_person(session, role=Role.COORDINATOR, department_id=office).id or 0
    made = [make_department(session).id or 0 for _ in range(departments)]
    leads = [make_person(session, role=Role.LEAD, department_id=d).id or 0 for d in made]
    return coordinator, made, leads


def plans(session: Session) -> list[DutyEntry]:
    query = select(DutyEntry).where(DutyEntry.kind == DutyKind.PLAN).order_by(col(DutyEntry.department_id))
    return list(session.exec(query))


def test_c1_lz_seventeen_of_twenty_are_reminded_on_16_january_and_the_office_gets_one_digest(
    db: Database,
) -> None:
    profile = load_profile("LZ")

    def story(session: Session) -> None:
        coordinator, _, leads = county(session)
        open_year(session, year=2026, now=at(1, 5, 10), profile=profile, calendar=CALENDAR)
        session.flush()
        assert {entry.due_on for entry in plans(session)} == {dt.date(2026, 1, 31)}
        assert len(plans(session)) == 20
        for entry in plans(session)[:3]:
            file_duty(session, duty_id=entry.id or 0, evidence="罗教〔2026〕1号", now=at(1, 12))
        day = dt.date(2026, 1, 5)
        while day <= dt.date(2026, 1, 30):
            remind(session, at(1, day.day), profile)
            day += dt.timedelta(days=1)
        waiting = set(leads[3:])
        mine = told_about(session, plans(session))
        assert mine == {
            dt.date(2026, 1, 16): waiting,
            dt.date(2026, 1, 23): waiting,
            dt.date(2026, 1, 29): waiting,
        }
        digests = session.exec(
            select(Notice).where(Notice.kind == "duty_digest", Notice.subject == "plan:2026")
        ).all()
        assert [(n.recipient_id, china(n.not_before)) for n in digests] == [(coordinator, at(1, 16))]
        content = duty_digest(session, digests[0], at(1, 16))
        assert isinstance(content, Content)
        assert content.values["count"] == 17

    db.write_now(story)


def told_about(session: Session, entries: list[DutyEntry]) -> dict[dt.date, set[int]]:
    subjects = {f"duty:{entry.id}" for entry in entries}
    days: dict[dt.date, set[int]] = {}
    for notice in session.exec(select(Notice).where(Notice.kind == "duty_reminder")):
        if notice.subject in subjects:
            days.setdefault(china_day(notice.not_before), set()).add(notice.recipient_id)
    return days


def test_c1_yl_the_same_code_gives_15_april_with_reminders_on_31_march_8_and_14_april(db: Database) -> None:
    profile = load_profile("YL")

    def story(session: Session) -> None:
        _, _, [lead] = county(session, 1)
        open_year(session, year=2026, now=at(3, 1, 10), profile=profile, calendar=CALENDAR)
        day = dt.date(2026, 3, 2)
        while day <= dt.date(2026, 4, 15):
            remind(session, at(day.month, day.day), profile)
            day += dt.timedelta(days=1)
        [entry] = plans(session)
        assert entry.due_on == dt.date(2026, 4, 15)
        assert told_about(session, [entry]) == {
            dt.date(2026, 3, 31): {lead}, dt.date(2026, 4, 8): {lead}, dt.date(2026, 4, 14): {lead},
        }  # fmt: skip

    db.write_now(story)


def test_a_published_plan_is_its_own_proof_and_filing_stops_the_chase(db: Database) -> None:
    profile = load_profile("LZ")

    def story(session: Session) -> None:
        _, [department], [lead] = county(session, 1)
        open_year(session, year=2026, now=at(1, 5, 10), profile=profile, calendar=CALENDAR)
        assert open_year(session, year=2026, now=at(1, 6, 10), profile=profile, calendar=CALENDAR) == 0
        remind(session, at(1, 16), profile)
        file_plan(session, department_id=department, year=2026, code="LZ-2026", now=at(1, 16, 10))
        [entry] = plans(session)
        assert entry.evidence == "计划 LZ-2026"
        waiting = session.exec(select(Notice).where(Notice.subject == f"duty:{entry.id}")).all()
        assert [notice.state for notice in waiting] == ["withdrawn"]
        content = duty_reminder(session, waiting[0], at(1, 16, 11))
        assert isinstance(content, Content)
        assert content.closed == "已报送"
        assert isinstance(duty_digest(session, Notice(kind="duty_digest", subject="plan:2026", recipient_id=lead,
                                                      not_before=at(1, 16), created_at=at(1, 16)), at(1, 16)), Skip)  # fmt: skip
        remind(session, at(1, 23), profile)
        assert told_about(session, [entry]) == {dt.date(2026, 1, 16): {lead}}

    db.write_now(story)


def test_only_the_department_files_and_never_without_proof(db: Database) -> None:
    profile = load_profile("ZJ")

    def story(session: Session) -> None:
        _, _, [one, other] = county(session, 2)
        open_year(session, year=2026, now=at(1, 5, 10), profile=profile, calendar=CALENDAR)
        [first, _] = plans(session)
        with pytest.raises(Problem, match="本部门负责人"):
            file_duty(session, duty_id=first.id or 0, evidence="x", now=at(1, 6), actor=other)
        with pytest.raises(Problem, match="文号"):
            file_duty(session, duty_id=first.id or 0, evidence=" ", now=at(1, 6), actor=one)
        file_duty(session, duty_id=first.id or 0, evidence="湛教〔2026〕1号", now=at(1, 6), actor=one)
        assert (
            file_duty(session, duty_id=first.id or 0, evidence="另一个", now=at(1, 7)).evidence
            == "湛教〔2026〕1号"
        )
        kinds = [entry.kind for entry, _ in duties_of(session, year=2026)]
        assert sorted(set(kinds)) == [
            "joint_plan",
            "plan",
            "yearly_results",
        ]  # ZJ has a yearly day for results

    db.write_now(story)
