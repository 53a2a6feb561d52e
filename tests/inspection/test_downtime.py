"""C28: after downtime of any length one message each, the newest still useful, and the administrators learn what was
late; two processes at the same moment, a kill in the middle and a restart change nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.core.clock import CHINA, china
from bot.core.db import Database
from bot.inspection.deadlines.holders import holders, refresh_holders
from bot.inspection.deadlines.late import tick_reminders
from bot.inspection.deadlines.messages import reminders_late
from bot.inspection.deadlines.models import Deadline, DutyHolder
from bot.inspection.deadlines.policy import Policy
from bot.inspection.deadlines.service import Duty, keep
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.profile import Step, load_profile
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role as Reader
from bot.messaging.outbox import claim, claimed, expire
from tests.conftest import INFO
from tests.fakes.builders import make_department, make_officer, make_person
from tests.fakes.reminding import CALENDAR

PROFILE = load_profile("default")
DUE = dt.date(2026, 10, 22)
STARTED = dt.date(2026, 9, 18)


def at(month: int, day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=CHINA)


def publicity(session: Session, count: int = 1, *, span: Span | None = None) -> list[int]:
    """*count* results that wait to be public, two officers each; who is who: officers, lead, coordinator, admin."""
    department = make_department(session).id or 0
    officers = [make_officer(session, department).id or 0 for _ in range(2)]
    lead = make_person(session, role=Role.LEAD, department_id=department).id or 0
    office = make_person(session, role=Role.COORDINATOR).id or 0
    admin = make_person(session, role=Role.ADMIN).id or 0
    policy = Policy("publicity", PROFILE.reminders["publicity"], "09:00")
    duties = {
        f"visit:{n}": [
            Duty("publicity", f"visit:{n}", span or Span(STARTED, DUE), policy, department, tag=DUE.isoformat(),
                 people=dict.fromkeys(officers, Reader.OFFICER))
        ]
        for n in range(1, count + 1)
    }  # fmt: skip
    keep(session, duties, now=at(9, 18, 18), calendar=CALENDAR)
    return [*officers, lead, office, admin]


def tick(session: Session, now: dt.datetime) -> int:
    return tick_reminders(session, now=now, profile=PROFILE, calendar=CALENDAR)


def told(session: Session) -> list[tuple[int, str, dt.datetime]]:
    rows = session.exec(select(Notice).where(Notice.kind == "publicity_reminder").order_by(col(Notice.id)))
    return [(n.recipient_id, n.slot.partition(":")[2], china(n.not_before)) for n in rows]


def test_c28_the_acceptance_example_with_a_restart_five_minutes_later(db: Database) -> None:
    first, second, lead, office, _ = db.write_now(publicity)
    days = [dt.date(2026, 9, 18) + dt.timedelta(days=n) for n in range(45)]
    for day in days:
        for minute in (0, 5):
            db.write_now(tick, at(day.month, day.day, 9, minute))
    rows = db.read_now(told)
    mine = [f"{when:%m-%d %H:%M}" for person, _, when in rows if person == first and when.date() <= DUE]
    assert mine == ["10-09 09:00", "10-15 09:00", "10-19 09:00", "10-21 09:00"]
    late = {person: [f"{when:%m-%d}" for p, _, when in rows if p == person and when.date() > DUE] for person in
            (first, second, lead, office)}  # fmt: skip
    assert late[first] == late[second] == late[lead] == ["10-23", "10-26", "10-27", "10-28", "10-29", "10-30"]
    assert late[office] == ["10-29"]
    assert max(Counter((person, when) for person, _, when in rows).values()) == 1


def test_days_of_downtime_leave_one_message_each_and_the_administrator_a_report(db: Database) -> None:
    first, second, lead, _, admin = db.write_now(publicity, 3)
    db.write_now(tick, at(10, 8))
    db.write_now(tick, at(10, 20, 14))  # T-10, T-5 and T-3 went by
    rows = db.read_now(told)
    assert Counter(person for person, _, _ in rows) == {first: 3, second: 3, lead: 3}
    assert {slot for _, slot, _ in rows} == {"T-3"}
    db.write_now(tick, at(10, 20, 14, 1))
    [report] = db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "reminders_late")).all())
    assert report.recipient_id == admin
    content = db.read_now(reminders_late, report, at(10, 20, 14))
    assert isinstance(content, Content)
    assert content.values == {
        "since": "10月08日 09:00", "until": "10月20日 14:00", "late": ["公示期限 3 项"], "dropped": 0, "messages": 9,
    }  # fmt: skip


def test_nothing_goes_out_after_it_became_useless(db: Database) -> None:
    """A last reminder before the due day is dropped the day after it; the overdue one speaks instead."""
    steps = (Step(at="T-1", who=(Reader.OFFICER,)),)
    policy = Policy("publicity", steps, "09:00")

    def prepare(session: Session) -> None:
        department = make_department(session).id or 0
        officer = make_officer(session, department).id or 0
        make_person(session, role=Role.ADMIN)
        duty = Duty(
            "publicity", "visit:1", Span(STARTED, DUE), policy, department, people={officer: Reader.OFFICER}
        )
        keep(session, {"visit:1": [duty]}, now=at(9, 18, 18), calendar=CALENDAR)

    db.write_now(prepare)
    db.write_now(tick, at(10, 20))
    db.write_now(tick, at(10, 23))
    assert db.read_now(told) == []
    [report] = db.read_now(lambda s: s.exec(select(Notice).where(Notice.kind == "reminders_late")).all())
    assert report.data["dropped"] == 1
    db.write_now(tick, at(10, 26))
    assert db.read_now(told) == []


def test_what_waits_while_the_platform_is_down_ends_when_its_successor_is_due(db: Database) -> None:
    db.write_now(publicity)
    db.write_now(tick, at(10, 9))
    db.write_now(tick, at(10, 15))
    now = at(10, 15, 9, 1)
    db.write_now(expire, now=now)
    sending = db.write_now(lambda s: claimed(s, claim(s, worker="w", now=now, quiet=False)))
    assert {n.slot.partition(":")[2] for n in sending} == {"T-5"}
    states = db.read_now(lambda s: Counter(s.exec(select(Notice.state)).all()))
    assert states == {"expired": 2, "sending": 2}


def test_a_kill_before_the_commit_loses_nothing_and_doubles_nothing(db: Database) -> None:
    db.write_now(publicity, 5)

    def killed(session: Session) -> None:
        tick(session, at(10, 9))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        db.write_now(killed)
    assert db.read_now(told) == []
    assert db.write_now(tick, at(10, 9, 9, 5)) == 5
    assert db.write_now(tick, at(10, 9, 9, 6)) == 0
    assert len(db.read_now(told)) == 10


@pytest.fixture
def two(database_url: str) -> Iterator[tuple[Database, Database]]:
    """The same database opened by two processes' worth of connections."""
    one, other = Database(database_url, info=INFO), Database(database_url, info=INFO)
    yield one, other
    one.close()
    other.close()


