"""申请延期: who decides, and that nothing that is done gets a later day."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import Deadline, Extension, ExtensionState
from bot.inspection.deadlines.sources import derive_stale
from bot.inspection.followups.duties import SOURCE
from bot.inspection.followups.extension_messages import extension_request
from bot.inspection.followups.extensions import ask_extension, decide_extension, open_requests
from bot.inspection.followups.models import FollowUp
from bot.inspection.followups.service import close, report_correction
from bot.inspection.notices.message import Content
from bot.inspection.people.models import PersonRole
from bot.inspection.tasks.models import Visit
from tests.inspection.decided import CONTACT, COORDINATOR, LEAD, P1, P2, SC, told
from tests.inspection.test_followups import NOW, notice_of, only, ordered

UNTIL = dt.date(2026, 4, 10)


def derive(session: Session) -> None:
    while derive_stale(session, source=SOURCE, now=NOW, profile=SC, calendar=WorkCalendar.load()):
        pass


def asked(session: Session, *, by: int = P1) -> Extension:
    """An extension of the correction of the one problem."""
    ordered(session)
    found = only(session)
    found.handler_id = by
    session.add(found)
    derive(session)
    deadline = session.exec(select(Deadline).where(Deadline.kind == "correction")).one()
    return ask_extension(
        session, deadline_id=deadline.id or 0, person_id=by, until=UNTIL, reason="停业检修", now=NOW
    )


@pytest.mark.parametrize("derived", [False, True], ids=["before the tick", "after the tick"])
@pytest.mark.parametrize("done", ["closed", "reported"])
def test_an_extension_of_what_is_done_is_not_granted_and_orders_nothing(
    db: Database, done: str, derived: bool
) -> None:
    """The enterprise got a new order for a closed matter."""

    def story(session: Session) -> None:
        extension = asked(session)
        before = (only(session).due_on, told(session, "enterprise_order"))
        if done == "closed":
            close(session, follow_up_id=only(session).id or 0, person_id=P2, note="现场复查合格", now=NOW)
        else:
            report_correction(
                session, follow_up_id=only(session).id or 0, person_id=CONTACT, text="已改", now=NOW
            )
        generation = only(session).generation
        if derived:
            derive(session)
        with pytest.raises(Problem) as refused, session.begin_nested():
            decide_extension(session, extension_id=extension.id or 0, by=LEAD, granted=True, now=NOW)
        assert refused.value.key == "not_found"
        found = session.exec(select(FollowUp)).one()
        assert (found.due_on, told(session, "enterprise_order"), found.generation) == (*before, generation)
        if derived and done == "closed":
            assert open_requests(session, 1) == 0
            content = extension_request(session, notice_of(session, "extension_request"), NOW)
            assert isinstance(content, Content)
            assert (content.asks, content.closed) == ((), "已经办结，不用延期")

    db.write_now(story)


def test_a_visit_that_is_recorded_gets_no_later_day(db: Database) -> None:
    def story(session: Session) -> None:
        extension = asked(session)
        deadline = session.get_one(Deadline, extension.deadline_id)
        deadline.kind, deadline.root = "visit_window", "visit:1"
        session.add(deadline)
        session.flush()
        before = session.get_one(Visit, 1).due_on
        with pytest.raises(Problem) as refused:
            decide_extension(session, extension_id=extension.id or 0, by=LEAD, granted=True, now=NOW)
        assert refused.value.key == "not_found"
        assert session.get_one(Visit, 1).due_on == before

    db.write_now(story)


def test_what_the_only_lead_asks_the_coordinators_decide(db: Database) -> None:
    """Nobody was told, and a coordinator was refused."""

    def story(session: Session) -> None:
        extension = asked(session, by=LEAD)
        assert [who for _, who, _ in told(session, "extension_request")] == [COORDINATOR]
        with pytest.raises(Problem) as refused:
            decide_extension(session, extension_id=extension.id or 0, by=LEAD, granted=True, now=NOW)
        assert refused.value.key == "forbidden"
        decide_extension(session, extension_id=extension.id or 0, by=COORDINATOR, granted=True, now=NOW)
        assert (extension.state, only(session).due_on) == (ExtensionState.GRANTED, UNTIL)

    db.write_now(story)


def test_another_lead_goes_before_the_coordinators(db: Database) -> None:
    def story(session: Session) -> None:
        extension = asked(session, by=LEAD)
        session.add(PersonRole(person_id=P2, role="LEAD"))
        session.flush()
        with pytest.raises(Problem) as refused:
            decide_extension(session, extension_id=extension.id or 0, by=COORDINATOR, granted=True, now=NOW)
        assert refused.value.key == "forbidden"
        decide_extension(session, extension_id=extension.id or 0, by=P2, granted=False, now=NOW)
        assert extension.state == ExtensionState.REFUSED

    db.write_now(story)
