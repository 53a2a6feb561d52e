"""Review: somebody who did not inspect looks at the result, lets it pass or sends it back (C21)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.words import said
from bot.inspection.audit.service import record
from bot.inspection.notices.models import Notice
from bot.inspection.notices.service import enqueue, supersede
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.results.models import ItemResult, Review
from bot.inspection.results.outcome_messages import MENDS_LIBRARY
from bot.inspection.results.quality import Flag, flags
from bot.inspection.results.traces import trace
from bot.inspection.tasks.models import Task, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import (
    departments_of,
    leads_of,
    live_officers,
    people_with_role,
    visit_facts,
)
from bot.inspection.tasks.service import move_visit, subject_of

WAITING = ("review_request", "review_reminder")  # untrue once somebody decided


class Decision(StrEnum):
    APPROVED = "APPROVED"
    RETURNED = "RETURNED"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The decision that stands. ``fresh`` is False when it was made before this call."""

    decision: Decision
    reason: str
    reviewer_id: int
    round: int
    fresh: bool


def review_visit(
    session: Session,
    *,
    visit_id: int,
    reviewer_id: int,
    decision: Decision,
    reason: str = "",
    now: dt.datetime,
) -> Reviewed:
    """Let a result pass or return it with a reason. A later press finds the decision of this round.

    Raises ``forbidden`` (no reviewer of these departments, or one who was ever an officer of the visit),
    ``reason_missing``, ``low_yield`` (the third fruitless visit passes with a reason only, C32), ``wrong_state``
    (nothing was submitted).
    """
    visit = session.get(Visit, visit_id, with_for_update=True)
    if visit is None:
        raise Problem("not_found", "没有找到这次检查。")
    require_reviewer(session, visit_id, reviewer_id)
    last = last_review(session, visit_id)
    if visit.state != VisitState.IN_REVIEW:
        if last is None:
            raise Problem("wrong_state", "这次检查还没有提交审核。")
        return Reviewed(Decision(last.decision), last.reason, last.reviewer_id, last.round, fresh=False)
    reason = said(reason, 500)
    if decision is Decision.RETURNED and not reason:
        raise Problem("reason_missing", "退回要写明理由，检查人员才知道改什么。", 理由="不能为空")
    if decision is Decision.APPROVED and not reason and _needs_reason(session, visit_id):
        raise Problem(
            "low_yield", "同一人员一年内三次检查该户均未发现问题，请写明为什么通过。", reason="请写明理由"
        )
    number = last.round + 1 if last else 1
    made = Review(
        visit_id=visit_id, round=number, reviewer_id=reviewer_id, decision=decision, reason=reason, at=now
    )
    _decide(session, visit, made, now=now)
    return Reviewed(decision, reason, reviewer_id, number, fresh=True)


def _decide(session: Session, visit: Visit, made: Review, *, now: dt.datetime) -> None:
    """Keep the decision, move the visit and tell whom it sends back to work."""
    subject = subject_of(made.visit_id)
    session.add(made)
    action = f"review.{made.decision.lower()}"
    record(session, action, subject, now=now, actor=made.reviewer_id, round=made.round)
    supersede(session, subject, kinds=WAITING, reason="已审核", now=now)
    if made.decision == Decision.APPROVED:
        visit.reviewed_at = now
        move_visit(session, visit, VisitState.APPROVED, now=now)
        if visit.outcome in MENDS_LIBRARY:
            _tell_library(session, visit, now=now)
    else:
        move_visit(session, visit, VisitState.RECORDED, now=now)
        _tell_returned(session, visit, made.round, now=now)


def _tell_library(session: Session, visit: Visit, *, now: dt.datetime) -> None:
    """R07 and the registry outcomes say that the library is wrong about this object (field guide 2.2)."""
    lead = session.get_one(Task, visit.task_id).lead_department_id
    keepers = people_with_role(session, Role.ADMIN, department_id=lead) or people_with_role(
        session, Role.ADMIN
    )
    for person in keepers:
        enqueue(session, "library_mismatch", subject_of(visit.id or 0), recipient_id=person, now=now)


def require_reviewer(session: Session, visit_id: int, person_id: int) -> None:
    """Raise ``forbidden`` unless the person reviews and has never been an officer of this visit (C21)."""
    roles = set(session.exec(select(PersonRole.role).where(PersonRole.person_id == person_id)))
    if not roles & {Role.REVIEWER, Role.COORDINATOR}:
        raise Problem("forbidden", "只有审核人可以审核检查结果。")
    if Role.COORDINATOR not in roles and not is_of_departments(session, visit_id, person_id):
        raise Problem("forbidden", "您是其他部门的审核人，这次检查由检查部门自己审核。")
    mine = select(VisitOfficer).where(VisitOfficer.visit_id == visit_id, VisitOfficer.person_id == person_id)
    if session.exec(mine).first() is not None:
        raise Problem("forbidden", "您是这次检查的执法检查人员，不能审核自己的结果。")


def is_of_departments(session: Session, visit_id: int, person_id: int) -> bool:
    """Whether the person belongs to a department that carries out this visit."""
    visit, person = session.get_one(Visit, visit_id), session.get_one(Person, person_id)
    return person.department_id in departments_of(session.get_one(Task, visit.task_id))


def _needs_reason(session: Session, visit_id: int) -> bool:
    return Flag.LOW_YIELD in flags(trace(session, visit_facts(session, visit_id)))


def last_review(session: Session, visit_id: int) -> Review | None:
    """The newest decision about a visit."""
    return session.exec(
        select(Review).where(Review.visit_id == visit_id).order_by(col(Review.round).desc()).limit(1)
    ).first()


def item_results(session: Session, visit_id: int) -> list[ItemResult]:
    """The standing result of each item: the newest version, in the order of the items."""
    newest: dict[int, ItemResult] = {}
    for result in session.exec(
        select(ItemResult).where(ItemResult.visit_id == visit_id).order_by(col(ItemResult.version))
    ):
        newest[result.item_id] = result
    return [newest[item] for item in sorted(newest)]


def reviewers_of(session: Session, visit: Visit) -> list[int]:
    """Who was asked to review; a coordinator where nobody could be."""
    asked = session.exec(
        select(Notice.recipient_id).where(
            Notice.kind == "review_request",
            Notice.subject == subject_of(visit.id or 0),
            Notice.generation == visit.generation,
        )
    ).all()
    return list(asked) or people_with_role(session, Role.COORDINATOR)


def _tell_returned(session: Session, visit: Visit, number: int, *, now: dt.datetime) -> None:
    assert visit.id is not None
    task = session.get_one(Task, visit.task_id)
    officers = [officer.person_id for officer in live_officers(session, visit.id)]
    for person in dict.fromkeys([*officers, *leads_of(session, task.lead_department_id)]):
        enqueue(
            session,
            "result_returned",
            subject_of(visit.id),
            recipient_id=person,
            now=now,
            slot=f"round-{number}",
            generation=visit.generation,
        )
