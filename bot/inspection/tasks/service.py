"""What happens to a visit before its result: accepted, recusal asked, checked in; and every move of its state."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func
from sqlmodel import Session, col, select

from bot.core.clock import at_china
from bot.core.coordinates import distance, on_earth
from bot.core.errors import Problem
from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.notices.mass import hold_mass
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, row, supersede, touch_cards
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject
from bot.inspection.registry.places import place_of
from bot.inspection.tasks.approval import require_approval
from bot.inspection.tasks.late import check_late
from bot.inspection.tasks.models import (
    CheckIn,
    EnterpriseNotice,
    OfficerState,
    Task,
    TaskState,
    Visit,
    VisitOfficer,
    VisitState,
)
from bot.inspection.tasks.presence import acts_for, departments_short, may_step_back, present_at
from bot.inspection.tasks.queries import get_visit, leads_beside, live_officers, require_officer, visit_facts
from bot.inspection.tasks.states import BEFORE_VISIT, moved

WAITING = ("assignment", "assignment_reminder", "visit_day", "visit_window")  # untrue once the visit goes on


def subject_of(visit_id: int) -> str:
    return f"visit:{visit_id}"


def move_visit(session: Session, visit: Visit, *steps: VisitState, now: dt.datetime) -> None:
    """Take a visit through *steps* and touch what was told about it. Raises Problem ``wrong_state``."""
    visit.state, moves = moved(visit.state, *steps)
    if not moves:
        return
    visit.generation += moves
    visit.reminded_on = None
    session.add(visit)
    assert visit.id is not None
    touch_cards(session, subject_of(visit.id), now=now)


def accept_visit(session: Session, *, visit_id: int, person_id: int, now: dt.datetime) -> VisitOfficer:
    """收到: the first time counts, later presses change nothing (C13)."""
    visit = get_visit(session, visit_id, lock=True)
    officer = require_officer(session, visit_id, person_id)
    if officer.state == OfficerState.RECUSAL_ASKED:
        raise Problem("recusal_pending", "您已申请回避，正在等待负责人决定。")
    if officer.state == OfficerState.ACCEPTED:
        return officer
    officer.state = OfficerState.ACCEPTED
    officer.accepted_at = now
    visit.reminded_on = None
    session.add_all([officer, visit])
    record(session, "visit.accepted", subject_of(visit_id), now=now, actor=person_id)
    supersede(session, subject_of(visit_id), kinds=("assignment_reminder",), recipient_id=person_id,
             reason="已接收", now=now)  # fmt: skip
    _accepted_by_all(session, visit, now=now)
    if visit.state == VisitState.ON_SITE:  # the others are there already, and this one has a section to fill
        enqueue(session, "visit_day", subject_of(visit_id), recipient_id=person_id, now=now, slot="joins")
    return officer


def _accepted_by_all(session: Session, visit: Visit, *, now: dt.datetime) -> None:
    assert visit.id is not None
    officers = live_officers(session, visit.id)
    if visit.state == VisitState.ASSIGNED and all(o.state == OfficerState.ACCEPTED for o in officers):
        visit.accepted_at = visit.accepted_at or now
        move_visit(session, visit, VisitState.ACCEPTED, now=now)


def ask_recusal(session: Session, *, visit_id: int, person_id: int, reason: str, now: dt.datetime) -> None:
    """申请回避: the department's lead decides; until then the officer stays named (行政处罚法 art. 43)."""
    reason = reason.strip()
    if not reason:
        raise Problem("reason_missing", "请写明回避理由。", 理由="不能为空")
    visit = get_visit(session, visit_id, lock=True)
    officer = require_officer(session, visit_id, person_id)
    if not may_step_back(visit, person_id, present_at(session, [visit_id])[visit_id]):
        raise Problem("wrong_state", "检查已经开始，请当面向组长说明回避理由。")
    if officer.state == OfficerState.RECUSAL_ASKED:
        return
    officer.state = OfficerState.RECUSAL_ASKED
    officer.recusal_reason = reason
    visit.reminded_on = None
    session.add_all([officer, visit])
    record(session, "recusal.asked", subject_of(visit_id), now=now, actor=person_id, officer=officer.id)
    task, request = session.get_one(Task, visit.task_id), new_id(now.timestamp())
    for lead in leads_beside(session, officer.department_id or task.lead_department_id, person_id):
        enqueue(session, "recusal_request", f"officer:{officer.id}", recipient_id=lead, now=now,
                slot=request, priority=Priority.URGENT)  # fmt: skip
    for subject in (subject_of(visit_id), f"officer:{officer.id}"):
        touch_cards(session, subject, now=now)


def check_in(
    session: Session, *, visit_id: int, person_id: int, now: dt.datetime, profile: Profile,
    latitude: float | None = None, longitude: float | None = None, place: str = "", late_reason: str = "",
    happened_at: dt.datetime | None = None,
) -> bool:  # fmt: skip
    """签到; once per officer. True when enough officers of one's department are there and its form is open (C16).

    *late_reason* makes it a late registration of presence at *happened_at*. Raises ``recusal_pending``,
    ``not_approved``, or what ``check_late`` raises.
    """
    visit = get_visit(session, visit_id, lock=True)
    officer = require_officer(session, visit_id, person_id)
    if visit.state not in (*BEFORE_VISIT, VisitState.ON_SITE):
        return True
    if officer.state == OfficerState.RECUSAL_ASKED:
        raise Problem("recusal_pending", "您已申请回避，决定之前不能签到。")
    require_approval(session, visit_id)
    late = bool(late_reason or happened_at)
    if late:
        happened_at = check_late(
            happened_at, late_reason, now=now, not_before=officer.assigned_at, days=profile.visit.late_registration_days
        )  # fmt: skip
    if officer.state == OfficerState.ASSIGNED:
        accept_visit(session, visit_id=visit_id, person_id=person_id, now=now)
    present = present_at(session, [visit_id])[visit_id]
    if person_id not in present:
        north, east = on_earth(latitude, longitude) or (None, None)
        there = CheckIn(visit_id=visit_id, person_id=person_id, at=now, latitude=north, longitude=east,
                        place=place, late_reason=late_reason, happened_at=happened_at)  # fmt: skip
        _note_presence(session, visit, there, now=now)
        present.add(person_id)
    task, team = session.get_one(Task, visit.task_id), live_officers(session, visit_id)
    if acts_for(task, officer) in departments_short(task, team, present, minimum=profile.draw.officers_min):
        return False
    _begin(session, visit, now=now)
    return True


