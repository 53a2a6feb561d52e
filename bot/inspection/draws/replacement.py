"""After the lock (D12): the next officer by the same tickets, the next object of the same stratum, more objects.

Nothing is named by hand. Every change is a line of ``changes.jsonl`` from which anybody can repeat the choice.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.draws.algorithm import officer_ticket
from bot.inspection.draws.dispatch import needs_of
from bot.inspection.draws.matching import Need, candidates, replacement
from bot.inspection.draws.models import Draw, DrawChange
from bot.inspection.draws.names import Names, names_of, names_of_clue, seed_of_clue
from bot.inspection.draws.officers import department_codes, officer_facts, with_recusals
from bot.inspection.draws.queries import frozen_rules, live_draw
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards, withdraw
from bot.inspection.tasks.models import OfficerState, VisitOfficer, VisitState
from bot.inspection.tasks.queries import VisitFacts, leads_beside, visit_facts
from bot.inspection.tasks.service import move_visit, useful_until
from bot.inspection.tasks.states import LIVE

_RECUSAL, _OTHER = "回避", "改派"  # the grounds that are published: who was on leave is nobody's business


def decide_recusal(
    session: Session, *, officer_id: int, granted: bool, by: int, now: dt.datetime
) -> VisitOfficer | None:
    """Grant or deny; returns who was drawn instead. A second decision changes nothing. Nobody decides about
    themselves, a lead who was drawn neither (行政处罚法 art. 43). Raises ``not_found``, ``forbidden``."""
    officer = session.get(VisitOfficer, officer_id, with_for_update=True)
    if officer is None:
        raise Problem("not_found", "没有这条回避申请。")
    facts = visit_facts(session, officer.visit_id)
    lead, person = facts.task.lead_department_id, officer.person_id
    if by not in {
        *leads_beside(session, officer.department_id or lead, person),
        *leads_beside(session, lead, person),
    }:
        raise Problem("forbidden", "回避由检查部门其他负责人决定，本人不能决定自己的申请。")
    if officer.state != OfficerState.RECUSAL_ASKED:
        return None
    officer.recusal_decided_by = by
    follower = None
    if granted:
        follower = _replace(session, facts, officer, ground=_RECUSAL, now=now)
    else:
        officer.state = OfficerState.ACCEPTED if officer.accepted_at else OfficerState.ASSIGNED
    facts.visit.reminded_on = None
    session.add_all([officer, facts.visit])
    record(session, "recusal.granted" if granted else "recusal.denied", f"visit:{officer.visit_id}", now=now, actor=by,
           officer=officer.id, follower=follower.id if follower else None)  # fmt: skip
    enqueue(session, "recusal_decided", f"officer:{officer.id}", recipient_id=officer.person_id, now=now,
            slot=new_id(now.timestamp()), data={"granted": granted})  # fmt: skip
    for subject in (f"visit:{officer.visit_id}", f"officer:{officer.id}"):
        touch_cards(session, subject, now=now)
    return follower


def redraw(
    session: Session, officer: VisitOfficer, *, by: int, now: dt.datetime, action: str
) -> VisitOfficer:
    """Draw somebody else for *officer*'s place; the one who leaves is told. Raises ``officers_missing``."""
    facts = visit_facts(session, officer.visit_id)
    follower = _replace(session, facts, officer, ground=_OTHER, now=now)
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


