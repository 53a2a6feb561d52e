"""A recusal granted, a leave, an illness: the next officer is drawn by the same tickets, never named by hand (D12)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.draws.algorithm import officer_ticket
from bot.inspection.draws.dispatch import barred_officers, labels_of, need_of, officer_facts
from bot.inspection.draws.matching import replacement
from bot.inspection.draws.service import live_draw, officer_pseudonym
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards, withdraw
from bot.inspection.tasks.models import OfficerState, VisitOfficer, VisitState
from bot.inspection.tasks.queries import VisitFacts, leads_of, visit_facts
from bot.inspection.tasks.service import move_visit, useful_until


def decide_recusal(
    session: Session, *, officer_id: int, granted: bool, by: int, now: dt.datetime
) -> VisitOfficer | None:
    """Grant or deny; returns who was drawn instead. A second decision changes nothing."""
    officer = session.get(VisitOfficer, officer_id, with_for_update=True)
    if officer is None:
        raise Problem("not_found", "没有这条回避申请。")
    facts = visit_facts(session, officer.visit_id)
    lead = facts.task.lead_department_id
    if by not in {*leads_of(session, officer.department_id or lead), *leads_of(session, lead)}:
        raise Problem("forbidden", "只有检查部门负责人可以决定回避。")
    if officer.state != OfficerState.RECUSAL_ASKED:
        return None
    officer.recusal_decided_by = by
    follower = None
    if granted:
        follower = _replace(session, facts, officer, now=now)
    else:
        officer.state = OfficerState.ACCEPTED if officer.accepted_at else OfficerState.ASSIGNED
    facts.visit.reminded_on = None
    session.add_all([officer, facts.visit])
    record(session, "recusal.granted" if granted else "recusal.denied", f"visit:{officer.visit_id}", now=now, actor=by,
           officer=officer.id, follower=follower.id if follower else None)  # fmt: skip
    enqueue(session, "recusal_decided", f"officer:{officer.id}", recipient_id=officer.person_id, now=now,
            slot=now.isoformat(timespec="seconds"), data={"granted": granted})  # fmt: skip
    for subject in (f"visit:{officer.visit_id}", f"officer:{officer.id}"):
        touch_cards(session, subject, now=now)
    return follower


def redraw(
    session: Session, officer: VisitOfficer, *, by: int, now: dt.datetime, action: str
) -> VisitOfficer:
    """Draw somebody else for *officer*'s place; the one who leaves is told. Raises ``officers_missing``."""
    facts = visit_facts(session, officer.visit_id)
    follower = _replace(session, facts, officer, now=now)
    facts.visit.reminded_on = None
    session.add_all([officer, facts.visit])
    record(
        session,
        action,
        f"visit:{officer.visit_id}",
        now=now,
        actor=by,
        officer=officer.id,
        follower=follower.id,
    )
    enqueue(session, "officer_replaced", f"officer:{officer.id}", recipient_id=officer.person_id, now=now)
    for subject in (f"visit:{officer.visit_id}", f"officer:{officer.id}"):
        touch_cards(session, subject, now=now)
    return follower


def _replace(session: Session, facts: VisitFacts, officer: VisitOfficer, *, now: dt.datetime) -> VisitOfficer:
    draw = live_draw(session, facts.task.id or 0)
    assert draw is not None
    seed = bytes.fromhex(draw.seed_hex)
    department = officer.department_id or facts.task.lead_department_id
    officers, person_of = officer_facts(session, [department])
    today, inspected = china_day(now), facts.object
    need = need_of(
        facts.task, inspected, department=department, labels=labels_of(session, facts.task)[department], today=today,
        planned=max(facts.visit.planned_on, today), team_size=1, barred=barred_officers(session, [inspected.id or 0]),
    )  # fmt: skip
    ever = session.exec(select(VisitOfficer.person_id).where(VisitOfficer.visit_id == officer.visit_id)).all()
    drawn = replacement(need, officers, taken=[officer_pseudonym(session, p) for p in ever], seed=seed)
    if drawn is None:
        raise Problem(
            "officers_missing", "名录库中没有其他符合条件的执法检查人员可以替换。", 检查对象=facts.object.name
        )
    follower = VisitOfficer(
        visit_id=officer.visit_id, person_id=person_of[drawn], department_id=department,
        leader=officer.leader, ticket=officer_ticket(seed, facts.object.code, drawn), assigned_at=now,
    )  # fmt: skip
    officer.state, officer.leader, officer.replaced_by = OfficerState.REPLACED, False, follower.person_id
    session.add(follower)
    session.flush()
    if facts.visit.state == VisitState.ACCEPTED:
        move_visit(session, facts.visit, VisitState.ASSIGNED, now=now)
    withdraw(session, f"visit:{officer.visit_id}", recipient_id=officer.person_id, reason="已改派", now=now)
    enqueue(session, "assignment", f"visit:{officer.visit_id}", recipient_id=follower.person_id, now=now,
            generation=facts.visit.generation, priority=Priority.ASSIGNMENT,
            expires_at=useful_until(facts.task.window_end, now=now))  # fmt: skip
    return follower
