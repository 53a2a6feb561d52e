"""Forms that are saved and handed in at once: each has what is its own, on both databases (C17, C21)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.service import verify
from bot.inspection.checklists.models import Answer, VisitForm
from bot.inspection.checklists.service import DraftSaved, Save, save_draft
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.profile.terms import Demand
from bot.inspection.results.models import ItemResult, Review
from bot.inspection.results.submit import HandIn, Receipt, submit_visit
from bot.inspection.tasks.models import Visit, VisitState
from tests.fakes.builders import make_person
from tests.fakes.desk import CALENDAR, GOOD, PROFILE
from tests.fakes.visits import LI, REVIEWER, STRANGER, WANG, make_visit, many_visits

UNSIGNED = PROFILE.model_copy(update={"record": PROFILE.record.model_copy(update={"signature": Demand.OFF})})
SECOND_REVIEWER = 91
FORMS = [f"form-{n}" for n in range(2, 8)]


@pytest.fixture
def many(db: Database, clock: ManualClock) -> Database:
    """Six visits on site, with open forms and two reviewers."""

    def make(session: Session) -> None:
        make_person(session, id=SECOND_REVIEWER, code="P91", department_id=1)
        session.add(PersonRole(person_id=SECOND_REVIEWER, role=Role.REVIEWER))

    db.write_now(make_visit, now=clock.now())
    db.write_now(many_visits, len(FORMS), now=clock.now())
    db.write_now(make)
    return db


def saves(form: str, note: str, person: int = WANG) -> Save:
    return Save(form, person, {key: {**answer, "note": note} for key, answer in GOOD.items()}, 0)


def hands_in(form: str, clock: ManualClock, person: int = WANG, *, later: int = 0) -> HandIn:
    return HandIn(form, person, clock.now() + dt.timedelta(minutes=later), UNSIGNED, CALENDAR)


def hand_in(db: Database, calls: list[HandIn]) -> list[Any]:
    return db.write_now(lambda session: submit_visit.run(session, calls))


def save(db: Database, calls: list[Save]) -> list[Any]:
    return db.write_now(lambda session: save_draft.run(session, calls))


def rows(db: Database, model: type[Any]) -> list[Any]:
    return db.read_now(lambda s: list(s.exec(select(model))))


def test_each_form_keeps_its_own_answers_and_moment(many: Database, clock: ManualClock) -> None:
    saved = save(many, [saves(form, f"说明 {form}") for form in FORMS])
    assert [one.draft["CL-1:3"]["note"] for one in saved] == [f"说明 {form}" for form in FORMS]
    receipts = hand_in(many, [hands_in(form, clock, later=n) for n, form in enumerate(FORMS)])
    assert [one.number for one in receipts] == [f"B-{n}" for n in range(2, 8)]
    visits = {visit.id: visit for visit in rows(many, Visit)}
    for n, form in enumerate(FORMS):
        visit_id, at = n + 2, clock.now() + dt.timedelta(minutes=n)
        answers = [answer for answer in rows(many, Answer) if answer.visit_id == visit_id]
        assert {answer.question for answer in answers} == set(GOOD)
        assert {answer.note for answer in answers if answer.question != "item:1"} == {f"说明 {form}"}
        assert {answer.at for answer in answers} == {at} == {visits[visit_id].submitted_at}
    assert [one.visit_id for one in rows(many, ItemResult)] == list(range(2, 8))
    assert {form.id: form.receipt["number"] for form in rows(many, VisitForm) if form.receipt} == {
        form: f"B-{n + 2}" for n, form in enumerate(FORMS)
    }
    assert many.read_now(verify).broken_at is None


def test_who_is_refused_is_refused_alone(many: Database, clock: ManualClock) -> None:
    save(many, [saves(form, "") for form in FORMS[:2]])
    calls = [
        hands_in(FORMS[0], clock),
        hands_in(FORMS[2], clock),  # nothing answered
        hands_in(FORMS[1], clock, STRANGER),
        hands_in("form-0", clock),
        hands_in(FORMS[1], clock),
    ]
    answers = hand_in(many, calls)
    keys = [answer.key if isinstance(answer, Problem) else answer.number for answer in answers]
    assert keys == ["B-2", "form_incomplete", "forbidden", "not_found", "B-3"]
    assert {answer.visit_id for answer in rows(many, Answer)} == {2, 3}


def test_two_officers_handing_in_at_once_have_one_receipt(many: Database, clock: ManualClock) -> None:
    save(many, [saves(FORMS[0], "")])
    first, second = hand_in(many, [hands_in(FORMS[0], clock), hands_in(FORMS[0], clock, LI, later=1)])
    assert isinstance(first, Receipt)
    assert second == first
    assert len(rows(many, Answer)) == len(GOOD)
    assert len(rows(many, Notice)) == 1


def test_partners_who_save_at_once_have_both_answers(many: Database) -> None:
    calls = [
        Save(FORMS[0], WANG, {"CL-1:1": {"value": "是", "base": 0}}, 0),
        Save(FORMS[0], LI, {"CL-1:2": {"value": "否", "base": 0}}, 0),
        Save(FORMS[0], LI, {"CL-1:1": {"value": "否", "base": 0}}, 0),
        Save(FORMS[1], LI, {"CL-9:1": {"value": "否"}}, 0),
    ]
    answers = save(many, calls)
    assert [getattr(answer, "version", None) for answer in answers] == [1, 2, 3, None]
    assert answers[3].key == "question_unknown"
    (draft,) = [form.draft for form in rows(many, VisitForm) if form.id == FORMS[0]]
    assert (draft["CL-1:1"]["value"], draft["CL-1:1"]["also"]["value"]) == ("是", "否")
    assert draft["CL-1:2"] == {
        "value": "否",
        "note": "",
        "reading": "",
        "verdict": "",
        "v": 2,
        "by": LI,
        "ids": [],
    }


def test_the_reviewers_share_what_comes_at_once(many: Database, clock: ManualClock) -> None:
    save(many, [saves(form, "") for form in FORMS])
    hand_in(many, [hands_in(FORMS[0], clock)])
    hand_in(many, [hands_in(form, clock) for form in FORMS[1:]])
    asked = many.read_now(lambda s: s.exec(select(Notice.recipient_id).order_by(col(Notice.id))).all())
    assert sorted(asked) == [REVIEWER] * 3 + [SECOND_REVIEWER] * 3


def test_a_returned_result_counts_once_for_the_reviewer_it_goes_back_to(
    many: Database, clock: ManualClock
) -> None:
    """Each reviewer has one waiting; the returned one is that one, so the next goes by number to the first."""
    save(many, [saves(form, "") for form in FORMS])
    hand_in(many, [hands_in(form, clock) for form in FORMS[:2]])
    many.write_now(_return, 2, clock.now())
    hand_in(many, [hands_in(form, clock) for form in (FORMS[0], FORMS[2])])
    query = select(Notice.recipient_id).where(Notice.subject == "visit:4")
    assert many.read_now(lambda s: s.exec(query).all()) == [REVIEWER]


def _return(session: Session, visit_id: int, now: dt.datetime) -> None:
    session.add(
        Review(visit_id=visit_id, round=1, reviewer_id=REVIEWER, decision="RETURNED", reason="请补充", at=now)
    )
    session.get_one(Visit, visit_id).state = VisitState.RECORDED


@pytest.mark.postgres
def test_officers_of_the_same_forms_do_not_wait_for_each_other_in_a_circle(
    postgres_db: Database, clock: ManualClock
) -> None:
    """Bug: a commit that locked forms twice waited for one that held what it wanted; PostgreSQL ended both after a second."""
    forms = [f"form-{n}" for n in range(2, 34)]
    postgres_db.write_now(make_visit, now=clock.now())
    postgres_db.write_now(many_visits, len(forms), now=clock.now())
    before = _deadlocks(postgres_db)
    saving = [
        postgres_db.submit(save_draft, form, person, {f"CL-1:{n}": {"value": "是", "note": f"{person}"}}, 0)
        for n in range(1, 7)
        for person, order in ((WANG, forms), (LI, forms[::-1]))
        for form in order
    ]
    assert {type(saved.result(30)) for saved in saving} == {DraftSaved}
    assert _deadlocks(postgres_db) == before


def _deadlocks(db: Database) -> int:
    query = text(
        "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return db.read_now(lambda s: int(s.execute(query).one()[1]))
