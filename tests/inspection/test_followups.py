"""Follow-ups (C23), and what cannot be inspected (C24)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.models import Evidence
from bot.inspection.followups.messages import (
    correction_reminder,
    correction_reported,
    enterprise_order,
    followup_opened,
    order_on_paper,
)
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.rules import (
    MOVES,
    PROBLEMS,
    Handling,
    check_move,
    opening,
    read_handling,
    term_in,
)
from bot.inspection.followups.service import (
    add_photo,
    close,
    handle,
    open_for_approved,
    order,
    reject_correction,
    report_correction,
)
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.results.labels import LABELS
from bot.inspection.tasks.models import VisitState
from tests.fakes.reminding import remind
from tests.inspection.decided import CALENDAR, CONTACT, LEAD, P1, P2, REVIEWER, SC, at, authority, told, visit

S = FollowUpState
NOW = at("2026-03-10 10:00")  # ten working days later: 2026-03-24
APPROVED = VisitState.APPROVED


def tick(session: Session, when: dt.datetime = NOW) -> int:
    return open_for_approved(session, now=when, profile=SC, calendar=CALENDAR)


def ordered(session: Session, *, contact: bool = True) -> int:
    """One follow-up in state ORDERED."""
    authority(session)
    visit(session, 1, [["R02"], ["R01"]], state=APPROVED, problem="年度报告未公示", contact=contact)
    tick(session)
    return only(session).id or 0


def only(session: Session) -> FollowUp:
    return session.exec(select(FollowUp)).one()


def notice_of(session: Session, kind: str) -> Notice:
    return session.exec(select(Notice).where(Notice.kind == kind)).first()  # type: ignore[return-value]


# -- rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "with_term", "state", "workdays"),
    [
        (["R02"], False, S.ORDERED, 10),
        (["R05"], True, S.ORDERED, 10),
        (["R05"], False, S.CLOSED, None),
        (["R03"], True, S.OPEN, 10),
        (["R04"], True, S.OPEN, 10),
        (["R06"], True, S.OPEN, None),
        (["R08"], True, S.OPEN, None),
        (["R02", "R08"], True, S.OPEN, None),
    ],
)
def test_each_problem_begins_as_the_field_guide_says(
    codes: list[str], with_term: bool, state: FollowUpState, workdays: int | None
) -> None:
    start = opening(codes, with_term=with_term, abnormal_list_workdays=10)
    assert start is not None
    assert (start.state, start.workdays) == (state, workdays)


@pytest.mark.parametrize("code", sorted(set(LABELS) - PROBLEMS))
def test_what_is_no_problem_opens_nothing(code: str) -> None:
    assert opening([code], with_term=True, abnormal_list_workdays=10) is None


@pytest.mark.parametrize("current", list(S))
@pytest.mark.parametrize("to", list(S))
def test_only_the_drawn_moves_are_allowed(current: FollowUpState, to: FollowUpState) -> None:
    if to in MOVES[current]:
        check_move(current, to)
        return
    with pytest.raises(Problem) as refused:
        check_move(current, to)
    assert refused.value.key == "wrong_state"


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("责令改正 5日内张贴公示栏", (Handling.ORDER, "5日内张贴公示栏")),
        ("立案：山市监案12号", (Handling.CASE, "山市监案12号")),
        ("列入异常 3号", (Handling.LISTED, "3号")),
        ("看过了", None),
    ],
)
def test_a_handling_is_read_from_its_first_words(words: str, read: tuple[Handling, str] | None) -> None:
    assert read_handling(words) == read


@pytest.mark.parametrize(
    ("words", "day"),
    [("5日内改正", "2026-03-15"), ("10个工作日内改正", "2026-03-24"), ("尽快改正", "2026-03-24")],
)
def test_the_term_is_read_from_the_order(words: str, day: str) -> None:
    assert term_in(words, now=NOW, calendar=CALENDAR) == dt.date.fromisoformat(day)


# -- opening -----------------------------------------------------------------------------------------------


def test_a_problem_gets_one_follow_up_however_often_the_tick_looks(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R02"], ["R03"]], state=APPROVED)
        visit(session, 2, [["R01"], ["R01"]], state=APPROVED)
        assert tick(session) == 1
        assert tick(session) == 0
        assert [(f.item_id, f.state) for f in session.exec(select(FollowUp).order_by(FollowUp.id))] == [  # type: ignore[arg-type]
            (1, S.ORDERED),
            (2, S.OPEN),
        ]

    db.write_now(story)


def test_an_order_reaches_the_enterprise_with_its_term_and_counts_as_handled(db: Database) -> None:
    def story(session: Session) -> None:
        ordered(session)
        found = only(session)
        assert found.due_on == dt.date(2026, 3, 24)
        assert found.handled_at == NOW
        assert [who for _, who, _ in told(session, "enterprise_order")] == [CONTACT]
        content = enterprise_order(session, notice_of(session, "enterprise_order"), NOW)
        assert isinstance(content, Content)
        assert [ask.verb for ask in content.asks] == ["report_correction"]
        assert content.values["due"] == "03月24日"
        assert "年度报告未公示" in content.values["order"]

    db.write_now(story)


def test_without_a_contact_the_handler_delivers_on_paper_and_closes_with_a_note(db: Database) -> None:
    def story(session: Session) -> None:
        number = ordered(session, contact=False)
        assert told(session, "enterprise_order") == []
        assert [who for _, who, _ in told(session, "order_on_paper")] == [P1]
        content = order_on_paper(session, notice_of(session, "order_on_paper"), NOW)
        assert isinstance(content, Content)
        assert [ask.verb for ask in content.asks] == ["close_followup", "handle_followup"]
        with pytest.raises(Problem) as refused:
            close(session, follow_up_id=number, person_id=P1, note=" ", now=NOW)
        assert refused.value.key == "text_missing"
        close(session, follow_up_id=number, person_id=P1, note="书面送达，现场复查已改正", now=NOW)
        assert only(session).state == S.CLOSED

    db.write_now(story)


def test_a_problem_that_needs_a_decision_goes_to_the_handler_and_the_lead_at_once(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R08"], ["R01"]], state=APPROVED)
        tick(session)
        assert [who for _, who, _ in told(session, "followup_opened")] == [P1, LEAD]
        notice = notice_of(session, "followup_opened")
        content = followup_opened(session, notice, NOW)
        assert isinstance(content, Content)
        assert [ask.verb for ask in content.asks] == ["handle_followup"]
        handle(
            session,
            follow_up_id=only(session).id or 0,
            person_id=LEAD,
            handling=Handling.TRANSFER,
            note="消防救援大队",
            now=NOW,
        )
        after = followup_opened(session, notice, NOW)
        assert isinstance(after, Content)
        assert ([ask.verb for ask in after.asks], after.values["state"]) == (["handle_followup"], "已移送")

    db.write_now(story)


def test_corrected_on_the_spot_is_closed_from_the_start_and_counts_as_handled() -> None:
    start = opening(["R05"], with_term=False, abnormal_list_workdays=10)
    assert start is not None
    assert start.state is S.CLOSED


# -- the golden cases --------------------------------------------------------------------------------------


def test_of_fifteen_problems_the_one_without_a_handling_is_left_and_named(db: Database) -> None:
    """C23: 14 of 15 handled is 93.3%; handled means left OPEN with a recorded handling."""

    def story(session: Session) -> None:
        authority(session)
        for number in range(1, 16):
            visit(session, number, [["R03"], ["R01"]], state=APPROVED)
        assert tick(session) == 15
        for found in session.exec(select(FollowUp).where(FollowUp.visit_id != 7)):
            handle(
                session,
                follow_up_id=found.id or 0,
                person_id=P1,
                handling=Handling.LISTED,
                note="列异〔2026〕3号",
                now=NOW,
            )
        left = session.exec(select(FollowUp).where(FollowUp.handled_at.is_(None))).all()  # type: ignore[union-attr]
        total = len(session.exec(select(FollowUp)).all())
        assert [f.visit_id for f in left] == [7]
        assert int((total - len(left)) / total * 1000) / 10 == 93.3

    db.write_now(story)


def test_who_cannot_be_reached_starts_the_abnormal_list_clock_of_ten_working_days(db: Database) -> None:
    """C24: the object counts as finished and the proposal is due ten working days later."""

    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R04"], ["R04"]], state=APPROVED, problem="两次上门均无人")
        tick(session)
        assert {(f.state, f.due_on) for f in session.exec(select(FollowUp))} == {
            (S.OPEN, dt.date(2026, 3, 24))
        }
        remind(session, at("2026-03-19 09:00"), SC)
        assert {who for _, who, _ in told(session, "correction_reminder")} == {P1}

    db.write_now(story)


def test_a_serious_refusal_waits_for_its_handling_by_law(db: Database) -> None:
    """C24."""

    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R06"], ["R06"]], state=APPROVED, problem="锁门拒绝检查")
        tick(session)
        assert {f.state for f in session.exec(select(FollowUp))} == {S.OPEN}

    db.write_now(story)


# -- the road to closure -----------------------------------------------------------------------------------


def test_the_enterprise_reports_the_handler_checks_again_and_closes(db: Database) -> None:
    def story(session: Session) -> None:
        number = ordered(session)
        report_correction(
            session, follow_up_id=number, person_id=CONTACT, text="已补报年报", now=at("2026-03-16 10:00")
        )
        report_correction(
            session, follow_up_id=number, person_id=CONTACT, text="已补报年报", now=at("2026-03-16 10:01")
        )
        assert [who for _, who, _ in told(session, "correction_reported")] == [P1]
        notice = notice_of(session, "correction_reported")
        content = correction_reported(session, notice, NOW)
        assert isinstance(content, Content)
        assert [ask.verb for ask in content.asks] == [
            "close_followup",
            "reject_correction",
            "handle_followup",
        ]
        close(session, follow_up_id=number, person_id=P2, note="复查合格", now=at("2026-03-17 10:00"))
        again = close(session, follow_up_id=number, person_id=P1, note="又一次", now=at("2026-03-18 10:00"))
        assert (again.closing_note, again.closed_at) == ("复查合格", at("2026-03-17 10:00"))
        card = enterprise_order(session, notice_of(session, "enterprise_order"), NOW)
        assert isinstance(card, Content)
        assert (card.asks, card.closed) == ((), "已办结")

    db.write_now(story)


def test_a_report_in_other_words_is_recorded_and_the_handler_hears_of_it(db: Database) -> None:
    """The enterprise could rewrite its report unseen."""

    def story(session: Session) -> None:
        number = ordered(session)
        for minute, text in enumerate(("已张贴", "其实没有张贴", "其实没有张贴")):
            when = NOW + dt.timedelta(minutes=minute)
            report_correction(session, follow_up_id=number, person_id=CONTACT, text=text, now=when)
        assert [who for _, who, _ in told(session, "correction_reported")] == [P1, P1]
        assert (only(session).report, only(session).reported_at) == ("其实没有张贴", NOW)

    db.write_now(story)
    kept = select(AuditEntry.action).where(col(AuditEntry.subject).startswith("followup:"))
    actions = db.read_now(lambda session: session.exec(kept.order_by(col(AuditEntry.seq))).all())
    assert actions[-2:] == ["followup.recheck_due", "followup.report_changed"]


def test_a_failed_re_check_gives_at_least_five_working_days_and_tells_the_enterprise_again(
    db: Database,
) -> None:
    def story(session: Session) -> None:
        number = ordered(session)
        report_correction(
            session, follow_up_id=number, person_id=CONTACT, text="已改", now=at("2026-03-23 10:00")
        )
        found = reject_correction(
            session, follow_up_id=number, person_id=P1, now=at("2026-03-24 10:00"), calendar=CALENDAR
        )
        again = reject_correction(
            session, follow_up_id=number, person_id=P1, now=at("2026-03-24 10:01"), calendar=CALENDAR
        )
        assert (found.state, again.due_on) == (S.ORDERED, dt.date(2026, 3, 31))
        assert len(told(session, "enterprise_order")) == 2
        assert found.handled_at == NOW  # M6 counts the first handling

    db.write_now(story)


@pytest.mark.parametrize("who", [CONTACT, REVIEWER])
def test_who_does_not_handle_it_cannot_close_it(db: Database, who: int) -> None:
    def story(session: Session) -> None:
        number = ordered(session)
        with pytest.raises(Problem) as refused:
            close(session, follow_up_id=number, person_id=who, note="好了", now=NOW)
        assert refused.value.key == "forbidden"

    db.write_now(story)


def test_only_a_contact_of_the_enterprise_reports(db: Database) -> None:
    def story(session: Session) -> None:
        number = ordered(session)
        with pytest.raises(Problem) as refused:
            report_correction(session, follow_up_id=number, person_id=P1, text="已改", now=NOW)
        assert refused.value.key == "forbidden"

    db.write_now(story)


def test_an_order_by_decision_needs_a_term_to_come_and_reaches_the_enterprise(db: Database) -> None:
    def story(session: Session) -> None:
        authority(session)
        visit(session, 1, [["R08"], ["R01"]], state=APPROVED)
        tick(session)
        number = only(session).id or 0
        with pytest.raises(Problem) as refused:
            order(
                session, follow_up_id=number, person_id=P1, text="改正", due_on=dt.date(2026, 3, 10), now=NOW
            )
        assert refused.value.key == "term_past"
        order(session, follow_up_id=number, person_id=P1, text="改正", due_on=dt.date(2026, 3, 20), now=NOW)
        order(session, follow_up_id=number, person_id=P1, text="改正", due_on=dt.date(2026, 3, 20), now=NOW)
        assert [who for _, who, _ in told(session, "enterprise_order")] == [CONTACT]

    db.write_now(story)


def test_a_photo_of_the_correction_is_kept_once(db: Database) -> None:
    def story(session: Session) -> None:
        number = ordered(session)
        stored = Stored(sha256="ab" * 32, media_type="image/jpeg", size=10)
        for _ in range(2):
            add_photo(session, follow_up_id=number, person_id=CONTACT, stored=stored, source="WECOM", now=NOW)
        evidence = session.exec(select(Evidence)).one()
        assert evidence.question == f"followup:{number}"

    db.write_now(story)


def test_reminders_run_to_the_term_and_beyond_and_stop_with_the_report(db: Database) -> None:
    """Due 2026-03-24: the enterprise at T-5, T-3, T-1, the handler from T-3, then handler and lead."""

    def story(session: Session) -> None:
        number = ordered(session)
        days: dict[int, list[int]] = {}
        for day in range(11, 27):
            before = set(told(session, "correction_reminder"))
            for hour in ("08:59", "09:00", "09:05"):
                remind(session, at(f"2026-03-{day} {hour}"), SC)
            new = set(told(session, "correction_reminder")) - before
            if new:
                days[day] = sorted(who for _, who, _ in new)
        assert days == {
            17: [CONTACT],
            19: [P1, CONTACT],
            23: [P1, CONTACT],
            25: [LEAD, P1],
            26: [LEAD, P1],
        }
        notice = session.exec(
            select(Notice).where(Notice.kind == "correction_reminder", Notice.recipient_id == CONTACT)
        ).first()
        assert notice is not None
        assert isinstance(correction_reminder(session, notice, at("2026-03-17 09:00")), Content)
        report_correction(
            session, follow_up_id=number, person_id=CONTACT, text="已改", now=at("2026-03-26 10:00")
        )
        assert told(session, "correction_reminder") == []
        assert isinstance(correction_reminder(session, notice, at("2026-03-26 10:01")), Skip)

    db.write_now(story)
