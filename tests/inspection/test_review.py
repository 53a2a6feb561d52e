"""Review of a result (C21) and the signs of an inspection that was none (C32)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.models import Answer
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.notices.service import enqueue
from bot.inspection.results.messages import result_returned, review_reminder, review_request
from bot.inspection.results.models import Review
from bot.inspection.results.quality import Flag, Trace, flags
from bot.inspection.results.service import Decision, review_visit
from bot.inspection.results.traces import trace
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.queries import visit_facts
from tests.fakes.reminding import remind
from tests.inspection.decided import (
    COORDINATOR,
    LEAD,
    P1,
    P2,
    REPLACED,
    REVIEWER,
    SC,
    at,
    authority,
    told,
    visit,
)

NOW = at("2026-09-21 10:00")
CLEAN = [["R01"], ["R01"]]


def decide(
    session: Session, who: int, decision: Decision, reason: str = "", now: dt.datetime = NOW
) -> object:
    return review_visit(session, visit_id=1, reviewer_id=who, decision=decision, reason=reason, now=now)


def prepared(session: Session) -> None:
    authority(session)
    visit(session, 1, CLEAN)


@pytest.mark.parametrize("who", [P1, P2, REPLACED])
def test_c21_no_officer_of_a_visit_reviews_it_not_even_a_replaced_one(db: Database, who: int) -> None:
    def story(session: Session) -> None:
        prepared(session)
        from bot.inspection.people.models import PersonRole, Role  # noqa: PLC0415

        session.add(PersonRole(person_id=who, role=Role.REVIEWER))
        session.flush()
        with pytest.raises(Problem) as refused:
            decide(session, who, Decision.APPROVED)
        assert refused.value.key == "forbidden"
        assert session.get_one(Visit, 1).state == VisitState.IN_REVIEW

    db.write_now(story)


def test_somebody_who_is_no_reviewer_is_refused(db: Database) -> None:
    def story(session: Session) -> None:
        prepared(session)
        with pytest.raises(Problem) as refused:
            decide(session, LEAD, Decision.APPROVED)
        assert refused.value.key == "forbidden"

    db.write_now(story)


def test_c21_a_return_needs_a_reason_and_tells_both_officers_and_the_lead(db: Database) -> None:
    def story(session: Session) -> None:
        prepared(session)
        due = session.get_one(Visit, 1).publish_due
        with pytest.raises(Problem) as refused:
            decide(session, REVIEWER, Decision.RETURNED, "  ")
        assert refused.value.key == "reason_missing"
        decide(session, REVIEWER, Decision.RETURNED, "第 5 项缺少照片")
        after = session.get_one(Visit, 1)
        assert after.state == VisitState.RECORDED
        assert after.publish_due == due  # the clock keeps running
        assert [who for _, who, _ in told(session, "result_returned")] == [P1, P2, LEAD]
        notice = session.exec(select(Notice).where(Notice.recipient_id == P1)).one()
        content = result_returned(session, notice, NOW)
        assert isinstance(content, Content)
        assert content.values["reason"] == "第 5 项缺少照片"
        assert [page.purpose for page in content.pages] == ["form"]

    db.write_now(story)


def test_a_second_press_finds_the_decision_of_the_round(db: Database) -> None:
    def story(session: Session) -> None:
        prepared(session)
        first = decide(session, REVIEWER, Decision.APPROVED)
        again = decide(session, COORDINATOR, Decision.RETURNED, "再看看")
        assert (first.fresh, again.fresh, again.decision) == (True, False, Decision.APPROVED)
        assert session.get_one(Visit, 1).state == VisitState.APPROVED
        assert len(session.exec(select(Review)).all()) == 1

    db.write_now(story)
    assert db.read_now(lambda s: s.exec(select(AuditEntry.action)).all()) == ["review.approved"]


def test_the_card_ends_with_the_decision(db: Database) -> None:
    def story(session: Session) -> None:
        prepared(session)
        enqueue(session, "review_request", "visit:1", recipient_id=REVIEWER, now=NOW, slot="round-1")
        notice = session.exec(select(Notice)).one()
        before = review_request(session, notice, NOW)
        assert isinstance(before, Content)
        assert [ask.verb for ask in before.asks] == ["approve", "return"]
        assert [(page.purpose, page.value) for page in before.pages] == [("review", (1,))]
        decide(session, REVIEWER, Decision.APPROVED)
        after = review_request(session, notice, NOW)
        assert isinstance(after, Content)
        assert after.asks == ()
        assert after.closed == "已通过 09-21 10:00"
        assert isinstance(review_reminder(session, notice, NOW), Skip)

    db.write_now(story)


def test_the_reviewer_is_reminded_once_after_one_working_day(db: Database) -> None:
    """Submitted on Friday 2026-09-18; Sunday 2026-09-20 is worked in exchange: the next working day."""

    def story(session: Session) -> None:
        prepared(session)
        enqueue(
            session,
            "review_request",
            "visit:1",
            recipient_id=REVIEWER,
            now=at("2026-09-18 17:00"),
            slot="round-1",
        )

        def tick(when: str) -> int:
            return remind(session, at(when), SC)

        tick("2026-09-19 09:30")
        assert told(session, "review_reminder") == []
        tick("2026-09-20 08:50")
        before = len(told(session, "review_reminder"))
        assert tick("2026-09-20 09:05") == 1
        assert tick("2026-09-20 09:06") == 0
        tick("2026-09-22 09:05")
        reminders = told(session, "review_reminder")
        assert before == 0
        assert [(subject, who) for subject, who, _ in reminders] == [("visit:1", REVIEWER)]

    db.write_now(story)


def test_a_decision_takes_the_waiting_reminder_back(db: Database) -> None:
    def story(session: Session) -> None:
        prepared(session)
        enqueue(session, "review_reminder", "visit:1", recipient_id=REVIEWER, now=NOW)
        decide(session, REVIEWER, Decision.APPROVED)
        assert told(session, "review_reminder") == []

    db.write_now(story)


def test_c32_six_results_of_one_day_with_the_same_words_are_flagged_and_not_refused(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        for number in range(1, 7):
            visit(session, number, [["R05"], ["R01"]])
            session.add(
                Answer(
                    visit_id=number, question="CL-1:5", value="否", note="已当场改正", person_id=P1, at=NOW
                )
            )
        session.flush()
        for number in range(1, 7):
            assert Flag.COPIED_TEXT in flags(trace(session, visit_facts(session, number)))
        assert session.get_one(Visit, 6).state == VisitState.IN_REVIEW

    db.write_now(story)


def test_c32_three_clean_visits_by_one_officer_to_one_object_ask_for_a_reason() -> None:
    seen = Trace(True, 2, NOW, NOW + dt.timedelta(hours=1), 1, (), late=False, clean_visits=3)
    assert flags(seen) == (Flag.LOW_YIELD,)


def test_a_hasty_visit_without_check_in_shows_every_sign() -> None:
    seen = Trace(True, 1, NOW, NOW + dt.timedelta(minutes=4), 1, ("CL-1:5",), late=True)
    assert flags(seen) == (Flag.NO_CHECK_IN, Flag.TOO_SHORT, Flag.NO_PHOTO, Flag.LATE)


def test_a_document_check_needs_no_check_in() -> None:
    assert flags(Trace(False, 0, None, NOW, 1, (), late=False)) == ()
