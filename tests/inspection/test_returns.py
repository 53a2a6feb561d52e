"""Return visits: a recorded draw of finished visits, other officers, differences to those who answer for it (C31)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import Deadline
from bot.inspection.draws import algorithm
from bot.inspection.followups.return_messages import (
    return_appointment,
    return_difference,
    return_visit,
    return_visit_reminder,
)
from bot.inspection.followups.return_models import Finding, ReturnOfficer, ReturnSample, ReturnVisit
from bot.inspection.followups.returns import STRATUM, draw_returns, officers_of, record_return
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.plans.strata import StratumRule
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import Task, TaskState, Visit, VisitOfficer, VisitState
from tests.fakes.builders import (
    WINDOW,
    make_department,
    make_enterprise,
    make_item,
    make_object,
    make_officer,
    make_person,
    make_plan_line,
    make_task,
)
from tests.fakes.reminding import remind
from tests.inspection.decided import at

ZJ = load_profile("ZJ")
CALENDAR = WorkCalendar.load()
NOW = at("2026-04-01 10:00")
SECRET = bytes(range(32))


def finished(session: Session, *, visits: int = 200, officers: int = 8, outcome: str = "R01") -> int:
    """A task with finished visits, each by two of the department's officers; its lead also inspects."""
    department = make_department(session).id or 0
    make_person(session, role=Role.LEAD, department_id=department)
    make_person(session, role=Role.COORDINATOR, department_id=department)
    people = [make_officer(session, department).id or 0 for _ in range(officers)]
    line = make_plan_line(session, department, item_ids=[make_item(session).id or 0])
    task = make_task(session, line=line, state=TaskState.IN_PROGRESS)
    for n in range(visits):
        made = Visit(
            number=f"{task.number}-{n:04}", task_id=task.id or 0, object_id=make_object(session).id or 0,
            state=VisitState.PUBLISHED if n % 2 else VisitState.APPROVED, stratum="B", ticket="0" * 64, rank=n,
            planned_on=WINDOW[0], due_on=WINDOW[1], outcome=outcome,
        )  # fmt: skip
        session.add(made)
        session.flush()
        for person in (people[n % officers], people[(n + 1) % officers]):
            session.add(VisitOfficer(visit_id=made.id or 0, person_id=person, ticket="", assigned_at=NOW))
    session.flush()
    return task.id or 0


def draw(session: Session, task: int, percent: str = "5") -> ReturnSample:
    return draw_returns(
        session, task_id=task, percent=percent, secret=SECRET, now=NOW, profile=ZJ, calendar=CALENDAR
    )


def due(offset: int) -> dt.datetime:
    """The morning so many working days from the last day of a return visit."""
    last = CALENDAR.add_workdays(NOW.date(), ZJ.visit.return_workdays)
    return at(f"{CALENDAR.add_workdays(last, offset)} 10:00")


def told(session: Session, kind: str) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == kind).order_by(col(Notice.id))))


