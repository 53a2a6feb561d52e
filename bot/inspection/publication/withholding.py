"""不予公示、撤回: one person asks with a ground, another decides; meanwhile nothing is published (JZ-26.1, C22)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.private import public_words
from bot.core.words import said, says_something
from bot.inspection.audit.service import record
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.people.models import Role
from bot.inspection.publication.corrections import keep_back, withdraw
from bot.inspection.publication.models import Withholding
from bot.inspection.publication.versions import latest_of
from bot.inspection.results.service import is_of_departments
from bot.inspection.tasks.models import Task, Visit, VisitState
from bot.inspection.tasks.queries import departments_of, get_visit, leads_of, live_officers, people_with_role
from bot.inspection.tasks.service import subject_of

_BEFORE = (VisitState.IN_REVIEW, VisitState.APPROVED)
ASKABLE = (*_BEFORE, VisitState.PUBLISHED)


def ask_withholding(
    session: Session, *, visit_id: int, published: bool, ground: str, by: int, now: dt.datetime
) -> Withholding:
    """Ask for 不予公示, or with *published* for 撤回. Asked again while nobody has decided, the first ground stands.

    Raises ``forbidden``, ``wrong_state``, ``reason_missing`` or ``private_data``.
    """
    visit = get_visit(session, visit_id, lock=True)
    _require_concerned(session, visit, by)
    asked = open_request(session, visit_id)
    if asked is not None:
        return asked
    _require_state(session, visit, published=published)
    ground = public_words(said(ground, 500))
    if not says_something(ground):
        raise Problem("reason_missing", "请写明依据和理由。", 理由="不能为空")
    asked = Withholding(visit_id=visit_id, published=published, ground=ground, asked_by=by, asked_at=now)
    session.add(asked)
    session.flush()
    record(
        session,
        "withholding.asked",
        subject_of(visit_id),
        now=now,
        actor=by,
        ground=ground,
        published=published,
    )
    for person in deciders(session, visit, asked_by=by):
        enqueue(session, "withholding_request", f"withholding:{asked.id}", recipient_id=person, now=now)
    return asked


def decide_withholding(
    session: Session, *, withholding_id: int, granted: bool, by: int, now: dt.datetime
) -> Withholding:
    """Somebody else grants or refuses; the first decision stands.

    Raises ``not_found``, ``second_person_needed``, ``forbidden``, and ``wrong_state`` before the result is approved.
    """
    asked = session.get(Withholding, withholding_id)
    if asked is None:
        raise Problem("not_found", "没有找到这项申请。")
    visit = get_visit(session, asked.visit_id, lock=True)
    session.refresh(asked)
    if asked.asked_by == by:
        raise Problem("second_person_needed", "须由申请人以外的另一人决定。")
    if by not in deciders(session, visit, asked_by=asked.asked_by):
        raise Problem(
            "forbidden",
            "不予公示和撤回由联席会议办公室决定；联席会议办公室申请的，也可由检查部门负责人决定。",
        )
    if asked.decided_at is not None:
        return asked
    if granted:
        act = withdraw if asked.published else keep_back
        act(session, visit_id=asked.visit_id, ground=asked.ground, by=by, now=now)
    asked.granted, asked.decided_by, asked.decided_at = granted, by, now
    session.add(asked)
    if not granted:
        record(
            session, "withholding.refused", subject_of(asked.visit_id), now=now, actor=by, ground=asked.ground
        )
    enqueue(session, "withholding_decided", f"withholding:{asked.id}", recipient_id=asked.asked_by, now=now)
    touch_cards(session, f"withholding:{asked.id}", now=now)
    return asked


def open_request(session: Session, visit_id: int) -> Withholding | None:
    """What waits for a decision about this visit."""
    waits = col(Withholding.decided_at).is_(None)
    return session.exec(select(Withholding).where(Withholding.visit_id == visit_id, waits)).first()


def deciders(session: Session, visit: Visit, *, asked_by: int) -> list[int]:
    """The coordinators, beside one who asks the leads of the departments too; never who asked."""
    people = people_with_role(session, Role.COORDINATOR)
    if asked_by in people:
        people = [*people, *_leads(session, visit)]
    return [person for person in dict.fromkeys(people) if person != asked_by]


def _require_concerned(session: Session, visit: Visit, by: int) -> None:
    officers = [officer.person_id for officer in live_officers(session, visit.id or 0)]
    if by in {*officers, *_leads(session, visit), *people_with_role(session, Role.COORDINATOR)}:
        return
    reviews = by in people_with_role(session, Role.REVIEWER)
    if not reviews or not is_of_departments(session, visit.id or 0, by):
        raise Problem("forbidden", "只有检查人员、审核人、检查部门负责人和联席会议办公室可以申请。")


def _require_state(session: Session, visit: Visit, *, published: bool) -> None:
    if not published and visit.state not in _BEFORE:
        raise Problem(
            "wrong_state",
            "结果已经公示，请申请撤回公示。"
            if visit.state == VisitState.PUBLISHED
            else "提交审核之后、公示之前可以申请不予公示。",
        )
    latest = latest_of(session, visit.id or 0) if published else None
    if published and (latest is None or latest.withdrawn):
        raise Problem("wrong_state", "公示已撤回。" if latest else "结果还没有公示，请申请不予公示。")


def _leads(session: Session, visit: Visit) -> list[int]:
    task = session.get_one(Task, visit.task_id)
    return [lead for department in departments_of(task) for lead in leads_of(session, department)]