def test_two_processes_ticking_at_once_change_nothing(two: tuple[Database, Database]) -> None:
    one, other = two
    one.write_now(publicity, 200)
    ticks = [db.submit(tick, at(10, 9)) for _ in range(6) for db in (one, other)]
    assert sum(future.result() for future in ticks) >= 200
    rows = one.read_now(told)
    assert len(rows) == 400
    assert max(Counter((person, when) for person, _, when in rows).values()) == 200
    [nexts] = one.read_now(lambda s: s.exec(select(Deadline.next_at).distinct()).all())
    assert nexts is not None
    assert china(nexts) == at(10, 15)


def test_who_holds_several_offices_hears_of_a_deadline_once(db: Database) -> None:
    """A small county: the lead is also the joint-conference office and the department above."""

    def prepare(session: Session) -> int:
        people = publicity(session)
        lead, office = people[2], people[3]
        session.delete(session.get_one(PersonRole, (office, Role.COORDINATOR)))
        session.flush()
        session.add(PersonRole(person_id=lead, role=Role.COORDINATOR))
        return lead

    lead = db.write_now(prepare)
    for day in (23, 26, 27, 28, 29):
        db.write_now(tick, at(10, day))
    days = [when for person, _, when in db.read_now(told) if person == lead]
    assert len(days) == len(set(days)) == 5