def test_c31_of_two_hundred_finished_five_percent_are_ten_by_recorded_draw_and_none_by_an_original_officer(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        task = finished(session)
        sample = draw(session, task)
        made = session.exec(select(ReturnVisit).order_by(col(ReturnVisit.rank))).all()
        assert len(made) == 10
        again = algorithm.pick(
            {STRATUM: sample.pool}, rules={STRATUM: StratumRule.parse("5")},
            seed=algorithm.seed_of(
                task=session.get_one(Task, task).number, number=1, pool_sha256=sample.pool_sha256,
                rules_sha256=sample.rules_sha256, secret_hex=sample.secret_hex, public_value="",
            ),
        )  # fmt: skip
        assert [p.ticket for p in again] == [r.ticket for r in made]
        assert sample.pool_sha256 == algorithm.fingerprint(
            algorithm.pool_bytes((v, STRATUM) for v in sample.pool)
        )
        for one in made:
            first = set(
                session.exec(select(VisitOfficer.person_id).where(VisitOfficer.visit_id == one.visit_id))
            )
            assert first.isdisjoint(officers_of(session, one.id or 0))
        assert len(session.exec(select(ReturnOfficer)).all()) == 20
        assert len(told(session, "return_visit")) == 20

    db.write_now(story)


def test_c31_a_difference_goes_to_the_lead_unit_and_the_office_not_to_the_original_officers(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        task = finished(session, visits=1)
        draw(session, task, "100")
        one = session.exec(select(ReturnVisit)).one()
        staff = officers_of(session, one.id or 0)
        with pytest.raises(Problem) as refused:
            record_return(
                session, return_id=one.id or 0, person_id=staff[0], finding=Finding.PROBLEM, note=" ", now=NOW
            )
        assert refused.value.key == "text_missing"
        original = session.exec(select(VisitOfficer.person_id)).all()
        with pytest.raises(Problem) as refused:
            record_return(
                session, return_id=one.id or 0, person_id=original[0], finding=Finding.CLEAN, now=NOW
            )
        assert refused.value.key == "forbidden"
        record_return(
            session,
            return_id=one.id or 0,
            person_id=staff[0],
            finding=Finding.PROBLEM,
            note="无消毒设施",
            now=NOW,
        )
        record_return(session, return_id=one.id or 0, person_id=staff[1], finding=Finding.CLEAN, now=NOW)
        assert (one.finding, one.differs) == ("PROBLEM", True)
        differences = told(session, "return_difference")
        assert len(differences) == 2
        assert {n.recipient_id for n in differences}.isdisjoint(original)
        content = return_difference(session, differences[0], NOW)
        assert isinstance(content, Content)
        assert (content.values["first"], content.values["note"]) == ("未发现问题", "无消毒设施")
        card = return_visit(session, told(session, "return_visit")[0], NOW)
        assert isinstance(card, Content)
        assert card.closed.startswith("发现问题")

    db.write_now(story)


@pytest.mark.parametrize(
    ("outcome", "finding"), [("R01", Finding.CLEAN), ("R08", Finding.PROBLEM), ("R05", Finding.CLEAN)]
)
def test_the_same_finding_or_a_corrected_problem_is_no_difference(
    db: Database, outcome: str, finding: Finding
) -> None:
    def story(session: Session) -> None:
        task = finished(session, visits=1, outcome=outcome)
        draw(session, task, "1")
        one = session.exec(select(ReturnVisit)).one()
        staff = officers_of(session, one.id or 0)
        record_return(
            session, return_id=one.id or 0, person_id=staff[0], finding=finding, note="同前", now=NOW
        )
        assert not one.differs
        assert told(session, "return_difference") == []

    db.write_now(story)


def test_where_the_locality_makes_appointments_the_enterprise_hears_who_comes(db: Database) -> None:
    def story(session: Session) -> None:
        task = finished(session, visits=1)
        visit = session.exec(select(Visit)).one()
        contact = make_enterprise(session, visit.object_id, account="boss").id
        draw(session, task, "100")
        assert told(session, "return_appointment") == []
        session.delete(session.exec(select(ReturnOfficer)).all()[0])
        for row in (*session.exec(select(ReturnOfficer)).all(), session.exec(select(ReturnVisit)).one()):
            session.delete(row)
        session.flush()
        wanted = ZJ.model_copy(update={"visit": ZJ.visit.model_copy(update={"return_appointment": True})})
        draw_returns(
            session, task_id=task, percent="100", secret=SECRET, now=NOW, profile=wanted, calendar=CALENDAR
        )
        [notice] = told(session, "return_appointment")
        assert notice.recipient_id == contact
        content = return_appointment(session, notice, NOW)
        assert isinstance(content, Content)
        assert content.values["team"].count("、") == 1

    db.write_now(story)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT id FROM returnvisit WHERE reminded_on IS NULL ORDER BY id LIMIT 200", "ix_return_changed"),
        ("SELECT id FROM transfer WHERE reminded_on IS NULL ORDER BY id LIMIT 200", "ix_transfer_changed"),
    ],
)
def test_the_tick_finds_what_changed_by_an_index(db: Database, query: str, index: str) -> None:
    def plan(session: Session) -> str:
        explain = "EXPLAIN QUERY PLAN"
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
            explain = "EXPLAIN"
        return str(session.execute(text(f"{explain} {query}")).all())

    assert index in db.read_now(plan)


def test_who_was_returned_to_is_not_drawn_again_and_the_rest_may_be(db: Database) -> None:
    def story(session: Session) -> None:
        task = finished(session, visits=4)
        draw(session, task, "50")
        draw(session, task, "100")
        assert len(session.exec(select(ReturnVisit)).all()) == 4
        with pytest.raises(Problem) as refused:
            draw(session, task)
        assert refused.value.key == "pool_empty"

    db.write_now(story)


def test_without_others_or_where_it_is_switched_off_nothing_is_drawn(db: Database) -> None:
    def story(session: Session) -> None:
        task = finished(session, visits=2, officers=3)
        with pytest.raises(Problem) as refused:
            draw(session, task, "100")
        assert refused.value.key == "officers_missing"
        off = ZJ.model_copy(update={"visit": ZJ.visit.model_copy(update={"return_visits": False})})
        with pytest.raises(Problem) as refused:
            draw_returns(
                session, task_id=task, percent="5", secret=SECRET, now=NOW, profile=off, calendar=CALENDAR
            )  # fmt: skip
        assert refused.value.key == "return_visits_off"
        for percent in ("-1", "101", "五"):
            with pytest.raises(Problem) as refused:
                draw(session, task, percent)
            assert refused.value.key == "ratio_invalid"

    db.write_now(story)


def test_staff_are_reminded_before_the_end_and_their_lead_after_it(db: Database) -> None:
    def story(session: Session) -> None:
        task = finished(session, visits=1)
        draw(session, task, "100")
        one = session.exec(select(ReturnVisit)).one()
        staff = officers_of(session, one.id or 0)
        remind(session, due(-3), ZJ)
        assert sorted(n.recipient_id for n in told(session, "return_visit_reminder")) == staff
        remind(session, due(1), ZJ)
        late = [n for n in told(session, "return_visit_reminder") if n.slot.startswith("T+1")]
        assert len(late) == 3
        for notice in late:
            content = return_visit_reminder(session, notice, NOW)
            assert isinstance(content, Content)
            assert bool(content.asks) == (notice.recipient_id in staff)
        record_return(session, return_id=one.id or 0, person_id=staff[0], finding=Finding.CLEAN, now=NOW)
        remind(session, due(2), ZJ)
        assert isinstance(return_visit_reminder(session, late[0], NOW), Skip)
        assert (
            session.exec(select(Deadline.closed_at).where(Deadline.kind == "return_visit")).one() is not None
        )

    db.write_now(story)
