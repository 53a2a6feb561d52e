"""C13, C28: who is reminded of a visit when, and never twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pytest
from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import CHINA, china
from bot.core.db import Database
from bot.inspection.deadlines.late import tick_reminders
from bot.inspection.deadlines.models import Deadline
from bot.inspection.deadlines.queue import queue_due
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.profile import load_profile
from bot.inspection.tasks.models import Task, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.reminders import still_open, unanswered
from bot.inspection.tasks.service import accept_visit, check_in, move_visit
from tests.fakes.builders import make_person, make_task, make_visit, team_of
from tests.fakes.reminding import CALENDAR, remind

PROFILE = load_profile("default")


def at(day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=CHINA)


def prepared(session: Session, visits: int = 1, *, planned: int = 16) -> tuple[int, int, list[int]]:
    """Visits locked on 2026-03-10 at 09:30, planned for a day of March. Returns lead, task id, visit ids."""
    task = make_task(session, state="DISPATCHED")
    lead = make_person(session, role=Role.LEAD, department_id=task.lead_department_id).id or 0
    return (
        lead,
        task.id or 0,
        [make_visit(session, task=task, planned_on=dt.date(2026, 3, planned)).id or 0 for _ in range(visits)],
    )


def tick(session: Session, now: dt.datetime) -> int:
    return remind(session, now, PROFILE)


def told(session: Session) -> list[tuple[str, int, dt.datetime]]:
    """(kind, recipient, earliest Chinese wall time) of everything queued, in the order it would go out."""
    rows = session.exec(select(Notice).order_by(col(Notice.not_before), col(Notice.id))).all()
    return [(n.kind, n.recipient_id, china(n.not_before)) for n in rows]


def tick_through(db: Database, moments: Iterable[dt.datetime]) -> None:
    for now in moments:
        db.write_now(tick, now)


def working_hours(first: int, last: int) -> list[dt.datetime]:
    return [at(day, hour) for day in range(first, last + 1) for hour in (8, 9, 12, 18)]


def test_c13_no_answer_by_the_end_of_the_next_working_day_reminds_and_a_day_later_the_lead_knows(
    db: Database,
) -> None:
    lead, task, [visit] = db.write_now(prepared)
    team = db.read_now(team_of, visit)
    tick_through(db, [*working_hours(10, 11)[:-1], at(11, 17, 30), *working_hours(12, 12)])
    assert db.read_now(told) == [
        ("assignment_reminder", team[0], at(11, 17, 30)), ("assignment_reminder", team[1], at(11, 17, 30)),
        ("assignment_overdue", lead, at(12)),
    ]  # fmt: skip
    assert db.read_now(unanswered, task) == [(visit, team[0]), (visit, team[1])]


def test_who_answers_in_time_is_not_reminded(db: Database) -> None:
    _, task, [visit] = db.write_now(prepared)
    team = db.read_now(team_of, visit)
    db.write_now(lambda s: accept_visit(s, visit_id=visit, person_id=team[0], now=at(10, 15)))
    tick_through(db, [at(11)])
    db.write_now(lambda s: accept_visit(s, visit_id=visit, person_id=team[1], now=at(11, 15)))
    tick_through(db, working_hours(11, 12))
    waiting = db.read_now(lambda s: s.exec(select(Notice.recipient_id).where(Notice.state == "queued")).all())
    assert waiting == []
    assert db.read_now(unanswered, task) == []


def test_the_lead_gets_one_message_a_day_however_many_have_not_answered(db: Database) -> None:
    lead, _, _ = db.write_now(prepared, 5)
    tick_through(db, working_hours(12, 12))
    to_lead = [row for row in db.read_now(told) if row[1] == lead]
    assert to_lead == [("assignment_overdue", lead, at(12))]


def test_after_days_of_downtime_everybody_gets_one_reminder_and_the_lead_one(db: Database) -> None:
    db.write_now(prepared)
    tick_through(db, [at(13, 10)])
    tick_through(db, [at(16, 10)])
    kinds = sorted((kind, when) for kind, _, when in db.read_now(told))
    assert kinds == [("assignment_overdue", at(13, 10))] + [("assignment_reminder", at(13, 10))] * 2


def test_the_morning_of_the_visit_reminds_those_who_accepted(db: Database) -> None:
    _, _, [visit] = db.write_now(prepared)
    team = db.read_now(team_of, visit)
    for person in team:
        db.write_now(lambda s, p=person: accept_visit(s, visit_id=visit, person_id=p, now=at(10, 15)))
    tick_through(db, working_hours(11, 16))
    assert db.read_now(told) == [("visit_day", person, at(16)) for person in team]


def test_who_lets_the_day_go_by_is_reminded_each_working_day(db: Database) -> None:
    _, _, [visit] = db.write_now(prepared)
    [first, _] = team = db.read_now(team_of, visit)
    for person in team:
        db.write_now(lambda s, p=person: accept_visit(s, visit_id=visit, person_id=p, now=at(10, 15)))
    tick_through(db, working_hours(11, 22))
    days = [when.day for kind, person, when in db.read_now(told) if (kind, person) == ("visit_day", first)]
    assert days == [16, 17, 18, 19, 20]


def test_the_end_of_the_window_reminds_officers_and_lead_until_there_is_a_record(db: Database) -> None:
    lead, task, [visit] = db.write_now(prepared, planned=31)
    team = db.read_now(team_of, visit)
    for person in team:
        db.write_now(lambda s, p=person: accept_visit(s, visit_id=visit, person_id=p, now=at(10, 15)))
    tick_through(db, [moment for day in range(17, 28) for moment in (at(day, 9), at(day, 18))])
    rows = db.read_now(told)
    assert sorted({when.day for kind, person, when in rows if person == team[0]}) == [24, 26]  # T-5, T-3
    assert sorted({when.day for kind, person, when in rows if person == lead}) == [26]
    assert {kind for kind, _, _ in rows} == {"visit_window", "window_ending"}
    for person in team:
        db.write_now(
            lambda s, p=person: check_in(s, visit_id=visit, person_id=p, now=at(28), profile=PROFILE)
        )
    assert db.read_now(still_open, task) == 1
    tick_through(db, [at(30), at(31)])
    assert {(kind, when.day) for kind, _, when in db.read_now(told)[len(rows) :]} == {
        ("visit_window", 30), ("window_ending", 30),
    }  # fmt: skip
    db.write_now(lambda s: move_visit(s, s.get_one(Visit, visit), VisitState.RECORDED, now=at(31, 10)))
    before = len(db.read_now(told))
    tick_through(db, [dt.datetime(2026, 4, day, 9, tzinfo=CHINA) for day in (1, 2, 3)])
    assert len(db.read_now(told)) == before
    assert db.read_now(still_open, task) == 0


def test_nothing_is_queued_on_days_of_rest_or_before_the_hour(db: Database) -> None:
    db.write_now(prepared)
    for moment in (at(12, 8, 59), at(14, 10), at(15, 10)):
        assert db.write_now(tick, moment) == 0
    assert db.read_now(told) == []


def test_ticking_twice_or_deriving_again_doubles_nothing(db: Database) -> None:
    db.write_now(prepared, 3)
    assert db.write_now(tick, at(12)) == 6  # each officer's answer; the windows are not due yet
    assert db.write_now(tick, at(12, 9, 1)) == 0
    before = db.read_now(told)

    def forget(session: Session) -> None:
        for visit in session.exec(select(Visit)):
            visit.reminded_on = None
        for deadline in session.exec(select(Deadline)):
            deadline.next_at = at(12)

    db.write_now(forget)
    db.write_now(tick, at(12, 9, 2))
    assert db.read_now(told) == before


def test_more_deadlines_than_one_transaction_takes_are_taken_in_turn(db: Database) -> None:
    for day in (9, 10, 11):
        _, _, visits = db.write_now(prepared, 2)
        db.write_now(_assigned_on, visits, day)
    db.write_now(tick, at(12, 8))

    def some(session: Session) -> int:
        done = queue_due(session, now=at(13), profile=PROFILE, calendar=CALENDAR, limit=5)
        messages.append(done.messages)
        return done.deadlines

    messages: list[int] = []
    assert [db.write_now(some) for _ in range(4)] == [4, 4, 4, 0]
    assert sum(messages) == len(db.read_now(told))
    assert len([row for row in db.read_now(told) if row[0] == "assignment_reminder"]) == 12


def _assigned_on(session: Session, visits: list[int], day: int) -> None:
    for officer in session.exec(select(VisitOfficer).where(col(VisitOfficer.visit_id).in_(visits))):
        officer.assigned_at = at(day, 10)


@pytest.mark.postgres
def test_ticks_of_several_processes_at_once_double_nothing(postgres_db: Database) -> None:
    db = postgres_db
    db.write_now(prepared, 40)
    futures = [db.submit(tick, at(12, 8, 50)) for _ in range(6)]
    assert [future.result() for future in futures] == [0] * 6
    ticks = [
        db.submit(tick_reminders, now=at(12), profile=PROFILE, calendar=CALENDAR, limit=30) for _ in range(12)
    ]
    assert sum(future.result() for future in ticks) >= 80
    counted = db.read_now(lambda s: s.exec(select(Notice.kind, func.count()).group_by(Notice.kind)).all())
    assert dict(counted) == {"assignment_reminder": 80, "assignment_overdue": 1}
    assert len(db.read_now(lambda s: s.exec(select(Deadline.id)).all())) == 120


def test_a_replacement_has_its_own_days_to_answer(db: Database) -> None:
    _, _, [visit] = db.write_now(prepared)
    team = db.read_now(team_of, visit)

    def reassign(session: Session) -> None:
        for row in session.exec(select(VisitOfficer)):
            row.assigned_at = at(12, 15) if row.person_id == team[1] else at(10)
        session.get_one(Task, session.get_one(Visit, visit).task_id)

    db.write_now(reassign)
    tick_through(db, [at(12, 16)])
    assert [person for kind, person, _ in db.read_now(told) if kind == "assignment_reminder"] == [team[0]]
