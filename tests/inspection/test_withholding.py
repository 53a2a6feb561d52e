"""不予公示 and 撤回: a ground, somebody else's decision, and nothing public meanwhile (JZ-26.1, C22)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.publication.models import Publication, Withholding
from bot.inspection.publication.service import correct, publish_again
from bot.inspection.publication.withholding import ask_withholding, decide_withholding
from bot.inspection.publication.withholding_messages import withholding_request
from bot.inspection.tasks.models import Task, TaskState, Visit, VisitState
from tests.inspection.decided import (
    CALENDAR,
    CONTACT,
    COORDINATOR,
    LEAD,
    P1,
    REVIEWER,
    SC,
    authority,
    told,
    visit,
)
from tests.inspection.test_publication import CLEAN, NOW, PHONE, tick

SECRET = "涉及商业秘密"


def stage(session: Session, state: VisitState = VisitState.APPROVED) -> None:
    authority(session)
    visit(session, 1, CLEAN, state=state)


def public(session: Session) -> None:
    stage(session)
    tick(session)


def ask(session: Session, by: int = P1, ground: str = SECRET, *, published: bool = False) -> int:
    made = ask_withholding(session, visit_id=1, published=published, ground=ground, by=by, now=NOW)
    return made.id or 0


def decide(session: Session, by: int = COORDINATOR, *, granted: bool = True) -> Withholding:
    return decide_withholding(session, withholding_id=1, granted=granted, by=by, now=NOW)


def refused(db: Database, *call: Any, **values: Any) -> str:
    with pytest.raises(Problem) as problem:
        db.write_now(*call, **values)
    return problem.value.key


def acts(db: Database) -> list[str]:
    return db.read_now(lambda s: [e.action for e in s.exec(select(AuditEntry).order_by(AuditEntry.seq))])  # type: ignore[arg-type]


def test_what_somebody_asks_to_keep_back_is_not_published_and_ends_by_a_second_person(db: Database) -> None:
    db.write_now(stage)
    db.write_now(ask)
    assert db.write_now(tick) == 0  # neither by the tick nor by a coordinator's press
    again = {"visit_id": 1, "by": COORDINATOR, "now": NOW, "profile": SC, "calendar": CALENDAR}
    assert refused(db, publish_again, **again) == "withheld"
    assert db.write_now(ask, ground="另一个理由") == 1  # the first ground stands
    assert [who for _, who, _ in db.read_now(told, "withholding_request")] == [COORDINATOR]
    assert refused(db, decide, P1) == "second_person_needed"
    assert refused(db, decide, LEAD) == "forbidden"
    db.write_now(decide)
    db.write_now(decide, granted=False)  # the first decision stands
    states = db.read_now(
        lambda s: (s.get_one(Visit, 1).state, s.get_one(Task, 1).state, s.get_one(Withholding, 1))
    )
    assert states[:2] == (VisitState.NON_PUBLIC, TaskState.COMPLETED)
    assert (states[2].ground, states[2].asked_by, states[2].decided_by) == (SECRET, P1, COORDINATOR)
    assert db.write_now(tick) == 0
    assert [who for _, who, _ in db.read_now(told, "withholding_decided")] == [P1]
    assert {"withholding.asked", "result.kept_back"} <= set(acts(db))


def test_what_was_refused_is_published_by_the_next_tick(db: Database) -> None:
    db.write_now(stage)
    db.write_now(ask)
    db.write_now(decide, granted=False)
    assert db.write_now(tick) == 1
    assert "withholding.refused" in acts(db)


def test_it_can_be_asked_during_the_review_and_is_granted_after_it(db: Database) -> None:
    db.write_now(stage, VisitState.IN_REVIEW)
    db.write_now(ask, REVIEWER)
    assert refused(db, decide) == "wrong_state"
    db.write_now(lambda s: setattr(s.get_one(Visit, 1), "state", VisitState.APPROVED))
    assert db.write_now(tick) == 0
    assert db.write_now(decide).granted


def test_a_coordinator_who_asks_is_decided_on_by_the_lead(db: Database) -> None:
    db.write_now(stage)
    db.write_now(ask, COORDINATOR)
    assert [who for _, who, _ in db.read_now(told, "withholding_request")] == [LEAD]
    assert refused(db, decide, COORDINATOR) == "second_person_needed"
    assert db.write_now(decide, LEAD).granted


def test_a_withdrawn_record_does_not_come_back_by_a_correction_or_a_press(db: Database) -> None:
    db.write_now(public)
    assert refused(db, ask) == "wrong_state"
    db.write_now(ask, REVIEWER, published=True)
    db.write_now(decide)
    change = {
        "visit_id": 1,
        "codes": {1: ["R07"]},
        "ground": "核实",
        "by": COORDINATOR,
        "now": NOW,
        "profile": SC,
    }
    assert refused(db, correct, **change) == "withdrawn"
    again = {"visit_id": 1, "by": COORDINATOR, "now": NOW, "profile": SC, "calendar": CALENDAR}
    assert refused(db, publish_again, **again) == "withdrawn"
    assert refused(db, ask, published=True) == "wrong_state"
    rows = db.read_now(lambda s: list(s.exec(select(Publication))))
    assert [row.withdrawn for row in rows] == [True, True]
    assert "result.withdrawn" in acts(db)


@pytest.mark.parametrize(
    ("by", "ground", "key"),
    [(CONTACT, SECRET, "forbidden"), (P1, " 。", "reason_missing"), (P1, PHONE, "private_data")],
)
def test_who_and_with_which_words(db: Database, by: int, ground: str, key: str) -> None:
    db.write_now(stage)
    assert refused(db, ask, by, ground) == key


def test_the_database_keeps_one_open_request_and_two_people(db: Database) -> None:
    db.write_now(stage)
    db.write_now(ask)
    two = Withholding(visit_id=1, ground="x", asked_by=LEAD, asked_at=NOW)
    same = Withholding(visit_id=1, ground="x", asked_by=P1, asked_at=NOW, decided_by=P1, decided_at=NOW)
    for row in (two, same):
        with pytest.raises(IntegrityError):
            db.write_now(lambda s, row=row: s.add(Withholding(**row.model_dump())))


def test_the_cards_of_the_others_say_what_became_of_it(db: Database) -> None:
    def card(session: Session) -> Content:
        notice = session.exec(select(Notice).where(Notice.kind == "withholding_request")).one()
        content = withholding_request(session, notice, NOW)
        assert isinstance(content, Content)
        return content

    db.write_now(stage)
    db.write_now(ask)
    assert [one.verb for one in db.read_now(card).asks] == ["grant_withholding", "refuse_withholding"]
    db.write_now(decide)
    assert db.read_now(card).closed == "已同意"


def test_a_request_beside_the_tick_is_either_in_time_or_told_that_it_is_public(db: Database) -> None:
    db.write_now(stage)
    start = threading.Barrier(2)
    said: list[str] = []

    def press() -> None:
        start.wait()
        try:
            db.write_now(ask)
        except Problem as problem:
            said.append(problem.key)

    asking = threading.Thread(target=press)
    asking.start()
    start.wait()
    published = db.write_now(tick)
    asking.join()
    assert (published, said) in ((0, []), (1, ["wrong_state"]))
