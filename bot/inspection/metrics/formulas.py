"""M1 to M6: the numeric targets of ZJ (requirements 4.3). Pure.

Shares only. A target on the number of inspections or on fines does not exist here (decision D15).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

DASH = "—"
CREDIT_CLASSES = frozenset("ABCD")


class Verdict(StrEnum):
    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    NO_TARGET = "NO_TARGET"  # the profile sets none
    EMPTY = "EMPTY"  # nothing to divide by


@dataclass(frozen=True, slots=True)
class Count:
    """``done`` of ``of``; ``missing`` names what keeps the share down, at most a page of it."""

    done: int
    of: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric in words: what is counted, of what, and the seed row that asks for it."""

    code: str
    name: str
    done: str
    of: str
    row: str


DEFINITIONS: dict[str, Definition] = {
    "m1": Definition("M1", "计划覆盖率", "列入计划的事项", "在用的抽查事项", "ZJ-1.1.b"),
    "m2": Definition("M2", "联合抽查占比", "部门联合抽查任务", "全部双随机任务", "ZJ-1.1.c"),
    "m3": Definition("M3", "人员入库率", "已入库的执法资格人员", "全部执法资格人员", "ZJ-1.1.d"),
    "m4a": Definition("M4a", "检查完成率", "完成检查的对象", "抽取的检查对象", "ZJ-1.1.e"),
    "m4b": Definition("M4b", "结果公示率", "已公示的对象", "抽取的检查对象", "ZJ-1.1.f"),
    "m5": Definition("M5", "信用分类应用率", "抽取时用了信用分类的事项", "抽取过的事项", "ZJ-1.2.a"),
    "m6": Definition("M6", "问题处理率", "有处理记录的问题", "发现的问题", "ZJ-2.6.f"),
}


@dataclass(frozen=True, slots=True)
class Share:
    """A metric with its figures and, where the profile sets a target, the verdict."""

    definition: Definition
    count: Count
    target: Decimal | None

    @property
    def text(self) -> str:
        return percent(self.count.done, self.count.of)

    @property
    def verdict(self) -> Verdict:
        return judge(self.count.done, self.count.of, self.target)

    @property
    def target_text(self) -> str:
        """``80%以上``, ``100%`` or a dash."""
        if self.target is None:
            return DASH
        return f"{self.target.normalize():f}%" + ("" if self.target == 100 else "以上")


def percent(done: int, of: int) -> str:
    """The share cut, not rounded, to one decimal: 1,999 of 2,000 is 99.9%. Nothing of nothing is a dash."""
    if of <= 0:
        return DASH
    tenths = done * 1000 // of
    return f"{tenths // 10}.{tenths % 10}%"


def judge(done: int, of: int, target: Decimal | None) -> Verdict:
    """Compare exactly, not the shown figure; ``以上`` includes the number itself."""
    if of <= 0:
        return Verdict.EMPTY
    if target is None:
        return Verdict.NO_TARGET
    return Verdict.PASS if done * 100 >= target * of else Verdict.FAIL


def shares(counts: Mapping[str, Count], targets: Mapping[str, Decimal | None]) -> tuple[Share, ...]:
    """Every metric in order. Raises KeyError when one was not counted."""
    return tuple(Share(what, counts[key], targets.get(key)) for key, what in DEFINITIONS.items())


def uses_credit_class(ratios: Mapping[str, Any]) -> bool:
    """Whether a plan line's ratios differ by credit class: then its draw used the class (ZJ-1.2.a)."""
    by_class = [str(value) for key, value in ratios.items() if key in CREDIT_CLASSES]
    return len(set(by_class)) > 1
