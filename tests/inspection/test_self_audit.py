"""C28: the nightly audit finds every planted gap, tells the administrators, and the next tick makes it good."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import delete
from sqlmodel import Session, col, select

from bot.core.clock import CHINA
from bot.core.db import Database
from bot.inspection.deadlines.models import Deadline, DeadlineMember, ReminderClock
from bot.inspection.deadlines.self_audit import Findings, audit_is_due, run_self_audit
from bot.inspection.duties import SOURCES
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Role
from bot.inspection.profile import load_profile
from tests.fakes.builders import make_person, make_task, make_visit
from tests.fakes.reminding import CALENDAR, remind

PROFILE = load_profile("default")


def at(day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=CHINA)


def world(session: Session) -> int:
    """Two visits of one task whose officers have not answered, ticked to the morning of the second working day."""
    task = make_task(session, state="DISPATCHED")
    make_person(session, role=Role.LEAD, department_id=task.lead_department_id)
    admin = make_person(session, role=Role.ADMIN)
    for _ in range(2):
        make_visit(session, task=task)
    for moment in (at(10, 10), at(11, 17, 30), at(12)):
        remind(session, moment, PROFILE)
    return admin.id or 0


def audit(db: Database, moment: dt.datetime) -> Findings:
    return run_self_audit(db, SOURCES, now=moment, profile=PROFILE, calendar=CALENDAR)


def pages(session: Session) -> list[int]:
    return list(session.exec(select(Notice.recipient_id).where(Notice.kind == "promises_broken")))


def test_where_every_promise_is_kept_nothing_is_found_and_nobody_is_told(db: Database) -> None:
    db.write_now(world)
    found = audit(db, at(13, 2))
    assert found.clean, found
    assert found.checked >= 2
    assert db.read_now(pages) == []


def lose_a_deadline(session: Session) -> None:
    deadline = session.exec(select(Deadline).where(Deadline.kind == "visit_window")).first()
    assert deadline is not None
    session.execute(delete(DeadlineMember).where(col(DeadlineMember.deadline_id) == deadline.id))
    session.delete(deadline)


def forget_to_look_again(session: Session) -> None:
    deadline = session.exec(select(Deadline).where(Deadline.kind == "visit_window")).first()
    assert deadline is not None
    deadline.next_at = None


def look_again_too_late(session: Session) -> None:
    deadline = session.exec(select(Deadline).where(Deadline.kind == "visit_window")).first()
    assert deadline is not None
    deadline.next_at = at(31, 23)


def lose_a_message(session: Session) -> None:
    session.delete(session.exec(select(Notice).where(Notice.kind == "assignment_reminder")).first())


def lose_the_leads_message(session: Session) -> None:
    session.execute(delete(Notice).where(col(Notice.kind) == "assignment_overdue"))


def lose_a_person(session: Session) -> None:
    session.delete(session.exec(select(DeadlineMember)).first())


def run_by_a_wrong_clock(session: Session) -> None:
    right = session.exec(select(Deadline).where(Deadline.kind == "visit_window")).first()
    assert right is not None
    kept = session.get_one(ReminderClock, right.clock_id)
    wrong = ReminderClock(
        key="wrong", policy_id=kept.policy_id, started_on=kept.started_on, due_on=dt.date(2026, 12, 1)
    )
    session.add(wrong)
    session.flush()
    right.clock_id = wrong.id or 0


def stay_open_too_long(session: Session) -> None:
    deadline = session.exec(select(Deadline).where(Deadline.kind == "visit_window")).first()
    assert deadline is not None
    session.add(
        Deadline(kind="review", subject="visit:1", root=deadline.root, about="visit:1", above="task:1",
                 department_id=deadline.department_id, clock_id=deadline.clock_id, opened_at=at(10))
    )  # fmt: skip


PLANTED = [
    lose_a_deadline, forget_to_look_again, look_again_too_late, lose_a_message, lose_the_leads_message, lose_a_person,
    run_by_a_wrong_clock, stay_open_too_long,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_gap_is_found_pages_the_administrator_and_is_made_good(
    db: Database, plant: Callable[[Session], None]
) -> None:
    admin = db.write_now(world)
    db.write_now(plant)

    found = audit(db, at(13, 2))

    assert not found.clean
    assert db.read_now(pages) == [admin]
    db.write_now(lambda s: remind(s, at(13), PROFILE))
    assert audit(db, at(14, 2)).clean
    assert db.read_now(pages) == [admin]


def test_the_audit_runs_once_a_night(db: Database) -> None:
    nights = [at(12, 10), at(12, 23), at(13, 1), at(13, 2), at(13, 3), at(14, 1), at(14, 5)]
    assert [db.write_now(audit_is_due, now=moment) for moment in nights] == [
        False, False, False, True, False, False, True,
    ]  # fmt: skip
