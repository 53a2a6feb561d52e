"""An adjusted plan reaches those who carry it out: officers and leads of tasks whose lines changed (C7)."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from sqlmodel import Session, col, select

from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.plans.service import plan_changes, publish_plan
from bot.inspection.tasks.models import Task, Visit, VisitOfficer
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE

_KIND = "plan_changed_for_you"


def publish_and_tell(session: Session, *, plan_id: int, now: dt.datetime, actor: int | None = None) -> Plan:
    """Publish the plan; where it adjusts one, everybody with an open visit under a changed line is told once."""
    plan = publish_plan(session, plan_id=plan_id, now=now, actor=actor)
    numbers = {change.number for change in plan_changes(session, plan_id=plan_id)}
    if plan.version == 1 or not numbers:
        return plan
    query = (
        select(VisitOfficer.person_id)
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .join(PlanLine, col(PlanLine.id) == Task.plan_line_id)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(
            Plan.code == plan.code, col(PlanLine.number).in_(numbers), col(VisitOfficer.state).in_(LIVE),
            col(Visit.state).in_(BEFORE_SUBMIT),
        )
    )  # fmt: skip
    visits = Counter(session.exec(query).all())
    enqueue_many(session, [
        row(_KIND, f"plan:{plan.id}", recipient_id=person, now=now, data={"visits": count})
        for person, count in sorted(visits.items())
    ])  # fmt: skip
    return plan


def plan_changed(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    plan = session.get_one(Plan, int(notice.subject.rpartition(":")[2]))
    if plan.state != PlanState.PUBLISHED:
        return Skip("计划又有了新版")
    return Content(
        {"name": plan.name, "version": plan.version, "ground": plan.ground, "visits": notice.data["visits"]}
    )


_SAMPLE = {"name": "云溪县2026年度双随机抽查计划", "version": 2, "ground": "突发性风险", "visits": 3}
KINDS: tuple[Kind, ...] = (Kind(_KIND, plan_changed, Content(_SAMPLE)),)
