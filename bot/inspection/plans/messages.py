"""What the plan slice tells people: an adjusted plan concerns their department (C7)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.plans.models import Plan, PlanState
from bot.inspection.plans.register_messages import KINDS as REGISTER


def adjusted(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:  # noqa: ARG001
    """The version just published, while it is the one in force."""
    plan = session.get(Plan, int(notice.subject.partition(":")[2]))
    if plan is None or plan.state != PlanState.PUBLISHED:
        return Skip("计划又有了新版")
    counts = {name: notice.data.get(name, 0) for name in ("added", "removed", "changed")}
    return Content(values={"name": plan.name, "version": plan.version, "ground": plan.ground, **counts})


def published(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:  # noqa: ARG001
    """The first version of a plan stands."""
    plan = session.get(Plan, int(notice.subject.partition(":")[2]))
    if plan is None or plan.state != PlanState.PUBLISHED:
        return Skip("计划又有了新版")
    return Content(values={"name": plan.name, "lines": notice.data["lines"]})


KINDS: tuple[Kind, ...] = (
    Kind("plan_published", published, Content(values={"name": "云溪县2026年度双随机抽查计划", "lines": 12})),
    *REGISTER,
    Kind(
        "plan_adjusted",
        adjusted,
        Content(
            values={
                "name": "云溪县2026年度双随机抽查计划", "version": 2, "ground": "突发性风险",
                "added": 1, "removed": 0, "changed": 2,
            }
        ),
    ),
)  # fmt: skip
