"""Who is eligible: the pool of a task as it stands, and what was excluded for which reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, String, cast, exists, func, select
from sqlmodel import Session, col

from bot.core.clock import at_china, china_day
from bot.inspection.plans.models import PlanLine
from bot.inspection.profile import Profile
from bot.inspection.registry.classes import class_column, scale_of
from bot.inspection.registry.models import InspectionObject, Item, ObjectStatus
from bot.inspection.tasks.models import Task, TaskItem, Visit


@dataclass(frozen=True, slots=True)
class Pool:
    """``entries`` are (object code, stratum); ``row_ids`` finds the object's row by its code."""

    entries: list[tuple[str, str]]
    row_ids: dict[str, int]
    excluded: dict[str, int]  # reason (zh-CN) -> objects


def eligible(session: Session, *, task: Task, line: PlanLine, profile: Profile, now: dt.datetime) -> Pool:
    """Read the pool in one pass; strata are the classes of the items' own scale (C6, ZJ-2.5.b)."""
    scope = _in_scope(line.scope)
    fields = session.execute(select(col(Item.field)).where(col(Item.id).in_(task.item_ids))).scalars()
    stratum = class_column(scale_of(fields))
    rows = session.execute(
        select(col(InspectionObject.id), col(InspectionObject.code), stratum).where(
            *scope, col(InspectionObject.status) == ObjectStatus.ACTIVE, ~_seen_this_year(task, now),
            *_under_ceiling(profile, now),
        )
    ).all()  # fmt: skip
    excluded = {
        "已注销、吊销或迁出": _count(session, *scope, InspectionObject.status != ObjectStatus.ACTIVE),
        "本年度已检查同一事项": _count(
            session, *scope, InspectionObject.status == ObjectStatus.ACTIVE, _seen_this_year(task, now)
        ),
    }
    if profile.rules_2025.frequency_ceiling:
        total = _count(session, *scope)
        excluded["已达年度检查频次上限"] = total - len(rows) - sum(excluded.values())
    return Pool(
        entries=[(code, name) for _, code, name in rows],
        row_ids={code: row_id for row_id, code, _ in rows},
        excluded={reason: n for reason, n in excluded.items() if n},
    )


def _count(session: Session, *conditions: Any) -> int:
    query: Select[Any] = select(func.count()).select_from(InspectionObject).where(*conditions)
    return int(session.execute(query).scalar_one())


def _in_scope(scope: dict[str, Any]) -> list[Any]:
    """Conditions of a targeted draw (定向); none for an untargeted one."""
    conditions: list[Any] = []
    for key, column in (
        ("districts", InspectionObject.district), ("industries", InspectionObject.industry),
        ("kinds", InspectionObject.kind),
    ):  # fmt: skip
        if scope.get(key):
            conditions.append(col(column).in_(scope[key]))
    labels = cast(InspectionObject.labels, String)
    conditions.extend(labels.like(f'%"{label}"%') for label in scope.get("labels", ()))
    return conditions


def _seen_this_year(task: Task, now: dt.datetime) -> Any:
    """Whether a visit of this year covers one of the task's items (C10)."""
    return exists(
        select(col(Visit.id))
        .join(Task, col(Task.id) == Visit.task_id)
        .join(TaskItem, col(TaskItem.task_id) == Task.id)
        .where(
            col(Visit.object_id) == InspectionObject.id, col(Visit.task_id) != task.id,
            col(TaskItem.item_id).in_(task.item_ids), col(Task.created_at) >= at_china(_new_year(now)),
        )
    )  # fmt: skip


def _new_year(now: dt.datetime) -> dt.date:
    return china_day(now).replace(month=1, day=1)


def _under_ceiling(profile: Profile, now: dt.datetime) -> list[Any]:
    """Fewer planned visits this year than the ceiling (D21, YL-3.5.1.d)."""
    ceiling = profile.frequency.ceiling_per_year
    if not profile.rules_2025.frequency_ceiling or ceiling is None:
        return []
    visits = (
        select(func.count())
        .select_from(Visit)
        .where(col(Visit.object_id) == InspectionObject.id, col(Visit.planned_on) >= _new_year(now))
        .scalar_subquery()
    )
    return [visits < ceiling]
