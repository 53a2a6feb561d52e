"""申请延期: an officer asks the lead for a later last day; what the law fixes cannot be extended."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.deadlines.models import Deadline, DeadlineMember, Extension, ExtensionState, ReminderClock
from bot.inspection.deadlines.shown import due_words
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.telling import tell_ordered
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.people.models import Person
from bot.inspection.tasks.models import Task, Visit
from bot.inspection.tasks.queries import leads_beside, live_officers
from bot.inspection.tasks.states import BEFORE_RECORD

_EXTENDABLE = ("visit_window", "correction")
_FARTHEST = dt.timedelta(days=180)


def ask_extension(
    session: Session, *, deadline_id: int, person_id: int, until: dt.date, reason: str, now: dt.datetime
) -> Extension:
    """Ask for *until* as the last day; the leads of the department decide, for its only lead the coordinators. The
    same again changes nothing.

    Raises ``not_extendable`` (the publicity clock is law), ``extension_days``, ``reason_missing``, ``forbidden``.
    """
    deadline = session.get(Deadline, deadline_id, with_for_update=True)
    if deadline is None or deadline.closed_at is not None:
        raise Problem("not_found", "这件事已经办结，不用延期。")
    if session.get(DeadlineMember, (deadline_id, person_id)) is None:
        raise Problem("forbidden", "这项期限不由您办理，不能申请延期。")
    due = session.get_one(ReminderClock, deadline.clock_id).due_on
    if deadline.kind not in _EXTENDABLE or due is None:
        raise Problem("not_extendable", "这项期限由规定确定，不能延期。")
    reason = " ".join(reason.split())[:200]
    if not reason:
        raise Problem("reason_missing", "请写明延期的理由。", 理由="不能为空")
    if not max(due, china_day(now)) < until <= due + _FARTHEST:
        raise Problem(
            "extension_days", f"延期后的日期应晚于 {due_words(deadline, due)} 和今天，且不超过半年。"
        )
    open_ = select(Extension).where(
        Extension.deadline_id == deadline_id, Extension.state == ExtensionState.ASKED
    )
    asked = session.exec(open_).first()
    if asked is not None:
        return asked
    asked = Extension(
        deadline_id=deadline_id, person_id=person_id, due_on=due, until=until, reason=reason, asked_at=now
    )
    session.add(asked)
    session.flush()
    record(session, "extension.asked", f"extension:{asked.id}", now=now, actor=person_id, deadline=deadline_id,
           until=until.isoformat())  # fmt: skip
    for lead in leads_beside(session, deadline.department_id, person_id):
        enqueue(session, "extension_request", f"extension:{asked.id}", recipient_id=lead, now=now,
                priority=Priority.ASSIGNMENT)  # fmt: skip
    return asked


def decide_extension(
    session: Session, *, extension_id: int, by: int, granted: bool, now: dt.datetime
) -> Extension:
    """Grant or refuse; a second press finds the decision.

    Raises ``forbidden`` (also for who asked), ``not_found`` (also for granting what is done meanwhile).
    """
    asked = session.get(Extension, extension_id, with_for_update=True)
    if asked is None:
        raise Problem("not_found", "没有这条延期申请。")
    deadline = session.get_one(Deadline, asked.deadline_id)
    if by not in leads_beside(session, deadline.department_id, asked.person_id):
        raise Problem("forbidden", "延期由检查部门负责人决定。")
    if asked.state != ExtensionState.ASKED:
        return asked
    asked.state = ExtensionState.GRANTED if granted else ExtensionState.REFUSED
    asked.decided_at, asked.decided_by = now, by
    session.add(asked)
    told = {asked.person_id}
    if granted:
        told |= _move_the_day(session, deadline, asked.until, now=now)
    record(session, f"extension.{asked.state.lower()}", f"extension:{asked.id}", now=now, actor=by,
           deadline=deadline.id, until=asked.until.isoformat())  # fmt: skip
    for person in sorted(told):
        enqueue(session, "extension_decided", f"extension:{asked.id}", recipient_id=person, now=now)
    touch_cards(session, f"extension:{asked.id}", now=now)
    return asked


def _move_the_day(session: Session, deadline: Deadline, until: dt.date, *, now: dt.datetime) -> set[int]:
    """Set the new last day where it stands; returns who works with it. The clocks follow at the next tick.

    For the same reason a clock may still run for what is done already: the row itself is looked at, and held.
    """
    row = int(deadline.root.partition(":")[2])
    if deadline.kind == "visit_window":
        visit = session.get_one(Visit, row, with_for_update=True)
        _require_open(deadline, runs=visit.state in BEFORE_RECORD)
        visit.due_on, visit.reminded_on, visit.generation = until, None, visit.generation + 1
        session.add(visit)
        touch_cards(session, f"visit:{visit.id}", now=now)
        return {officer.person_id for officer in live_officers(session, row)}
    found = session.get_one(FollowUp, row, with_for_update=True)
    _require_open(deadline, runs=found.state == FollowUpState.ORDERED)
    found.due_on, found.reminded_on, found.generation = until, None, found.generation + 1
    session.add(found)
    session.flush()
    tell_ordered(session, found, now=now)
    touch_cards(session, f"followup:{found.id}", now=now)
    return {found.handler_id}


def _require_open(deadline: Deadline, *, runs: bool) -> None:
    if deadline.closed_at is not None or not runs:
        raise Problem("not_found", "这件事已经办结或报告整改，不用延期。")


def shown(session: Session, extension_id: int) -> dict[str, Any]:
    """What the cards of a request say."""
    asked = session.get_one(Extension, extension_id)
    deadline = session.get_one(Deadline, asked.deadline_id)
    row = int(deadline.root.partition(":")[2])
    visit_id = row if deadline.kind == "visit_window" else session.get_one(FollowUp, row).visit_id
    visit = session.get_one(Visit, visit_id)
    return {
        "person": session.get_one(Person, asked.person_id).name, "reason": asked.reason, "number": visit.number,
        "task": session.get_one(Task, visit.task_id).name, "due": due_words(asked, asked.due_on),
        "until": due_words(asked, asked.until), "what": "检查期限" if deadline.kind == "visit_window" else "整改期限",
        "state": asked.state, "ended": deadline.closed_at is not None,
    }  # fmt: skip


def open_requests(session: Session, department_id: int) -> int:
    """Requests the leads of a department have yet to decide."""
    query = (
        select(Extension.id)
        .join(Deadline, col(Deadline.id) == Extension.deadline_id)
        .where(
            Extension.state == ExtensionState.ASKED,
            Deadline.department_id == department_id,
            col(Deadline.closed_at).is_(None),
        )
    )
    return len(session.exec(query).all())
