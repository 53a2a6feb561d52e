"""责任清单: the yearly duties of every department, filed with proof, chased until they are (C1, YL-3.1.c)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.policy import policy_of
from bot.inspection.deadlines.service import Duty
from bot.inspection.deadlines.sources import Context, Ids, Source
from bot.inspection.notices.service import supersede
from bot.inspection.people.models import Department, Person, PersonRole, Role
from bot.inspection.plans.models import DutyEntry, DutyKind
from bot.inspection.profile import Profile, day_in_year, plan_due
from bot.inspection.profile.schedule import Span
from bot.inspection.profile.terms import Role as Reader

NAMES = {
    DutyKind.PLAN: "部门年度抽查计划", DutyKind.JOINT_PLAN: "联合抽查计划", DutyKind.YEARLY_RESULTS: "年度检查结果公示",
}  # fmt: skip


def open_year(
    session: Session,
    *,
    year: int,
    now: dt.datetime,
    profile: Profile,
    calendar: WorkCalendar,
    actor: int | None = None,
) -> int:
    """Enter the year's duties: a plan for each department with a lead, the joint plan for the joint-conference office,
    the yearly day for results where the locality has one. Entered before, nothing happens; returns how many are new."""
    leading, coordinating = _with_role(session, Role.LEAD), _with_role(session, Role.COORDINATOR)
    plan, joint = (plan_due(profile, calendar, year=year, joint=joint) for joint in (False, True))
    wanted = [(DutyKind.PLAN, d, plan.day, plan.basis_zh) for d in leading]
    wanted += [(DutyKind.JOINT_PLAN, d, joint.day, joint.basis_zh) for d in coordinating]
    if profile.publicity.yearly_deadline is not None:
        day = day_in_year(profile.publicity.yearly_deadline, year)
        basis = f"{year}年度检查结果应于{day.month}月{day.day}日前公示（{profile.basis}）"
        wanted += [(DutyKind.YEARLY_RESULTS, d, day, basis) for d in leading]
    known = set(session.exec(select(DutyEntry.kind, DutyEntry.department_id).where(DutyEntry.year == year)))
    new = [
        DutyEntry(
            kind=kind, year=year, department_id=department, due_on=due, basis=basis[:200], opened_at=now
        )
        for kind, department, due, basis in wanted
        if (kind, department) not in known
    ]
    session.add_all(new)
    if new:
        record(session, "duties.opened", f"year:{year}", now=now, actor=actor, duties=len(new))
    return len(new)


def file_duty(
    session: Session, *, duty_id: int, evidence: str, now: dt.datetime, actor: int | None = None
) -> DutyEntry:
    """已报送, with the number or address that proves it; the first time counts. Raises ``not_found``,
    ``evidence_missing``, ``forbidden`` (somebody of another department)."""
    entry = session.get(DutyEntry, duty_id, with_for_update=True)
    if entry is None:
        raise Problem("not_found", "责任清单里没有这一项。")
    if actor is not None and not _answers_for(session, entry, actor):
        raise Problem("forbidden", "这一项由本部门负责人报送。")
    if entry.filed_at is not None:
        return entry
    evidence = " ".join(evidence.split())[:200]
    if not evidence:
        raise Problem("evidence_missing", "请写明文号、计划编号或网址。", 依据="不能为空")
    entry.filed_at, entry.filed_by, entry.evidence, entry.reminded_on = now, actor, evidence, None
    session.add(entry)
    record(session, "duty.filed", f"duty:{duty_id}", now=now, actor=actor, kind=entry.kind, year=entry.year)
    supersede(session, f"duty:{duty_id}", kinds=("duty_reminder",), reason="已报送", now=now)
    return entry


def file_plan(session: Session, *, department_id: int, year: int, code: str, now: dt.datetime) -> None:
    """A published plan is the proof of its department's duty."""
    query = select(DutyEntry.id).where(
        DutyEntry.kind == DutyKind.PLAN, DutyEntry.year == year, DutyEntry.department_id == department_id
    )
    duty = session.exec(query).first()
    if duty is not None:
        file_duty(session, duty_id=duty, evidence=f"计划 {code}", now=now)


def duties_of(session: Session, *, year: int, only_open: bool = False) -> list[tuple[DutyEntry, str]]:
    """The year's entries with their departments' names."""
    query = (
        select(DutyEntry, Department.name)
        .join(Department, col(Department.id) == DutyEntry.department_id)
        .where(DutyEntry.year == year)
        .order_by(col(DutyEntry.due_on), col(DutyEntry.kind), col(Department.id))
    )
    if only_open:
        query = query.where(col(DutyEntry.filed_at).is_(None))
    return list(session.exec(query).all())


def _with_role(session: Session, role: Role) -> list[int]:
    """Departments somebody of the role belongs to."""
    query = (
        select(Person.department_id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(PersonRole.role == role, col(Person.active), col(Person.department_id).is_not(None))
        .distinct()
    )
    return sorted(department for department in session.exec(query) if department is not None)


def planners(session: Session, entry: DutyEntry) -> list[int]:
    """Who is told of the entry: the department's leads; of the joint plan those of all, who propose and decide it."""
    query = (
        select(Person.id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(PersonRole.role == Role.LEAD, col(Person.active))
        .order_by(col(Person.id))
    )
    if entry.kind != DutyKind.JOINT_PLAN:
        query = query.where(Person.department_id == entry.department_id)
    return [person for person in session.exec(query) if person is not None]


def _answers_for(session: Session, entry: DutyEntry, person_id: int) -> bool:
    coordinates = session.get(PersonRole, (person_id, Role.COORDINATOR)) is not None
    return coordinates or (entry.kind != DutyKind.JOINT_PLAN and person_id in planners(session, entry))


def _stale(session: Session, context: Context, limit: int) -> Ids:  # noqa: ARG001 - a source's signature
    query = (
        select(DutyEntry.id)
        .where(col(DutyEntry.reminded_on).is_(None))
        .order_by(col(DutyEntry.id))
        .limit(limit)
    )
    return [entry for entry in session.exec(query) if entry is not None]


def _derive(session: Session, ids: Ids, context: Context) -> dict[str, list[Duty]]:
    duties: dict[str, list[Duty]] = {}
    for entry in session.exec(
        select(DutyEntry).where(col(DutyEntry.id).in_(ids)).order_by(col(DutyEntry.id))
    ):
        entry.reminded_on = china_day(context.now)
        session.add(entry)
        duties[f"duty:{entry.id}"] = [] if entry.filed_at is not None else [_duty(session, entry, context)]
    return duties


def _duty(session: Session, entry: DutyEntry, context: Context) -> Duty:
    return Duty(
        entry.kind, f"duty:{entry.id}", Span(china_day(entry.opened_at), entry.due_on),
        policy_of(entry.kind, context.profile), entry.department_id, above=f"{entry.kind.replace('_', '')}:{entry.year}",
        tag=entry.due_on.isoformat(), people=dict.fromkeys(planners(session, entry), Reader.PLANNER),
    )  # fmt: skip


def _running(session: Session, context: Context, after: int, limit: int) -> Sequence[int]:  # noqa: ARG001
    query = select(DutyEntry.id).where(col(DutyEntry.filed_at).is_(None), col(DutyEntry.id) > after)
    return [
        entry for entry in session.exec(query.order_by(col(DutyEntry.id)).limit(limit)) if entry is not None
    ]


SOURCE = Source("duty", _stale, _derive, _running)
