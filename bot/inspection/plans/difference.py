"""What an adjusted plan changes, line by line (C7). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.inspection.plans.models import PlanLine

FIELDS: Mapping[str, str] = {
    "name": "名称", "item_ids": "抽查事项", "lead_department_id": "牵头部门",
    "joint_department_ids": "参与部门",
    "ratios": "抽查比例", "strata": "分层", "uplifts": "提高比例", "floor": "最少户数",
    "exclude_months": "近期已查不再抽", "batch_opens": "批次开始日期",
    "scope": "检查对象", "focus": "检查重点", "method": "检查方式",
    "officers_per_visit": "每户人数", "batch_size": "批次大小",
    "window_start": "开始日期", "window_end": "结束日期",
}  # fmt: skip


class Change(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"


@dataclass(frozen=True, slots=True)
class LineChange:
    """One line that differs; ``fields``: zh-CN names of what changed, ``departments``: whom it concerns."""

    number: int
    name: str
    change: Change
    fields: tuple[str, ...]
    departments: frozenset[int]


def difference(before: Sequence[PlanLine], after: Sequence[PlanLine]) -> list[LineChange]:
    """The lines that differ, by number."""
    old, new = {line.number: line for line in before}, {line.number: line for line in after}
    changes = []
    for number in sorted(old.keys() | new.keys()):
        was, now = old.get(number), new.get(number)
        fields = changed_fields(was, now)
        if fields or was is None or now is None:
            kind = Change.ADDED if was is None else Change.REMOVED if now is None else Change.CHANGED
            either = [line for line in (was, now) if line is not None]
            concerned = frozenset(n for line in either for n in departments_of(line))
            changes.append(LineChange(number, either[-1].name, kind, fields, concerned))
    return changes


def changed_fields(was: PlanLine | None, now: PlanLine | None) -> tuple[str, ...]:
    """The zh-CN names of the fields in which two lines differ; none when one of them is missing."""
    if was is None or now is None:
        return ()
    return tuple(label for name, label in FIELDS.items() if getattr(was, name) != getattr(now, name))


def departments_of(line: PlanLine) -> list[int]:
    return [line.lead_department_id, *line.joint_department_ids]