def _note_presence(session: Session, visit: Visit, there: CheckIn, *, now: dt.datetime) -> None:
    """One officer is there: kept, and nothing waits any more that asks them to come."""
    late = bool(there.late_reason)
    visit.late = visit.late or late
    visit.reminded_on = None
    session.add_all([there, visit])
    subject = subject_of(visit.id or 0)
    record(
        session, "visit.checked_in", subject, now=now, actor=there.person_id, late=late,
        metres_away=None if late else _metres_away(session, visit, there),
    )  # fmt: skip
    supersede(session, subject, kinds=WAITING, recipient_id=there.person_id, reason="已签到", now=now)


def _metres_away(session: Session, visit: Visit, there: CheckIn) -> int | None:
    """How far from the object's registered place; None where one is unknown. The reviewer judges (C32)."""
    here = on_earth(there.latitude, there.longitude)
    registered = place_of(session.get_one(InspectionObject, visit.object_id)) if here else None
    return round(distance(here, registered)) if here and registered else None


def _begin(session: Session, visit: Visit, *, now: dt.datetime) -> None:
    assert visit.id is not None
    if visit.state not in BEFORE_VISIT:
        return
    there = session.exec(select(CheckIn).where(CheckIn.visit_id == visit.id))
    visit.on_site_at = min(c.present_at for c in there)
    move_visit(session, visit, VisitState.ON_SITE, now=now)
    task = session.get_one(Task, visit.task_id)
    if task.state == TaskState.DISPATCHED:
        task.state = TaskState.IN_PROGRESS
        session.add(task)
        record(session, "task.in_progress", f"task:{task.id}", now=now)
    notice = session.get(EnterpriseNotice, visit.id)
    if notice is not None and notice.due_on is None and notice.delivery == "PENDING":
        notice.delivery = "AT_CHECK_IN"  # on-site and unannounced items: told at the door (C15)
        session.add(notice)
        promise_enterprise_notice(session, visit.id, at=now, now=now)


def promise_enterprise_notice(session: Session, visit_id: int, *, at: dt.datetime, now: dt.datetime) -> None:
    """Promise 行政检查通知书 to every contact at *at*; where none has an account the team delivers it on paper (C37)."""
    facts = visit_facts(session, visit_id)
    for contact in facts.contacts:
        enqueue(session, "enterprise_notice", subject_of(visit_id), recipient_id=contact, now=now, not_before=at,
                statutory=True, generation=facts.visit.generation)  # fmt: skip
    if not facts.contacts:
        notice = session.get_one(EnterpriseNotice, visit_id)
        notice.delivery = "NOT_DELIVERED"
        session.add(notice)


def read_notice(session: Session, *, visit_id: int, person_id: int, now: dt.datetime) -> None:
    """The enterprise pressed 已阅; the first time counts."""
    if person_id not in visit_facts(session, visit_id).contacts:
        raise Problem("forbidden", "您不是这家单位登记的联络员。")
    notice = session.get_one(EnterpriseNotice, visit_id)
    if notice.read_at is None:
        notice.read_at = now
        notice.delivered_at = notice.delivered_at or now
        notice.delivery = "CHAT"
        session.add(notice)
        record(session, "notice.read", subject_of(visit_id), now=now, actor=person_id)
        touch_cards(session, subject_of(visit_id), now=now)


def remind_all(session: Session, *, task_id: int, now: dt.datetime, actor: int) -> int:
    """催办: one reminder to everybody of the task who has not accepted, at most once an hour each."""
    waiting = session.exec(
        select(VisitOfficer.person_id, Visit)
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .where(Visit.task_id == task_id, VisitOfficer.state == OfficerState.ASSIGNED)
    ).all()
    slot = f"urged-{now:%Y%m%d%H}"
    rows = [
        row("assignment_reminder", subject_of(visit.id or 0), recipient_id=person, now=now, slot=slot,
            generation=visit.generation, priority=Priority.REMINDER, expires_at=useful_until(visit.due_on, now=now))
        for person, visit in waiting
    ]  # fmt: skip
    hold_mass(session, rows, caused_by=actor, what="催办", now=now)
    new = enqueue_many(session, rows)
    record(session, "task.urged", f"task:{task_id}", now=now, actor=actor, people=len(waiting), new=new)
    return new


def useful_until(window_end: dt.date, *, now: dt.datetime) -> dt.datetime:
    """When asking for an answer becomes useless: after the window, but never before a day has passed."""
    return max(at_china(window_end + dt.timedelta(days=1)), now + dt.timedelta(days=1))


def count_by_state(session: Session, task_id: int) -> dict[str, int]:
    """How many visits of a task are in each state."""
    rows = session.exec(
        select(Visit.state, func.count()).where(Visit.task_id == task_id).group_by(Visit.state)
    ).all()
    return {state: int(n) for state, n in rows}
