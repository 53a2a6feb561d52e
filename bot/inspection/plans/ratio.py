"""What a ratio table does to a pool: takes by stratum, inclusion probability, cap of GENERAL items. Pure.

Reading of the cap (C2, C9, ZJ-2.5.d, ZJ-2.5.e): a GENERAL item's cap limits (1) the base ratio, that is the
ratios of classes A and B, each by itself, and (2) the overall ratio, all objects together before rounding up.
Classes C and D may be raised above the cap as long as the overall ratio keeps it; KEY items have no cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.inspection.plans.strata import StratumRule, take

CLASSES = ("A", "B", "C", "D")
_BASE = ("A", "B")


@dataclass(frozen=True, slots=True)
class StratumPreview:
    """``exact`` is the take before rounding up; ``probability`` that of one object of the stratum."""

    klass: str
    size: int
    rule: StratumRule
    exact: Decimal
    take: int

    @property
    def probability(self) -> float:
        return self.take / self.size if self.size else 0.0

    @property
    def rounded_up(self) -> bool:
        return self.take > self.exact


@dataclass(frozen=True, slots=True)
class Preview:
    """What a draw would take now (YL-3.5.1.b). ``excluded``: reason to objects; ``scale``: whose classes."""

    strata: tuple[StratumPreview, ...]
    excluded: Mapping[str, int] = field(default_factory=dict)
    cap: Decimal | None = None
    scale: str = ""

    @property
    def pool(self) -> int:
        return sum(stratum.size for stratum in self.strata)

    @property
    def total(self) -> int:
        return sum(stratum.take for stratum in self.strata)

    @property
    def overall(self) -> Decimal:
        """Percent of the pool before rounding up."""
        exact = sum((stratum.exact for stratum in self.strata), Decimal(0))
        return exact * 100 / self.pool if self.pool else Decimal(0)

    @property
    def problem(self) -> str | None:
        """Why the overall ratio is too high (zh-CN)."""
        if self.cap is None or self.overall <= self.cap:
            return None
        return f"{over_cap(self.cap)}：总体比例为{percent(self.overall)}"


def preview(
    sizes: Mapping[str, int],
    rules: Mapping[str, StratumRule],
    *,
    excluded: Mapping[str, int] | None = None,
    cap: Decimal | None = None,
    scale: str = "",
) -> Preview:
    """Apply *rules* to strata of these *sizes*; a stratum without a rule takes nothing."""
    strata = []
    for klass in sorted(set(sizes) | set(rules)):
        size, rule = sizes.get(klass, 0), rules.get(klass, StratumRule())
        strata.append(StratumPreview(klass, size, rule, _exact(size, rule), take(size, rule)))
    return Preview(tuple(strata), excluded or {}, cap, scale)


def base_problem(rules: Mapping[str, StratumRule], cap: Decimal) -> str | None:
    """Why the base ratio breaks the cap (zh-CN); None when it keeps it."""
    for klass in _BASE:
        rule = rules.get(klass)
        if rule is not None and rule.number is None and rule.ratio > cap:
            return f"{over_cap(cap)}：{klass}类比例为{percent(rule.ratio)}"
    return None


def over_cap(cap: Decimal) -> str:
    return f"超过一般检查事项比例上限{percent(cap)}"


def percent(value: Decimal) -> str:
    """``5%``, ``2.5%``; at most two decimals, cut and not rounded."""
    cut = value.quantize(Decimal("0.01"), rounding="ROUND_DOWN")
    return f"{cut.normalize():f}%"


def _exact(size: int, rule: StratumRule) -> Decimal:
    """The share asked for before rounding up; a number, minimum or maximum counts as it is."""
    wanted = Decimal(rule.number) if rule.number is not None else size * rule.ratio / 100
    wanted = max(wanted, Decimal(rule.minimum))
    if rule.maximum is not None:
        wanted = min(wanted, Decimal(rule.maximum))
    if rule.cap is not None:
        wanted = min(wanted, size * rule.cap / 100)
    return min(wanted, Decimal(size))
