"""``rules.json``: everything that decides how many are taken and who may inspect, in one canonical object."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.calendar import Calendar
from bot.inspection.draws.pool import Pool, rules_for
from bot.inspection.plans.library import cap_of
from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.ratio import over_cap, percent, preview
from bot.inspection.plans.strata import StratumRule, take
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Mode, Task, TaskItem


def rules_of(
    session: Session, task: Task, line: PlanLine, pool: Pool, *, departments: Mapping[int, str], now: dt.datetime,
    labels: Mapping[str, frozenset[str]], profile: Profile, calendar: Calendar, officers_sha256: str, gate: bool,
    left_out: Mapping[str, int],
) -> dict[str, Any]:  # fmt: skip
    """Raises Problem ``stratum_without_rule``, ``ratio_over_cap`` or ``nothing_to_take``."""
    sizes = dict(sorted(pool.sizes().items()))
    strata = {name: rule for name, rule in rules_for(task, line, sizes).items() if name in sizes}
    if missing := sorted(set(sizes) - set(strata)):
        raise Problem("stratum_without_rule", "有的分层没有规定抽查比例。", 分层="、".join(missing))
    cap = cap_of(session.exec(select(Item).where(col(Item.id).in_(task.item_ids))).all())
    if cap is not None and task.object_id is None:
        seen = preview(sizes, strata, cap=cap)
        if seen.problem:
            raise Problem("ratio_over_cap", f"{over_cap(cap)}，不能抽取。", 总体比例=percent(seen.overall))
    total = sum(take(size, strata[name]) for name, size in sizes.items())
    if not total:
        raise Problem("nothing_to_take", "按现有比例一户也抽不到，请先调整计划。", 任务=task.number)
    rules: dict[str, Any] = {
        "task": task.number, "mode": task.mode, "mode_reason": task.mode_reason, "scope": line.scope,
        "excluded": pool.excluded, "strata": {name: rule.as_dict() for name, rule in strata.items()},
        "batch_size": line.batch_size, "batches": batch_days(task, line, total, now=now, calendar=calendar),
        "officers_per_visit": max(line.officers_per_visit, profile.draw.officers_min),
        "departments": [{"id": code, "labels": sorted(labels[code])} for code in departments.values()],
        "officers_sha256": officers_sha256, "training_gate": gate, "officers_left_out": dict(left_out),
        "window": [task.window_start.isoformat(), task.window_end.isoformat()],
    }  # fmt: skip
    return rules | ({"cap": str(cap)} if cap is not None else {})


def strata_in(rules: Mapping[str, Any]) -> dict[str, StratumRule]:
    return {name: StratumRule.parse(rule) for name, rule in rules["strata"].items()}


def choose_mode(task: Task, line: PlanLine, pool: Pool, staff: Mapping[str, int], *, wanted: int) -> None:
    """Where one side leaves no choice, only the other is drawn, and the record says why (JZ-4.2). A mode that somebody
    chose is kept where the numbers bear it out; raises Problem ``mode_not_allowed`` where they do not."""
    few = next((n for n in staff.values() if n <= wanted), None)
    if task.mode == Mode.OBJECT_ONLY and few is None:
        raise Problem(
            "mode_not_allowed", "执法检查人员足够，应当随机选派，不能只抽取检查对象。", 人数=str(min(staff.values()))
        )  # fmt: skip
    if task.mode == Mode.PERSON_ONLY and task.object_id is None and len(pool.entries) > 1:
        raise Problem(
            "mode_not_allowed",
            "检查对象不止1户，应当随机抽取，不能只选派检查人员。",
            户数=str(len(pool.entries)),
        )
    if task.mode != Mode.BOTH:
        return
    sizes = pool.sizes()
    rules = rules_for(task, line, sizes)
    taken = sum(take(size, rules[name]) for name, size in sizes.items() if name in rules)
    if len(pool.entries) == 1 and taken:
        task.mode, task.mode_reason = Mode.PERSON_ONLY, "检查对象仅1户"
    elif few is not None:
        task.mode, task.mode_reason = Mode.OBJECT_ONLY, f"执法检查人员仅{few}人"


def labels_of(session: Session, task: Task, departments: Mapping[int, str]) -> dict[str, frozenset[str]]:
    """The qualifications each department (by code) must bring along: those of the items it checks."""
    query = (
        select(TaskItem.department_id, Item.label_required)
        .join(Item, col(Item.id) == TaskItem.item_id)
        .where(TaskItem.task_id == task.id, Item.label_required != "")
    )
    found: dict[str, set[str]] = {code: set() for code in departments.values()}
    for department, label in session.exec(query):
        found[departments[department or task.lead_department_id]].add(label)
    return {department: frozenset(labels) for department, labels in found.items()}


def batch_days(task: Task, line: PlanLine, total: int, *, now: dt.datetime, calendar: Calendar) -> list[str]:
    """The day each batch opens: the plan's days, then (or where it names none) evenly over the window.

    The first opens at once. An empty list where there is one batch only.
    """
    many = -(-total // line.batch_size) if line.batch_size else 1
    if many <= 1:
        return []
    today = china_day(now)
    named = [dt.date.fromisoformat(day) for day in line.batch_opens or ()]
    if named and len(named) != many:
        raise Problem(
            "batches_differ",
            f"共 {many} 批，计划写了 {len(named)} 个开始日期，请先改计划。",
            任务=task.number,
        )
    return [day.isoformat() for day in named or _spread(task, many, today=today, calendar=calendar)]


def _spread(task: Task, many: int, *, today: dt.date, calendar: Calendar) -> list[dt.date]:
    first = max(task.window_start, today)
    days = [
        day
        for n in range((task.window_end - first).days + 1)
        if calendar.is_workday(day := first + dt.timedelta(days=n))
    ] or [first]
    return [days[n * len(days) // many] for n in range(many)]


def planned_days(
    rules: Mapping[str, Any], batches: Sequence[int], calendar: Calendar, *, today: dt.date,
    mix: Callable[[dt.date], str],
) -> list[dt.date]:  # fmt: skip
    """A working day for each visit in ticket order: within its batch evenly spread from its opening to the next
    batch's, the last fifth in reserve; never today, so that everybody is told before.

    Which rank has which of the days follows from *mix*, a secret of the office: ranks are public, days are not.
    """
    start, end = (dt.date.fromisoformat(day) for day in rules["window"])
    opens = [dt.date.fromisoformat(day) for day in rules["batches"]] or [start]
    planned: list[dt.date] = []
    for number in sorted(set(batches)):
        count = batches.count(number)
        first = max(start, opens[number - 1], calendar.add_workdays(today, 1))
        last = end if number >= len(opens) else max(first, opens[number] - dt.timedelta(days=1))
        days = [
            day
            for n in range((min(last, end) - first).days + 1)
            if calendar.is_workday(day := first + dt.timedelta(days=n))
        ] or [end]
        days = days[: max(1, len(days) * 4 // 5)]
        taken = list(dict.fromkeys(days[n * len(days) // count] for n in range(count)))
        mixed = sorted(taken, key=mix)
        planned += [mixed[n * len(mixed) // count] for n in range(count)]
    return planned
