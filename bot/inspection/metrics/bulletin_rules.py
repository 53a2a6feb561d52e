"""What a bulletin says of a department, and when a figure is below its target. Pure.

Departments stand in the order of the register: a ranking by inspections, fines or anything else does not exist here
(decision D15).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from bot.inspection.metrics.formulas import DEFINITIONS, Verdict, judge, percent

ORDER_WORKDAYS = 10  # C30: an order is due ten working days after the bulletin


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """One department in one period: counts only, of its own random tasks of the year."""

    department_id: int
    department: str
    lines: int = 0  # lines of its plan
    tasks: int = 0
    joint: int = 0
    drawn: int = 0
    finished: int = 0
    published: int = 0
    overdue: int = 0  # visits past their window, results past their publicity day
    problems: int = 0
    handled: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def text(self) -> str:
        """The row in words: ``任务 3，联合 33.3%，完成 80.0%，…``."""
        return (
            f"计划 {self.lines} 条，任务 {self.tasks} 个，联合 {percent(self.joint, self.tasks)}，"
            f"完成 {percent(self.finished, self.drawn)}，公示 {percent(self.published, self.drawn)}，"
            f"超期 {self.overdue}，问题处理 {percent(self.handled, self.problems)}"
        )


def shortfalls(found: DepartmentRow, targets: Mapping[str, Decimal | None]) -> list[str]:
    """Each figure below the profile's target, with both (zh-CN). Without a target nobody is criticised."""
    counts = {
        "m2": (found.joint, found.tasks), "m4a": (found.finished, found.drawn),
        "m4b": (found.published, found.drawn), "m6": (found.handled, found.problems),
    }  # fmt: skip
    words = []
    for key, (done, of) in counts.items():
        target = targets.get(key)
        if target is not None and judge(done, of, target) is Verdict.FAIL:
            words.append(f"{DEFINITIONS[key].name} {percent(done, of)}，目标 {target.normalize():f}%")
    return words


def period_before(today: dt.date, *, months: int) -> tuple[str, dt.date] | None:
    """The period that ended with last month, as its last month and the first day after it; None when no period of
    *months* ended then (quarters end in March, June, September and December)."""
    after = today.replace(day=1)
    last = after - dt.timedelta(days=1)
    return (f"{last:%Y-%m}", after) if last.month % months == 0 else None
