"""The reviewer's queue, several at once, and corrections after the approval (C21, C32)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.checklists.models import Answer
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Department, Person, PersonRole, Role
from bot.inspection.results.correction import correct_result
from bot.inspection.results.models import ItemResult, Review
from bot.inspection.results.quality import FAMILIAR, Flag, flags
from bot.inspection.results.queue import pass_many, queue_review_cards, review_queue, waiting_ids
from bot.inspection.results.queue_messages import queue_card, result_corrected
from bot.inspection.results.queue_words import Wish, read_wish
from bot.inspection.results.service import Decision, item_results, review_visit
from bot.inspection.results.signing import sheets_to_sign
from bot.inspection.results.traces import trace
from bot.inspection.tasks.models import CheckIn, Task, Visit, VisitState
from bot.inspection.tasks.queries import visit_facts
from tests.inspection.decided import (
    CALENDAR,
    COORDINATOR,
    LEAD,
    P1,
    P2,
    REVIEWER,
    SC,
    at,
    authority,
    told,
    visit,
)
from tests.inspection.test_notices import plans_of

NOW = at("2026-09-21 10:00")
CLEAN, BAD = [["R01"], ["R01"]], [["R05"], ["R01"]]


def queued(session: Session, number: int, codes: list[list[str]]) -> int:
    """A result that was handed in properly, with the reviewer asked."""
    visit(session, number, codes)
    for person in (P1, P2):
        session.add(CheckIn(visit_id=number, person_id=person, at=at("2026-09-18 09:00")))
    session.get_one(Visit, number).publish_due = dt.date(2026, 10, 30 - number)
    enqueue(session, "review_request", f"visit:{number}", recipient_id=REVIEWER, now=NOW, slot="round-1")
    session.flush()
    return number


def other_reviewer(session: Session) -> int:
    """A reviewer of another department."""
    session.add(Department(id=9, code="WTJ", name="文体局"))
    session.flush()
    session.add(Person(id=90, code="P90", name="别部门审核", department_id=9))
    session.flush()
    session.add(PersonRole(person_id=90, role=Role.REVIEWER))
    session.flush()
    return 90


def refused(call: object) -> str:
    with pytest.raises(Problem) as caught:
        call()  # type: ignore[operator]
    return caught.value.key


def test_the_queue_shows_the_most_urgent_first_with_its_signs(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        for number in (1, 2, 3):
            queued(session, number, BAD if number == 2 else CLEAN)
        session.add(Answer(visit_id=3, question="CL-1:5", value="否", note="x", person_id=P1, at=NOW))
        entries, total = review_queue(session, person_id=REVIEWER)
        assert total == 3
        assert [e.visit_id for e in entries] == [3, 2, 1]  # by publication day
        assert [e.at_once for e in entries] == [True, False, True]
        assert review_queue(session, person_id=COORDINATOR) == ([], 0)

    db.write_now(story)


def test_several_pass_at_once_and_what_has_signs_or_a_problem_waits_for_its_own_look(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        for number in (1, 2, 3):
            queued(session, number, BAD if number == 2 else CLEAN)
        visit(session, 4, CLEAN)  # nobody asked this reviewer
        done = {
            p.visit_id: p.why
            for p in pass_many(session, visit_ids=[1, 2, 3, 4, 99, 1], reviewer_id=REVIEWER, now=NOW)
        }
        assert (done[1], done[3]) == ("", "")
        assert "发现问题" in done[2]
        assert "不在您的待审队列" in done[4]
        assert "没有找到" in done[99]
        states = [session.get_one(Visit, n).state for n in (1, 2, 3, 4)]
        assert states == [
            VisitState.APPROVED,
            VisitState.IN_REVIEW,
            VisitState.APPROVED,
            VisitState.IN_REVIEW,
        ]
        again = pass_many(session, visit_ids=[1], reviewer_id=REVIEWER, now=NOW)
        assert "可能已有人审核" in again[0].why
        assert len(session.exec(select(Review)).all()) == 2

    db.write_now(story)


def test_c21_a_reviewer_of_another_department_is_refused(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        queued(session, 1, CLEAN)
        call = lambda: review_visit(  # noqa: E731
            session, visit_id=1, reviewer_id=other_reviewer(session), decision=Decision.APPROVED, now=NOW
        )
        assert refused(call) == "forbidden"

    db.write_now(story)


def test_c21_after_the_approval_only_a_correction_with_a_reason_changes_the_result(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=VisitState.APPROVED)
        correct = lambda by, codes, reason="复核照片发现过期原料": correct_result(  # noqa: E731
            session, visit_id=1, codes=codes, reason=reason, by=by, now=NOW, problems={1: "过期原料"}
        )
        assert refused(lambda: correct(P1, {1: ["R05"]})) == "forbidden"
        assert refused(lambda: correct(REVIEWER, {1: ["R05"]}, " 。")) == "reason_missing"
        assert refused(lambda: correct(REVIEWER, {1: ["R01", "R05"]})) == "result_conflict"
        assert refused(lambda: correct(REVIEWER, {7: ["R05"]})) == "not_found"
        [changed] = correct(REVIEWER, {1: ["R05"]})
        assert (changed.version, changed.reason) == (2, "复核照片发现过期原料")
        assert session.get_one(Visit, 1).outcome == "R05"
        assert [r.codes for r in item_results(session, 1)] == [["R05"], ["R01"]]
        assert len(session.exec(select(ItemResult)).all()) == 3  # the old one stays
        assert {who for _, who, _ in told(session, "result_corrected")} == {P1, P2, LEAD}
        assert refused(lambda: correct(REVIEWER, {1: ["R05"]})) == "nothing_changed"
        notice = session.exec(select(Notice).where(Notice.kind == "result_corrected")).first()
        assert notice is not None
        said = result_corrected(session, notice, NOW)
        assert isinstance(said, Content)
        assert said.values["result"] == "发现问题已责令改正"

    db.write_now(story)


def test_a_corrected_outcome_of_the_whole_visit_holds_for_every_item(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, CLEAN, state=VisitState.APPROVED)
        changed = correct_result(
            session, visit_id=1, codes={1: ["R07"]}, reason="未开展该项经营", by=REVIEWER, now=NOW
        )
        assert [r.codes for r in changed] == [["R07"], ["R07"]]

    db.write_now(story)


def test_before_the_approval_there_is_nothing_to_correct(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        queued(session, 1, CLEAN)
        with pytest.raises(Problem, match="退回检查人员"):
            correct_result(session, visit_id=1, codes={1: ["R05"]}, reason="复核", by=REVIEWER, now=NOW)

    db.write_now(story)


def test_c32_the_third_fruitless_visit_passes_with_a_reason_only(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        for number, day in ((1, "2026-03-10"), (2, "2026-06-10")):
            visit(session, number, CLEAN, state=VisitState.PUBLISHED, ended=day)
        queued(session, 3, CLEAN)
        for number in (2, 3):  # an object is drawn once in a task
            first = session.get_one(Task, 1).model_dump(exclude={"id", "number"})
            session.add(Task(**first, id=number, number=f"41060320260901000{number}"))
            session.flush()
            found = session.get_one(Visit, number)
            found.task_id, found.object_id = number, 1
        session.flush()
        assert Flag.LOW_YIELD in flags(trace(session, visit_facts(session, 3)))
        decide = lambda reason="": review_visit(  # noqa: E731
            session, visit_id=3, reviewer_id=REVIEWER, decision=Decision.APPROVED, reason=reason, now=NOW
        )
        assert refused(decide) == "low_yield"
        assert decide("连续三次投诉线索，均已核实").fresh

    db.write_now(story)


def test_c32_one_reviewer_who_lets_everything_of_one_officer_pass_is_a_sign(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        for number in range(2, 2 + FAMILIAR):
            visit(session, number, CLEAN, state=VisitState.APPROVED)
            session.add(
                Review(
                    visit_id=number,
                    round=1,
                    reviewer_id=REVIEWER,
                    decision="APPROVED",
                    at=at("2026-09-01 10:00"),
                )
            )
        queued(session, 1, CLEAN)
        assert Flag.FIXED_PAIR in flags(trace(session, visit_facts(session, 1)))
        first = session.get_one(Review, 1)
        first.reason, first.decision = "照片不清楚", "RETURNED"
        session.flush()
        assert Flag.FIXED_PAIR not in flags(trace(session, visit_facts(session, 1)))

    db.write_now(story)


def test_a_long_queue_is_one_card_a_day(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        for number in (1, 2, 3):
            queued(session, number, CLEAN)
        tick = lambda when: queue_review_cards(session, now=at(when), profile=SC, calendar=CALENDAR)  # noqa: E731
        assert tick("2026-09-21 08:50") == 0
        assert [tick("2026-09-21 09:05"), tick("2026-09-21 09:06")] == [1, 0]
        notice = session.exec(select(Notice).where(Notice.kind == "review_queue")).one()
        card = queue_card(session, notice, NOW)
        assert isinstance(card, Content)
        assert (card.values["total"], card.values["together"]) == (3, 3)
        pass_many(session, visit_ids=[1, 2, 3], reviewer_id=REVIEWER, now=NOW)
        assert isinstance(queue_card(session, notice, NOW), Skip)

    db.write_now(story)


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ("通过 1、3", Wish(True, (1, 3))),
        ("通过１，３", Wish(True, (1, 3))),
        ("通過 1 3", Wish(True, (1, 3))),
        ("通过第1件", None),
        ("通过 1-3", Wish(True, (1, 2, 3))),
        ("同意2。", Wish(True, (2,))),
        ("通过 3、3", Wish(True, (3,))),
        ("退回 2 照片不清楚", Wish(False, (2,), "照片不清楚")),
        ("退回2，照片不清楚", Wish(False, (2,), "照片不清楚")),
        ("打回 第4件：文字与结果不一致", Wish(False, (4,), "文字与结果不一致")),
        ("退回 1、2 缺照片", Wish(False, (1, 2), "缺照片")),
        ("退回 2", None),  # without a reason nobody knows what to change
        ("通过 全部", None),  # D23: there is no "all fine"
        ("通过", None),
        ("通过 0", None),
        ("通过 5-3", None),
        ("今天不审", None),
        ("", None),
    ],
)
def test_what_a_reviewer_types_is_read_or_not_but_never_guessed(words: str, wish: Wish | None) -> None:
    found = read_wish(words)
    if words == "通过第1件":
        assert found in (None, Wish(True, (1,)))
    else:
        assert found == wish


def test_a_reviewers_queue_is_found_by_indexes(sqlite_db: Database) -> None:
    """What waits is found from the visits in review, each asked for its own request: no table is read through."""
    plans = plans_of(sqlite_db, lambda session: waiting_ids(session, REVIEWER))
    assert len(plans) == 1
    assert "SCAN" not in plans[0], plans
    assert "ix_visit_state" in plans[0]


def test_the_sheets_that_wait_for_an_officer_are_found_by_indexes(sqlite_db: Database) -> None:
    plans = plans_of(sqlite_db, lambda session: sheets_to_sign(session, person_id=P1))
    assert "SCAN" not in plans[0], plans
