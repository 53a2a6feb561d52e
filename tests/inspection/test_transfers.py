"""Transfers are chased until somebody confirms; a suspected crime runs by the hour (C23)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.deadlines.models import Deadline
from bot.inspection.followups.crime import decide, hand_over, propose
from bot.inspection.followups.models import FollowUp, FollowUpState, Transfer, TransferState
from bot.inspection.followups.rules import Handling
from bot.inspection.followups.service import handle, open_for_approved
from bot.inspection.followups.transfer_messages import (
    crime_alarm,
    crime_decided,
    crime_suspected,
    transfer_received,
    transfer_reminder,
)
from bot.inspection.followups.transfers import confirm_receipt
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Department, Person, PersonRole, Role
from bot.inspection.tasks.models import VisitState
from tests.fakes.reminding import remind
from tests.inspection.decided import CALENDAR, COORDINATOR, LEAD, P1, REVIEWER, SC, at, authority, visit

FIRE, HEAD, LEGAL = 31, 32, 33
NOW = at("2026-03-10 10:00")


def problem(session: Session) -> FollowUp:
    """A problem that waits for a decision; a fire service, a head and a legal office beside the authority."""
    authority(session)
    session.add(Department(id=2, code="XF", name="消防救援大队"))
    session.flush()
    for person, department, role in ((FIRE, 2, Role.LEAD), (HEAD, 1, Role.HEAD), (LEGAL, 1, Role.LEGAL)):
        session.add(Person(id=person, code=f"P{person}", name=f"人{person}", department_id=department))
        session.flush()
        session.add(PersonRole(person_id=person, role=role))
    visit(session, 1, [["R08"], ["R01"]], state=VisitState.APPROVED, problem="消防通道堵塞")
    open_for_approved(session, now=NOW, profile=SC, calendar=CALENDAR)
    return session.exec(select(FollowUp)).one()


def told(session: Session, kind: str) -> list[Notice]:
    return list(session.exec(select(Notice).where(Notice.kind == kind).order_by(col(Notice.id))))


def transferred(session: Session, note: str = "消防救援大队 占用通道") -> Transfer:
    found = problem(session)
    handle(session, follow_up_id=found.id or 0, person_id=P1, handling=Handling.TRANSFER, note=note, now=NOW)
    return session.exec(select(Transfer)).one()


def test_c23_without_receipt_after_five_working_days_both_sides_are_reminded_then_the_office(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        transfer = transferred(session)
        assert (transfer.receiver, transfer.department_id, transfer.state) == ("消防救援大队", 2, "SENT")
        assert [n.recipient_id for n in told(session, "transfer_received")] == [FIRE]
        remind(session, at("2026-03-16 10:00"), SC)
        assert told(session, "transfer_reminder") == []
        remind(session, at("2026-03-17 10:00"), SC)
        assert {n.recipient_id for n in told(session, "transfer_reminder")} == {P1, FIRE}
        asks = {}
        for notice in told(session, "transfer_reminder"):
            content = transfer_reminder(session, notice, at("2026-03-17 10:00"))
            assert isinstance(content, Content)
            asks[notice.recipient_id] = [ask.verb for ask in content.asks]
        assert asks == {P1: ["enter_receipt"], FIRE: ["receive_transfer"]}
        remind(session, at("2026-03-24 10:00"), SC)
        assert {n.recipient_id for n in told(session, "transfer_reminder")} == {P1, FIRE, COORDINATOR}

    db.write_now(story)


def test_one_press_is_the_receipt_and_ends_the_chase(db: Database) -> None:
    def story(session: Session) -> None:
        transfer = transferred(session)
        card = told(session, "transfer_received")[0]
        content = transfer_received(session, card, NOW)
        assert isinstance(content, Content)
        assert [ask.verb for ask in content.asks] == ["receive_transfer"]
        with pytest.raises(Problem) as refused:
            confirm_receipt(session, transfer_id=transfer.id or 0, person_id=REVIEWER, now=NOW)
        assert refused.value.key == "forbidden"
        confirm_receipt(session, transfer_id=transfer.id or 0, person_id=FIRE, now=NOW)
        confirm_receipt(
            session, transfer_id=transfer.id or 0, person_id=P1, receipt="9号", now=at("2026-03-12 10:00")
        )
        assert (transfer.received_at, transfer.receipt) == (NOW, "")
        done = transfer_received(session, card, NOW)
        assert isinstance(done, Content)
        assert (done.asks, done.closed) == ((), "接收单位已确认")
        remind(session, at("2026-03-30 10:00"), SC)
        assert told(session, "transfer_reminder") == []

    db.write_now(story)


def test_an_authority_outside_gets_paper_and_its_receipt_is_entered_by_number(db: Database) -> None:
    def story(session: Session) -> None:
        transfer = transferred(session, "海关缉私分局")
        assert (transfer.receiver, transfer.department_id) == ("海关缉私分局", None)
        assert told(session, "transfer_received") == []
        remind(session, at("2026-03-17 10:00"), SC)
        assert [n.recipient_id for n in told(session, "transfer_reminder")] == [P1]
        with pytest.raises(Problem) as refused:
            confirm_receipt(session, transfer_id=transfer.id or 0, person_id=P1, now=NOW)
        assert refused.value.key == "text_missing"
        confirm_receipt(
            session, transfer_id=transfer.id or 0, person_id=P1, receipt="关缉〔2026〕3号", now=NOW
        )
        assert transfer.receipt == "关缉〔2026〕3号"
        assert isinstance(transfer_reminder(session, told(session, "transfer_reminder")[0], NOW), Skip)

    db.write_now(story)


def test_c23_a_crime_reported_on_the_tenth_and_approved_on_the_twelfth_at_three_is_due_on_the_thirteenth_at_three(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        found = problem(session)
        for _ in range(2):
            made = propose(
                session,
                follow_up_id=found.id or 0,
                person_id=P1,
                note="涉嫌生产销售伪劣产品",
                now=NOW,
                profile=SC,
            )
        assert made.due_at == at("2026-03-13 10:00")
        suspected = told(session, "crime_suspected")
        assert {n.recipient_id for n in suspected} == {HEAD, LEGAL, LEAD}
        assert {(n.statutory, n.priority, n.not_before) for n in suspected} == {(True, "0", NOW)}
        for notice in suspected:
            content = crime_suspected(session, notice, NOW)
            assert isinstance(content, Content)
            assert [a.verb for a in content.asks] == (
                ["approve_crime", "refuse_crime"] if notice.recipient_id == HEAD else []
            )
        with pytest.raises(Problem) as refused:
            decide(session, transfer_id=made.id or 0, person_id=LEAD, approved=True, now=NOW)
        assert refused.value.key == "forbidden"
        with pytest.raises(Problem) as refused:
            hand_over(session, transfer_id=made.id or 0, person_id=P1, receipt="1号", now=NOW)
        assert refused.value.key == "wrong_state"
        decide(session, transfer_id=made.id or 0, person_id=HEAD, approved=True, now=at("2026-03-12 15:00"))
        decide(
            session,
            transfer_id=made.id or 0,
            person_id=HEAD,
            approved=False,
            reason="x",
            now=at("2026-03-12 16:00"),
        )
        assert (made.state, made.due_at) == (TransferState.APPROVED, at("2026-03-13 15:00"))
        card = crime_decided(session, told(session, "crime_decided")[0], at("2026-03-12 15:00"))
        assert isinstance(card, Content)
        assert [a.verb for a in card.asks] == ["hand_over_crime"]
        hand_over(
            session,
            transfer_id=made.id or 0,
            person_id=P1,
            receipt="山公移〔2026〕1号",
            now=at("2026-03-13 09:00"),
        )
        assert (found.state, made.state) == (FollowUpState.TRANSFERRED, TransferState.SENT)
        assert found.handled_at == at("2026-03-13 09:00")

    db.write_now(story)


def test_the_clock_of_a_crime_alarms_by_the_hour_also_at_night(db: Database) -> None:
    def story(session: Session) -> None:
        found = problem(session)
        made = propose(
            session, follow_up_id=found.id or 0, person_id=P1, note="涉嫌犯罪事实", now=NOW, profile=SC
        )
        remind(session, at("2026-03-12 09:00"), SC)
        assert told(session, "crime_alarm") == []
        remind(session, at("2026-03-12 10:00"), SC)
        assert {n.recipient_id for n in told(session, "crime_alarm")} == {HEAD, LEGAL}
        content = crime_alarm(session, told(session, "crime_alarm")[0], at("2026-03-12 10:00"))
        assert isinstance(content, Content)
        assert content.values["left"] == "还剩 24 小时"
        decide(session, transfer_id=made.id or 0, person_id=HEAD, approved=True, now=at("2026-03-12 15:00"))
        remind(session, at("2026-03-13 03:00"), SC)
        kinds = session.exec(
            select(Deadline.kind).where(col(Deadline.closed_at).is_(None), Deadline.root == "transfer:1")
        )
        assert kinds.all() == ["crime_transfer"]
        night = [n for n in told(session, "crime_alarm") if n.created_at == at("2026-03-13 03:00")]
        assert {n.recipient_id for n in night} == {P1, LEAD}
        hand_over(session, transfer_id=made.id or 0, person_id=P1, receipt="1号", now=at("2026-03-13 09:00"))
        assert isinstance(crime_alarm(session, night[0], at("2026-03-13 09:00")), Skip)

    db.write_now(story)


def test_a_refusal_says_why_and_the_problem_stays_with_its_handler(db: Database) -> None:
    def story(session: Session) -> None:
        found = problem(session)
        made = propose(
            session, follow_up_id=found.id or 0, person_id=P1, note="涉嫌犯罪事实", now=NOW, profile=SC
        )
        with pytest.raises(Problem) as refused:
            decide(session, transfer_id=made.id or 0, person_id=HEAD, approved=False, reason=" ", now=NOW)
        assert refused.value.key == "text_missing"
        decide(
            session, transfer_id=made.id or 0, person_id=HEAD, approved=False, reason="未达追诉标准", now=NOW
        )
        card = crime_decided(session, told(session, "crime_decided")[0], NOW)
        assert isinstance(card, Content)
        assert (card.asks, card.closed) == ((), "决定不移送")
        assert found.state == FollowUpState.OPEN
        handle(
            session, follow_up_id=found.id or 0, person_id=P1, handling=Handling.CASE, note="12号", now=NOW
        )
        assert propose(
            session, follow_up_id=found.id or 0, person_id=P1, note="新证据", now=NOW + dt.timedelta(days=9), profile=SC
        ).round == 2  # fmt: skip

    db.write_now(story)


@pytest.mark.parametrize(("who", "note", "key"), [(REVIEWER, "事实", "forbidden"), (P1, " ", "text_missing")])
def test_a_report_of_crime_is_the_handlers_and_says_what(db: Database, who: int, note: str, key: str) -> None:
    def story(session: Session) -> None:
        found = problem(session)
        with pytest.raises(Problem) as refused:
            propose(session, follow_up_id=found.id or 0, person_id=who, note=note, now=NOW, profile=SC)
        assert refused.value.key == key

    db.write_now(story)
