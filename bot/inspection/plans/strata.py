"""How many of a stratum are taken: ratio rounded up, then minimum, maximum, number, cap (D7, C9). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from bot.core.errors import Problem


@dataclass(frozen=True, slots=True)
class StratumRule:
    """``ratio`` in percent; ``number`` fixes the take instead. ``cap`` (percent, rounded up too) wins over all."""

    ratio: Decimal = Decimal(0)
    minimum: int = 0
    maximum: int | None = None
    number: int | None = None
    cap: Decimal | None = None

    @classmethod
    def parse(cls, rule: Any) -> StratumRule:
        """From a plan: ``10``, ``"2.5"`` or ``{"ratio": 10, "min": 1, "max": 50, "number": 3, "cap": 5}``."""
        if not isinstance(rule, Mapping):
            rule = {"ratio": rule}
        unknown = sorted(set(rule) - {"ratio", "min", "max", "number", "cap"})
        if unknown:
            raise Problem("ratio_invalid", "抽查比例中有不认识的字段。", 字段="、".join(map(str, unknown)))
        return cls(
            ratio=_percent("比例", rule.get("ratio", 0)), minimum=_count("最少", rule.get("min", 0)),
            maximum=None if rule.get("max") is None else _count("最多", rule["max"]),
            number=None if rule.get("number") is None else _count("数量", rule["number"]),
            cap=None if rule.get("cap") is None else _percent("上限", rule["cap"]),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """The rule as it stands in ``rules.json``: decimals as text, absent values left out."""
        shown: dict[str, Any] = {"ratio": str(self.ratio)}
        shown |= {"min": self.minimum} if self.minimum else {}
        shown |= {"max": self.maximum} if self.maximum is not None else {}
        shown |= {"number": self.number} if self.number is not None else {}
        shown |= {"cap": str(self.cap)} if self.cap is not None else {}
        return shown


def _percent(name: str, value: Any) -> Decimal:
    try:
        percent = Decimal(str(value))
    except InvalidOperation:
        percent = Decimal("NaN")
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise Problem("ratio_invalid", "抽查比例应在 0 到 100 之间。", **{name: str(value)})
    return percent


def _count(name: str, value: Any) -> int:
    try:
        count = int(value) if isinstance(value, float) and value.is_integer() else int(str(value))
    except ValueError:
        count = -1
    if count < 0:
        raise Problem("ratio_invalid", "抽查数量应为不小于 0 的整数。", **{name: str(value)})
    return count


def take(size: int, rule: StratumRule) -> int:
    """How many of *size* objects are taken; at least one where the ratio is above zero (D7)."""
    wanted = rule.number if rule.number is not None else _share(size, rule.ratio)
    wanted = max(wanted, rule.minimum)
    if rule.maximum is not None:
        wanted = min(wanted, rule.maximum)
    if rule.cap is not None:
        wanted = min(wanted, _share(size, rule.cap))
    return min(wanted, size)


def _share(size: int, percent: Decimal) -> int:
    return int((size * percent / 100).to_integral_value(ROUND_CEILING))
