"""请假 and 改派: visits are handed over by a fresh draw among the rest, never by hand (D12)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, or_, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import may_fail, record
from bot.inspection.deadlines.models import ExtensionState, LeaveRequest
from bot.inspection.draws.replacement import redraw
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.people.models import Absence, Person
from bot.inspection.tasks.models import CheckIn, Task, Visit, VisitOfficer
from bot.inspection.tasks.presence import may_step_back, present_at
from bot.inspection.tasks.queries import leads_beside, leads_of
from bot.inspection.tasks.states import BEFORE_RECORD, LIVE

_LONGEST = dt.timedelta(days=366)


def ask_leave(
    session: Session, *, person_id: int, first: dt.date, last: dt.date, reason: str, now: dt.datetime
) -> LeaveRequest:
    """Ask the department's other leads, or the coordinators; the same days again change nothing unless they were
    refused. Raises ``leave_days``, ``reason_missing``, ``leave_nobody`` (no department, or nobody to ask)."""
    reason = " ".join(reason.split())[:200]
    if not reason:
        raise Problem("reason_missing", "请写明请假事由。", 事由="不能为空")
    if last < first or last < china_day(now) or last - first > _LONGEST:
        raise Problem("leave_days", "请假的结束日期应不早于开始日期和今天，且不超过一年。")
    department = session.get_one(Person, person_id).department_id
    if department is None:
        raise Problem("leave_nobody", "名录库里没有您的部门，请联系管理员。")
    same = (
        LeaveRequest.person_id == person_id,
        LeaveRequest.first_day == first,
        LeaveRequest.last_day == last,
        LeaveRequest.state != ExtensionState.REFUSED,
    )
    asked = session.exec(select(LeaveRequest).where(*same)).first()
    if asked is not None:
        return asked
    deciders = leads_beside(session, department, person_id)
    if not deciders:
        raise Problem("leave_nobody", "没有可以决定的负责人，请联系管理员。")
    asked = LeaveRequest(person_id=person_id, first_day=first, last_day=last, reason=reason, asked_at=now)
    session.add(asked)
    session.flush()
    record(session, "leave.asked", f"leave:{asked.id}", now=now, actor=person_id, first=first.isoformat(),
           last=last.isoformat())  # fmt: skip
    for lead in deciders:
        enqueue(session, "leave_request", f"leave:{asked.id}", recipient_id=lead, now=now,
                priority=Priority.ASSIGNMENT)  # fmt: skip
    return asked


def decide_leave(
    session: Session, *, leave_id: int, by: int, granted: bool, now: dt.datetime
) -> LeaveRequest:
    """Grant (and hand the visits of these days over) or refuse; a second press finds the decision."""
    asked = session.get(LeaveRequest, leave_id, with_for_update=True)
    if asked is None:
        raise Problem("not_found", "没有这条请假申请。")
    department = session.get_one(Person, asked.person_id).department_id
    if department is None or by not in leads_beside(session, department, asked.person_id):
        raise Problem("forbidden", "请假由本部门其他负责人决定，没有的由联席会议办公室决定。")
    if asked.state != ExtensionState.ASKED:
        return asked
    asked.state = ExtensionState.GRANTED if granted else ExtensionState.REFUSED
    asked.decided_at, asked.decided_by = now, by
    if granted:
        session.add(Absence(person_id=asked.person_id, first_day=asked.first_day, last_day=asked.last_day,
                            reason="请假"))  # fmt: skip
        session.flush()
        for officer in affected(session, asked):
            if _hand_over(session, officer, by=by, now=now):
                asked.handed_over += 1
            else:
                asked.stayed += 1
    session.add(asked)
    record(session, f"leave.{asked.state.lower()}", f"leave:{asked.id}", now=now, actor=by,
           handed_over=asked.handed_over, stayed=asked.stayed)  # fmt: skip
    enqueue(session, "leave_decided", f"leave:{asked.id}", recipient_id=asked.person_id, now=now)
    touch_cards(session, f"leave:{asked.id}", now=now)
    return asked


def affected(session: Session, leave: LeaveRequest) -> list[VisitOfficer]:
    """Visits planned in these days, or whose last day falls into them, to which they have not come yet."""
    days = (leave.first_day, leave.last_day)
    arrived = select(CheckIn.id).where(CheckIn.visit_id == Visit.id, CheckIn.person_id == leave.person_id)
    query = (
        select(VisitOfficer)
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .where(
            VisitOfficer.person_id == leave.person_id, col(VisitOfficer.state).in_(LIVE),
            col(Visit.state).in_(BEFORE_RECORD), ~arrived.exists(),
            or_(col(Visit.planned_on).between(*days), col(Visit.due_on).between(*days)),
        )
        .order_by(col(VisitOfficer.id))
    )  # fmt: skip
    return list(session.exec(query))


def reassign(session: Session, *, officer_id: int, by: int, reason: str, now: dt.datetime) -> VisitOfficer:
    """改派 by the lead: somebody else is drawn. Raises ``forbidden``, ``reason_missing``, ``wrong_state``,
    ``officers_missing``."""
    reason = " ".join(reason.split())[:200]
    if not reason:
        raise Problem("reason_missing", "请写明改派理由。", 理由="不能为空")
    officer = session.get(VisitOfficer, officer_id, with_for_update=True)
    if officer is None:
        raise Problem("not_found", "没有这条派发记录。")
    visit = session.get_one(Visit, officer.visit_id)
    lead = session.get_one(Task, visit.task_id).lead_department_id
    if by not in {*leads_of(session, officer.department_id or lead), *leads_of(session, lead)}:
        raise Problem("forbidden", "改派由检查部门负责人决定。")
    there = present_at(session, [officer.visit_id])[officer.visit_id]
    if officer.state not in LIVE or not may_step_back(visit, officer.person_id, there):
        raise Problem("wrong_state", "已经改派过，或检查已经开始，不能改派。")
    officer.recusal_reason, officer.recusal_decided_by = f"改派：{reason}", by
    return redraw(session, officer, by=by, now=now, action="officer.reassigned")


def _hand_over(session: Session, officer: VisitOfficer, *, by: int, now: dt.datetime) -> bool:
    officer.recusal_reason, officer.recusal_decided_by = "请假", by
    try:
        with may_fail(session):
            redraw(session, officer, by=by, now=now, action="officer.handed_over")
    except Problem as problem:
        if problem.key != "officers_missing":
            raise
        return False
    return True