def _replace(
    session: Session, facts: VisitFacts, officer: VisitOfficer, *, ground: str, now: dt.datetime
) -> VisitOfficer:
    department = officer.department_id or facts.task.lead_department_id
    draw = live_draw(session, facts.task.id or 0)
    lot = _lot(session, draw, facts, department, day=max(facts.visit.planned_on, china_day(now)))
    drawn, chosen = _draw_another(session, lot, facts, officer, department)
    person = lot.names.people_behind(session, {drawn})[drawn]
    follower = VisitOfficer(
        visit_id=officer.visit_id, person_id=person, department_id=department,
        leader=officer.leader, ticket=officer_ticket(lot.seed, lot.need.id, drawn), assigned_at=now,
    )  # fmt: skip
    officer.state, officer.leader, officer.replaced_by = OfficerState.REPLACED, False, follower.person_id
    session.add(follower)
    if draw is not None:
        note_change(session, draw, "OFFICER", chosen | {"ground": ground}, now=now)
    if facts.visit.state == VisitState.ACCEPTED:
        move_visit(session, facts.visit, VisitState.ASSIGNED, now=now)
    withdraw(session, f"visit:{officer.visit_id}", recipient_id=officer.person_id, reason="已改派", now=now)
    if facts.visit.state != VisitState.SCHEDULED:  # whose batch is closed is told when it opens
        _tell_follower(session, facts, person, clue=draw is None, now=now)
    return follower


def _tell_follower(session: Session, facts: VisitFacts, person: int, *, clue: bool, now: dt.datetime) -> None:
    kind, priority = ("clue_assigned", Priority.URGENT) if clue else ("assignment", Priority.ASSIGNMENT)
    enqueue(session, kind, f"visit:{facts.visit.id}", recipient_id=person, now=now, priority=priority, statutory=clue,
            generation=facts.visit.generation, expires_at=useful_until(facts.task.window_end, now=now))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lot:
    """By what another officer is drawn for a visit and a department."""

    seed: bytes
    names: Names
    need: Need
    trained_on: dt.date | None


def _lot(session: Session, draw: Draw | None, facts: VisitFacts, department: int, *, day: dt.date) -> Lot:
    """That of the round, as frozen; where a clue came without a draw, that by which its officers were sent (C25)."""
    code = department_codes(session, [department])[department]
    if draw is None:
        need = Need(
            id=facts.object.code, department=code, last_day=facts.task.window_end, planned=day,
            labels=frozenset(item.label_required for item in facts.items) - {""}, district=facts.object.district,
        )  # fmt: skip
        return Lot(seed_of_clue(facts.task.number), names_of_clue(session, facts.task.number), need, None)
    rules = frozen_rules(session, draw)
    needs = needs_of(rules, [(facts.object.code, facts.object.district, day)])
    need = next(need for need in needs if need.department == code)
    gate = day if rules["training_gate"] else None
    return Lot(bytes.fromhex(draw.seed_hex), names_of(session, draw), need, gate)


def _draw_another(
    session: Session, lot: Lot, facts: VisitFacts, officer: VisitOfficer, department: int
) -> tuple[str, dict[str, Any]]:
    """Who follows, and the facts from which anybody finds the same."""
    names, need = lot.names, lot.need
    known = officer_facts(session, {department: need.department}, names=names, trained_on=lot.trained_on)
    known = with_recusals(session, known, {need.id}, names=names)
    rows = session.exec(select(VisitOfficer).where(VisitOfficer.visit_id == officer.visit_id)).all()
    ever = {names.of(row.person_id) for row in rows}
    staying = {
        names.of(row.person_id)
        for row in rows
        if row.id != officer.id and row.state in LIVE and row.department_id == officer.department_id
    }
    able = candidates(need, known, taken=ever, staying=staying)
    drawn = replacement(need, able, seed=lot.seed)
    if drawn is None:
        raise Problem(
            "officers_missing", "名录库中没有其他符合条件的执法检查人员可以替换。", 检查对象=facts.object.name
        )
    return drawn, {
        "object": need.id, "department": need.department, "out": names.of(officer.person_id), "in": drawn,
        "choices": sorted(([o.id, o.load] for o in able), key=lambda choice: str(choice[0])),
    }  # fmt: skip


def note_change(
    session: Session, draw: Draw, kind: str, facts: dict[str, Any], *, now: dt.datetime
) -> DrawChange:
    """Add a line to ``changes.jsonl``."""
    session.flush()
    number = session.exec(select(func.count()).where(DrawChange.draw_id == draw.id)).one() + 1
    change = DrawChange(draw_id=draw.id or 0, number=number, kind=kind, facts=facts, at=now)
    session.add(change)
    session.flush()
    return change
