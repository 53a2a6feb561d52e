"""请假: who decides, and what a refusal leaves open."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.inspection.deadlines.models import ExtensionState, LeaveRequest
from bot.inspection.draws.leave import ask_leave, decide_leave
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from tests.fakes.builders import NOW, make_department, make_officer, make_person
from tests.inspection.test_draws import refused

DAYS = {"first": dt.date(2026, 3, 16), "last": dt.date(2026, 3, 18)}


def people(session: Session) -> tuple[int, int, int]:
    """An officer, the only lead and a coordinator."""
    department = make_department(session).id or 0
    lead = make_person(session, role=Role.LEAD, department_id=department).id or 0
    return (
        make_officer(session, department).id or 0,
        lead,
        make_person(session, role=Role.COORDINATOR).id or 0,
    )


def ask(session: Session, person: int, reason: str = "培训", now: dt.datetime = NOW) -> LeaveRequest:
    return ask_leave(session, person_id=person, reason=reason, now=now, **DAYS)


def decide(session: Session, leave: LeaveRequest, by: int, *, granted: bool) -> LeaveRequest:
    return decide_leave(session, leave_id=leave.id or 0, by=by, granted=granted, now=NOW)


def told(session: Session) -> list[int]:
    query = select(Notice.recipient_id).where(Notice.kind == "leave_request").order_by(col(Notice.id))
    return list(session.exec(query))


def test_the_only_lead_asks_the_coordinators_who_then_decide(db: Database) -> None:
    """Bug: nobody was told, and a coordinator was refused."""

    def story(session: Session) -> None:
        _, lead, coordinator = people(session)
        asked = ask(session, lead)
        assert told(session) == [coordinator]
        assert refused(lambda: decide(session, asked, lead, granted=True)).key == "forbidden"
        assert decide(session, asked, coordinator, granted=True).state == ExtensionState.GRANTED

    db.write_now(story)


def test_where_nobody_could_decide_leave_is_not_taken_in(db: Database) -> None:
    def story(session: Session) -> None:
        department = make_department(session).id or 0
        alone = make_person(session, role=Role.COORDINATOR, department_id=department).id or 0
        assert refused(lambda: ask(session, alone)).key == "leave_nobody"
        assert session.exec(select(LeaveRequest)).all() == []

    db.write_now(story)


def test_leave_that_was_refused_may_be_asked_for_again_with_a_better_reason(db: Database) -> None:
    """Bug: the refused request was given back, nobody was told, and the officer read 已提交."""

    def story(session: Session) -> None:
        officer, lead, coordinator = people(session)
        first = ask(session, officer)
        assert ask(session, officer, "还是培训").id == first.id  # as long as nobody has decided
        decide(session, first, lead, granted=False)
        second = ask(session, officer, "住院手术", NOW + dt.timedelta(days=1))
        assert (second.state, second.reason) == (ExtensionState.ASKED, "住院手术")
        assert told(session) == [lead, lead]
        assert refused(lambda: decide(session, second, coordinator, granted=True)).key == "forbidden"
        decide(session, second, lead, granted=True)
        assert ask(session, officer, "再次").id == second.id  # granted already
        assert told(session) == [lead, lead]

    db.write_now(story)


def test_the_database_keeps_one_open_request_for_the_same_days(db: Database) -> None:
    def twice(session: Session) -> None:
        officer, *_ = people(session)
        ask(session, officer)
        more = LeaveRequest(
            person_id=officer, first_day=DAYS["first"], last_day=DAYS["last"], reason="x", asked_at=NOW
        )
        session.add(more)
        session.flush()

    with pytest.raises(IntegrityError):
        db.write_now(twice)
