"""How many of a stratum are taken: ratio rounded up, then minimum, maximum, number, cap (D7, C9). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from bot.core.errors import Problem


@dataclass(frozen=True, slots=True)
class StratumRule:
    """``ratio`` in percent; ``number`` fixes the take instead. ``cap`` (percent) is never exceeded."""

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
        made = cls(
            ratio=Decimal(str(rule.get("ratio", 0))), minimum=int(rule.get("min", 0)),
            maximum=None if rule.get("max") is None else int(rule["max"]),
            number=None if rule.get("number") is None else int(rule["number"]),
            cap=None if rule.get("cap") is None else Decimal(str(rule["cap"])),
        )  # fmt: skip
        if not 0 <= made.ratio <= 100 or made.minimum < 0:
            raise Problem("ratio_invalid", "抽查比例应在 0 到 100 之间。", 比例=str(made.ratio))
        return made

    def as_dict(self) -> dict[str, Any]:
        """The rule as it stands in ``rules.json``: decimals as text, absent values left out."""
        shown: dict[str, Any] = {"ratio": str(self.ratio)}
        shown |= {"min": self.minimum} if self.minimum else {}
        shown |= {"max": self.maximum} if self.maximum is not None else {}
        shown |= {"number": self.number} if self.number is not None else {}
        shown |= {"cap": str(self.cap)} if self.cap is not None else {}
        return shown


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