def test_what_a_policy_puts_into_the_morning_card_is_no_message_of_its_own(db: Database) -> None:
    steps = (Step(at="T-3", who=(Reader.OFFICER,)), Step(at="T-3", who=(Reader.LEAD,), digest=True))

    def prepare(session: Session) -> tuple[int, int]:
        department = make_department(session).id or 0
        officer = make_officer(session, department).id or 0
        lead = make_person(session, role=Role.LEAD, department_id=department).id or 0
        duty = Duty("publicity", "visit:1", Span(STARTED, DUE), Policy("publicity", steps, "09:00"), department,
                    people={officer: Reader.OFFICER})  # fmt: skip
        keep(session, {"visit:1": [duty]}, now=at(9, 18, 18), calendar=CALENDAR)
        return officer, lead

    officer, _ = db.write_now(prepare)
    db.write_now(tick, at(10, 19))
    assert [person for person, _, _ in db.read_now(told)] == [officer]


def test_an_office_that_changes_hands_is_heard_by_its_new_holder(db: Database) -> None:
    people = db.write_now(publicity)
    db.write_now(tick, at(10, 19))

    def hand_over(session: Session) -> int:
        old = people[2]
        session.delete(session.get_one(PersonRole, (old, Role.LEAD)))
        session.flush()
        department = session.exec(select(Deadline.department_id)).first()
        return make_person(session, role=Role.LEAD, department_id=department).id or 0

    new = db.write_now(hand_over)
    db.write_now(tick, at(10, 21))
    leads = [(person, slot) for person, slot, _ in db.read_now(told) if person in (people[2], new)]
    assert leads == [(people[2], "T-3"), (new, "T-1")]


def test_holders_are_written_only_when_they_change(db: Database) -> None:
    db.write_now(publicity)
    db.write_now(refresh_holders, now=at(10, 9))
    first = db.read_now(
        lambda s: {(h.department_id, h.who, h.person_id): h.since for h in s.exec(select(DutyHolder))}
    )
    db.write_now(refresh_holders, now=at(10, 10))
    again = db.read_now(
        lambda s: {(h.department_id, h.who, h.person_id): h.since for h in s.exec(select(DutyHolder))}
    )
    assert first == again
    assert set(again) == db.read_now(holders)


def test_a_partner_hears_that_somebody_of_the_team_has_not_answered(db: Database) -> None:
    steps = (Step(at="S+1", who=(Reader.OFFICER,)), Step(at="S+1", who=(Reader.PARTNER,), time="10:00"))
    policy = Policy("assignment", steps, "09:00")

    def prepare(session: Session) -> tuple[int, int]:
        department = make_department(session).id or 0
        one, other = (make_officer(session, department).id or 0 for _ in range(2))
        duty = Duty("assignment", "officer:1", Span(dt.date(2026, 10, 8)), policy, department, about="visit:1",
                    people={one: Reader.OFFICER, other: Reader.PARTNER})  # fmt: skip
        keep(session, {"visit:1": [duty]}, now=at(10, 8, 12), calendar=CALENDAR)
        return one, other

    one, other = db.write_now(prepare)
    db.write_now(tick, at(10, 9, 9))
    db.write_now(tick, at(10, 9, 10))
    rows = db.read_now(
        lambda s: s.exec(select(Notice.kind, Notice.recipient_id).order_by(col(Notice.id))).all()
    )
    assert rows == [("assignment_reminder", one), ("partner_waiting", other)]


def test_the_tick_finds_its_work_without_reading_the_table(sqlite_db: Database) -> None:
    sqlite_db.write_now(publicity, 50)

    def plan(session: Session) -> str:
        query = (
            "EXPLAIN QUERY PLAN SELECT clock_id, count(*) FROM deadline "
            "WHERE next_at IS NOT NULL AND next_at <= :now GROUP BY clock_id"
        )
        return "\n".join(row[3] for row in session.execute(text(query), {"now": "2026-10-09"}))

    found = sqlite_db.read_now(plan)
    assert "USING COVERING INDEX ix_deadline_next (next_at>? AND next_at<?)" in found
