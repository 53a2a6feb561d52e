"""The annual plan: import, approve, publish, adjust, show (C7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.audit import service as audit
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.departments import department_ids
from bot.inspection.people.models import Person, PersonRole, Role
from bot.inspection.plans.checks import Checker
from bot.inspection.plans.difference import Change, LineChange, difference
from bot.inspection.plans.document import PlanDocument
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.plans.register import file_plan
from bot.inspection.profile import Profile


def import_plan(
    session: Session,
    *,
    document: PlanDocument,
    now: dt.datetime,
    profile: Profile,
    ground: str = "",
    actor: int | None = None,
) -> Plan:
    """Store the document as a draft. A draft of the same code is replaced; the same document again changes
    nothing. Where an approved or published version stands, this is an adjustment and needs its *ground*
    (ZJ-2.6.b). ``Problem`` ``plan_refused`` names every line and reason."""
    latest = find_plan(session, document.code)
    lines = Checker(session, document, profile).lines(_old_lines(session, latest))
    department_id = department_ids(session)[document.department]
    if latest is not None and _same(session, latest, document, department_id, lines):
        return latest
    blank = Plan(
        code=document.code, year=document.year, name=document.name, department_id=department_id,
        ground=ground.strip(), created_at=now,
    )  # fmt: skip
    plan = _draft(session, latest, blank)
    for line in lines:
        line.plan_id = plan.id or 0
    session.add_all(lines)
    session.flush()
    audit.record(
        session, "plan.imported", f"plan:{plan.id}", now=now, actor=actor, code=plan.code,
        version=plan.version, ground=plan.ground, lines=len(lines),
        authorisations={str(x.number): x.authorisation for x in document.lines if x.authorisation},
    )  # fmt: skip
    return plan


def adjust_plan(
    session: Session,
    *,
    document: PlanDocument,
    ground: str,
    now: dt.datetime,
    profile: Profile,
    actor: int | None = None,
) -> Plan:
    """As :func:`import_plan` for a plan that stands already; refused without a ground."""
    if find_plan(session, document.code) is None:
        raise Problem("plan_unknown", "没有这份计划，不能调整", 编号=document.code)
    if not ground.strip():
        raise Problem("plan_without_ground", "调整计划必须说明理由", 编号=document.code)
    return import_plan(session, document=document, now=now, profile=profile, ground=ground, actor=actor)


def approve_plan(session: Session, *, plan_id: int, now: dt.datetime, actor: int | None = None) -> Plan:
    """A draft is approved; approved again, nothing happens."""
    plan = _locked(session, plan_id)
    if plan.state == PlanState.SUPERSEDED:
        raise Problem("plan_superseded", "这一版已被新版取代", 编号=plan.code)
    if plan.state == PlanState.DRAFT:
        plan.state, plan.approved_at = PlanState.APPROVED, now
        session.add(plan)
        audit.record(session, "plan.approved", f"plan:{plan.id}", now=now, actor=actor, code=plan.code,
                     version=plan.version)  # fmt: skip
    return plan


def publish_plan(session: Session, *, plan_id: int, now: dt.datetime, actor: int | None = None) -> Plan:
    """An approved version becomes the public one; the one before stays readable; who is concerned is told.

    Refused without approval. Published again, nothing happens.
    """
    plan = _locked(session, plan_id)
    if plan.state == PlanState.PUBLISHED:
        return plan
    if plan.state != PlanState.APPROVED:
        raise Problem("plan_not_approved", "计划未经批准，不能公示", 编号=plan.code)
    changes = plan_changes(session, plan_id=plan_id)
    older = session.exec(select(Plan).where(Plan.code == plan.code, Plan.version < plan.version)).all()
    for version in older:
        version.state = PlanState.SUPERSEDED
    plan.state, plan.published_at = PlanState.PUBLISHED, now
    session.add_all([*older, plan])
    audit.record(session, "plan.published", f"plan:{plan.id}", now=now, actor=actor, code=plan.code,
                 version=plan.version, changed_lines=[change.number for change in changes])  # fmt: skip
    file_plan(session, department_id=plan.department_id, year=plan.year, code=plan.code, now=now)
    if plan.version > 1:
        _tell(session, plan, changes, now)
    else:
        _tell_published(session, plan, now)
    return plan


def find_plan(session: Session, code: str, *, version: int | None = None) -> Plan | None:
    """The newest version of the plan, or the one asked for."""
    query = select(Plan).where(Plan.code == code).order_by(col(Plan.version).desc())
    return session.exec(query if version is None else query.where(Plan.version == version)).first()


def plan_lines(session: Session, plan_id: int) -> list[PlanLine]:
    """The lines of one version by number."""
    query = select(PlanLine).where(PlanLine.plan_id == plan_id).order_by(col(PlanLine.number))
    return list(session.exec(query).all())


def plan_changes(session: Session, *, plan_id: int) -> list[LineChange]:
    """What this version changes against the one before; nothing for the first."""
    plan = session.get_one(Plan, plan_id)
    before = find_plan(session, plan.code, version=plan.version - 1)
    if before is None:
        return []
    return difference(plan_lines(session, before.id or 0), plan_lines(session, plan_id))


def earlier_line_ids(session: Session, line: PlanLine) -> list[int]:
    """Rows that stood for this line in earlier versions: a task made from one of them is its task."""
    plan = session.get_one(Plan, line.plan_id)
    query = (
        select(PlanLine.id)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(Plan.code == plan.code, Plan.version < plan.version, PlanLine.number == line.number)
        .order_by(col(Plan.version).desc())
    )
    return [key for key in session.exec(query) if key is not None]


def _locked(session: Session, plan_id: int) -> Plan:
    plan = session.exec(select(Plan).where(Plan.id == plan_id).with_for_update()).one_or_none()
    if plan is None:
        raise Problem("plan_unknown", "没有这份计划")
    return plan


def _old_lines(session: Session, latest: Plan | None) -> list[PlanLine]:
    return plan_lines(session, latest.id or 0) if latest is not None else []


def _same(
    session: Session, plan: Plan, document: PlanDocument, department_id: int, lines: Sequence[PlanLine]
) -> bool:
    head = (plan.name, plan.year, plan.department_id) == (document.name, document.year, department_id)
    return head and not difference(plan_lines(session, plan.id or 0), lines)


def _draft(session: Session, latest: Plan | None, blank: Plan) -> Plan:
    """The draft to fill: the open one, emptied, or *blank* as a new version."""
    if latest is not None and latest.state == PlanState.DRAFT:
        session.execute(delete(PlanLine).where(col(PlanLine.plan_id) == latest.id))
        latest.name, latest.year, latest.department_id = blank.name, blank.year, blank.department_id
        latest.ground = blank.ground or latest.ground
        plan = latest
    elif latest is not None and not blank.ground:
        raise Problem("plan_without_ground", "计划已批准或公示，调整必须说明理由", 编号=latest.code)
    else:
        blank.version = latest.version + 1 if latest is not None else 1
        plan = blank
    session.add(plan)
    session.flush()
    return plan


def _tell_published(session: Session, plan: Plan, now: dt.datetime) -> None:
    """Leads of every department in the plan, and the coordinators, hear that it stands."""
    lines = plan_lines(session, plan.id or 0)
    concerned = {d for line in lines for d in (line.lead_department_id, *line.joint_department_ids)}
    data = {"lines": len(lines)}
    people = _concerned(session, concerned)
    enqueue_many(
        session,
        [row("plan_published", f"plan:{plan.id}", recipient_id=n, now=now, data=data) for n in people],
    )


def _concerned(session: Session, departments: set[int]) -> list[int]:
    """Leads of the departments, and the coordinators."""
    query = (
        select(Person.id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(
            col(Person.active),
            ((col(PersonRole.role) == Role.LEAD) & col(Person.department_id).in_(departments))
            | (col(PersonRole.role) == Role.COORDINATOR),
        )
        .distinct()
    )
    return [person for person in session.exec(query) if person is not None]


def _tell(session: Session, plan: Plan, changes: Sequence[LineChange], now: dt.datetime) -> None:
    """Leads of every department a change concerns, and the coordinators, hear of the adjustment."""
    concerned = {department for change in changes for department in change.departments}
    recipients = _concerned(session, concerned)
    counts = {kind.value.lower(): sum(1 for change in changes if change.change is kind) for kind in Change}
    enqueue_many(
        session,
        [row("plan_adjusted", f"plan:{plan.id}", recipient_id=n, now=now, data=counts) for n in recipients],
    )
