"""Who is eligible: the pool of a task as it stands, and what was excluded for which reason."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlmodel import Session, col

from bot.core.clock import china_day
from bot.inspection.plans.library import cap_of, has_label, line_rules, stratum_column, who_fits
from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.ratio import Preview, preview
from bot.inspection.plans.strata import StratumRule
from bot.inspection.profile import Profile
from bot.inspection.registry.classes import scale_of
from bot.inspection.registry.models import InspectionObject, Item, ItemClass, ObjectStatus
from bot.inspection.tasks.models import Mode, Task, TaskItem, Visit

WHITE_LIST = "白名单"
GONE, SEEN, RECENT, CEILING, WHITE = (
    "已注销、吊销或迁出", "本年度已检查同一事项", "近{}个月内已查", "已达年度检查频次上限", "白名单，无事不扰",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pool:
    """``entries`` are (object code, stratum)."""

    entries: list[tuple[str, str]]
    excluded: dict[str, int]  # reason (zh-CN) -> objects

    def sizes(self) -> Counter[str]:
        return Counter(stratum for _, stratum in self.entries)


def eligible(session: Session, *, task: Task, line: PlanLine, profile: Profile, now: dt.datetime) -> Pool:
    """Read the pool in one pass; strata are the line's own, else the classes of the items' scale (C6, ZJ-2.5.b)."""
    items = _items(session, task)
    scale = scale_of(item.field for item in items)
    stratum = stratum_column(line, scale)
    in_scope = _in_scope(task, line, scale)
    reason = _reason(task, line, items, profile=profile, now=now)
    entries = _plain_rows(
        session, select(col(InspectionObject.code), stratum).where(*in_scope, reason == literal(""))
    )
    everybody = session.execute(
        select(func.count()).select_from(InspectionObject).where(*in_scope)
    ).scalar_one()
    nobody: dict[str, int] = {}  # who is left out is only looked for where somebody is
    return Pool(entries, nobody if everybody == len(entries) else _excluded(session, in_scope, reason))


def draw_preview(
    session: Session, *, task: Task, line: PlanLine, profile: Profile, now: dt.datetime
) -> Preview:
    """What a draw would take now, stratum by stratum, before anything is fixed (YL-3.5.1.b)."""
    items = _items(session, task)
    scale = scale_of(item.field for item in items)
    in_scope = _in_scope(task, line, scale)
    reason = _reason(task, line, items, profile=profile, now=now)
    stratum = stratum_column(line, scale).label("stratum")
    counted = select(stratum, func.count()).where(*in_scope, reason == literal("")).group_by(stratum)
    sizes = {name: int(n) for name, n in session.execute(counted)}
    return preview(
        sizes, rules_for(task, line, sizes), excluded=_excluded(session, in_scope, reason), cap=cap_of(items),
        scale=scale,
    )  # fmt: skip


def rules_for(task: Task, line: PlanLine, sizes: dict[str, int] | Counter[str]) -> dict[str, StratumRule]:
    """How many of each stratum: by the line, or everybody where only the officers are drawn (JZ-4.2)."""
    if task.mode == Mode.PERSON_ONLY:
        return dict.fromkeys(sizes, StratumRule.parse(100))
    return line_rules(line, sizes)


def _plain_rows(session: Session, query: Any) -> list[tuple[str, str]]:
    """The rows as the driver gives them: a million of SQLAlchemy's own take twice as long."""
    connection = session.connection()
    spelled = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    cursor = connection.connection.cursor()
    try:
        cursor.execute(spelled)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _items(session: Session, task: Task) -> list[Item]:
    return list(session.execute(select(Item).where(col(Item.id).in_(task.item_ids))).scalars())


def _in_scope(task: Task, line: PlanLine, scale: str) -> list[ColumnElement[bool]]:
    """Whom the task is about: everybody, a scope (定向), or the one object of a licensing visit (JZ-4.3)."""
    if task.object_id is not None:
        return [col(InspectionObject.id) == task.object_id]
    return who_fits(line.scope, scale)


def _reason(
    task: Task, line: PlanLine, items: list[Item], *, profile: Profile, now: dt.datetime
) -> ColumnElement[str]:
    """The first reason why an object is left out (zh-CN); empty for the eligible."""
    ladder: list[tuple[Any, Any]] = [
        (col(InspectionObject.status) != ObjectStatus.ACTIVE, literal(GONE)),
    ]
    if task.object_id is None:
        ladder.append((_seen_this_year(task, now), literal(SEEN)))
        if line.exclude_months:
            since = _months_before(china_day(now), line.exclude_months)
            ladder.append((_visited_since(task, since), literal(RECENT.format(line.exclude_months))))
        ceiling = profile.frequency.ceiling_per_year
        if profile.rules_2025.frequency_ceiling and ceiling is not None:
            ladder.append((_visited_since(task, _new_year(task, now), times=ceiling), literal(CEILING)))
        if profile.rules_2025.white_list and not any(item.klass == ItemClass.KEY for item in items):
            ladder.append((has_label(WHITE_LIST), literal(WHITE)))
    return case(*ladder, else_=literal(""))


def _excluded(session: Session, in_scope: list[Any], reason: ColumnElement[str]) -> dict[str, int]:
    named = reason.label("reason")
    query = select(named, func.count()).where(*in_scope, reason != literal("")).group_by(named)
    return {str(why): int(n) for why, n in sorted(session.execute(query).all())}


def _seen_this_year(task: Task, now: dt.datetime) -> Any:
    """Whether a visit of the year covers one of the task's items, in whatever version (C10). One subquery for all
    objects."""
    codes = select(col(Item.code)).where(col(Item.id).in_(task.item_ids))
    first = _new_year(task, now)
    inspected_on = func.coalesce(col(Visit.ended_on), col(Visit.planned_on))
    seen = (
        select(col(Visit.object_id))
        .join(TaskItem, col(TaskItem.task_id) == Visit.task_id)
        .join(Item, col(Item.id) == TaskItem.item_id)
        .where(
            col(Visit.task_id) != task.id, col(Item.code).in_(codes),
            inspected_on.between(first, first.replace(month=12, day=31)),
        )
    )  # fmt: skip
    return col(InspectionObject.id).in_(seen)


def _visited_since(task: Task, since: dt.date, *, times: int = 1) -> Any:
    """Whether so many planned visits, of whatever item and department, were on or after *since* (「N 个月内已查」,
    D21, YL-3.5.1.d)."""
    visited = (
        select(col(Visit.object_id))
        .where(col(Visit.task_id) != task.id, col(Visit.planned_on) >= since)
        .group_by(col(Visit.object_id))
        .having(func.count() >= times)
    )
    return col(InspectionObject.id).in_(visited)


def _new_year(task: Task, now: dt.datetime) -> dt.date:
    """1 January of the year in which the task's visits are to begin."""
    return max(china_day(now), task.window_start).replace(month=1, day=1)


def _months_before(day: dt.date, months: int) -> dt.date:
    """The same day so many months earlier; the last of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    return min(dt.date(year, month + 1, 1) + dt.timedelta(days=day.day - 1), following - dt.timedelta(days=1))
