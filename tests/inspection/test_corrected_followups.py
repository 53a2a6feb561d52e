"""A correction reaches the follow-ups: what is no problem any more ends, what became one is followed up (C21, C23)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pytest
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.inspection.followups.crime import propose
from bot.inspection.followups.messages import enterprise_order, order_lifted
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import CORRECTED, Handling
from bot.inspection.followups.service import handle
from bot.inspection.notices.message import Content
from bot.inspection.publication.models import Publication
from bot.inspection.publication.service import correct, publish_approved
from bot.inspection.tasks.models import VisitState
from tests.inspection.decided import CALENDAR, CONTACT, COORDINATOR, P1, SC, authority, told, visit
from tests.inspection.test_followups import NOW, notice_of, only, tick

S = FollowUpState
LATER = NOW + dt.timedelta(days=1)


def published(session: Session, first: str = "R02", *, contact: bool = True) -> None:
    authority(session)
    visit(session, 1, [[first], ["R01"]], state=VisitState.APPROVED, problem="年报未公示", contact=contact)
    tick(session)
    publish_approved(session, now=NOW, profile=SC, calendar=CALENDAR)


def corrected(session: Session, codes: Mapping[int, Sequence[str]], when: dt.datetime = LATER) -> None:
    """By the coordinator; then the next tick."""
    correct(session, visit_id=1, codes=codes, ground="复核", by=COORDINATOR, now=when, profile=SC)
    tick(session, when + dt.timedelta(minutes=1))


def details(session: Session) -> list[list[tuple[str, str | None]]]:
    rows = session.exec(select(Publication).order_by(col(Publication.version)))
    return [[(d["raninsCheckResName"], d.get("handling")) for d in row.body["details"]] for row in rows]


@pytest.mark.parametrize("contact", [True, False])
def test_a_finding_that_is_taken_back_ends_its_order_and_is_published_without_one(
    db: Database, contact: bool
) -> None:
    """The record said 未发现问题 and 已责令限期改正, and the clock of the order ran on."""

    def story(session: Session) -> None:
        published(session, contact=contact)
        corrected(session, {1: ["R01"]})
        found = only(session)
        assert (found.state, found.closing_note, found.closed_at) == (S.CLOSED, CORRECTED, LATER)
        assert {handling for _, handling in details(session)[-1]} == {None}
        assert [who for _, who, _ in told(session, "order_lifted")] == [CONTACT if contact else P1]
        content = order_lifted(session, notice_of(session, "order_lifted"), LATER)
        assert isinstance(content, Content)
        assert content.values["enterprise"] == contact
        if contact:
            card = enterprise_order(session, notice_of(session, "enterprise_order"), LATER)
            assert isinstance(card, Content)
            assert (card.asks, card.closed) == ((), "已办结")
        again = LATER + dt.timedelta(hours=1)
        assert tick(session, again) == 0
        assert publish_approved(session, now=again, profile=SC, calendar=CALENDAR) == 0

    db.write_now(story)


def test_a_problem_found_later_in_a_second_item_is_followed_up_once(db: Database) -> None:
    """The visit had a follow-up, so the new problem never got one and stayed 待后续处理 for ever."""

    def story(session: Session) -> None:
        published(session)
        corrected(session, {2: ["R08"]})
        assert tick(session, LATER + dt.timedelta(hours=1)) == 0
        rows = session.exec(select(FollowUp).order_by(col(FollowUp.id))).all()
        assert [(f.item_id, f.state, f.number[-2:]) for f in rows] == [
            (1, S.ORDERED, "H1"),
            (2, S.OPEN, "H2"),
        ]
        done = LATER + dt.timedelta(days=1)
        handle(
            session, follow_up_id=rows[1].id or 0, person_id=P1, handling=Handling.CASE, note="12号", now=done
        )
        assert publish_approved(session, now=done, profile=SC, calendar=CALENDAR) == 1
        assert details(session)[-1][1][1] == "已立案查处"

    db.write_now(story)


def test_a_finding_taken_back_by_mistake_is_followed_up_again_under_its_number(db: Database) -> None:
    def story(session: Session) -> None:
        published(session)
        number, first = only(session).number, only(session).due_on
        corrected(session, {1: ["R01"]})
        corrected(session, {1: ["R02"]}, LATER + dt.timedelta(days=1))
        found = only(session)
        assert (found.state, found.number, found.closing_note) == (S.ORDERED, number, "")
        assert found.due_on is not None
        assert first is not None
        assert found.due_on > first
        assert len(told(session, "enterprise_order")) == 2

    db.write_now(story)


def test_what_is_a_case_or_perhaps_a_crime_is_ended_by_who_handles_it(db: Database) -> None:
    def story(session: Session) -> None:
        published(session)
        found = only(session)
        propose(session, follow_up_id=found.id or 0, person_id=P1, note="伪造", now=NOW, profile=SC)
        corrected(session, {1: ["R01"]})
        assert only(session).state == S.ORDERED

    db.write_now(story)
