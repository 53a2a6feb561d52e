"""How many of a stratum are taken: ratio rounded up, then minimum, maximum, number, cap (D7, C9). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from bot.core.errors import Problem

UPLIFTED = "↑"  # stands between a stratum's name and the label that raised it
LONGEST_NAME = 60  # characters of both, as the columns of draws and visits hold them
WHO = ("districts", "industries", "labels", "kinds", "classes")


@dataclass(frozen=True, slots=True)
class StratumRule:
    """``ratio`` in percent; ``number`` fixes the take instead. ``cap`` (percent, rounded up too) wins over all."""

    ratio: Decimal = Decimal(0)
    minimum: int = 0
    maximum: int | None = None
    number: int | None = None
    cap: Decimal | None = None
    uplift: str = ""  # the rule that raised it, in words (zh-CN)

    @classmethod
    def parse(cls, rule: Any) -> StratumRule:
        """From a plan: ``10``, ``"2.5"`` or ``{"ratio": 10, "min": 1, "max": 50, "number": 3, "cap": 5}``."""
        if not isinstance(rule, Mapping):
            rule = {"ratio": rule}
        unknown = sorted(set(rule) - {"ratio", "min", "max", "number", "cap", "uplift"})
        if unknown:
            raise Problem("ratio_invalid", "抽查比例中有不认识的字段。", 字段="、".join(map(str, unknown)))
        return cls(
            ratio=_percent("比例", rule.get("ratio", 0)), minimum=_count("最少", rule.get("min", 0)),
            maximum=None if rule.get("max") is None else _count("最多", rule["max"]),
            number=None if rule.get("number") is None else _count("数量", rule["number"]),
            cap=None if rule.get("cap") is None else _percent("上限", rule["cap"]),
            uplift=str(rule.get("uplift", "")),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """The rule as it stands in ``rules.json``: decimals as text, absent values left out."""
        shown: dict[str, Any] = {"ratio": str(self.ratio)}
        shown |= {"min": self.minimum} if self.minimum else {}
        shown |= {"max": self.maximum} if self.maximum is not None else {}
        shown |= {"number": self.number} if self.number is not None else {}
        shown |= {"cap": str(self.cap)} if self.cap is not None else {}
        shown |= {"uplift": self.uplift} if self.uplift else {}
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


def stratum_rules(
    present: Iterable[str], *, ratios: Mapping[str, Any], strata: Sequence[Mapping[str, Any]] = (),
    uplifts: Sequence[Mapping[str, Any]] = (),
) -> dict[str, StratumRule]:  # fmt: skip
    """The rule of each stratum that is there: a class's, a named stratum's, or one of these raised by a label.

    A stratum without a rule is left out; whoever draws refuses it.
    """
    base = {klass: StratumRule.parse(rule) for klass, rule in ratios.items()}
    base |= {one["name"]: StratumRule.parse(one["rule"]) for one in strata}
    raised = {uplift["label"]: uplift for uplift in uplifts}
    rules = {}
    for name in present:
        plain, _, label = name.partition(UPLIFTED)
        if plain in base and not label:
            rules[name] = base[plain]
        elif plain in base and label in raised:
            rules[name] = _raised(base[plain], raised[label])
    return rules


def _raised(rule: StratumRule, uplift: Mapping[str, Any]) -> StratumRule:
    """The same rule with a higher ratio; a fixed number stays what it is."""
    if rule.number is not None:
        return rule
    if "times" in uplift:
        ratio = min(Decimal(100), rule.ratio * Decimal(str(uplift["times"])))
        words = f"{uplift['label']}：{rule.ratio.normalize():f}%×{uplift['times']}"
    else:
        ratio = max(rule.ratio, Decimal(str(uplift["ratio"])))
        words = f"{uplift['label']}：不低于{uplift['ratio']}%"
    return replace(rule, ratio=ratio, uplift=words) if ratio > rule.ratio else rule


def with_floor(
    sizes: Mapping[str, int], rules: Mapping[str, StratumRule], floor: int
) -> dict[str, StratumRule]:
    """Raise minimums until *floor* objects are taken in all: always the stratum with the smallest share taken, by
    name among equals; a stratum's maximum and cap stay. Fewer are taken only where the strata allow no more."""
    raised = dict(rules)
    takes = {name: take(size, raised[name]) for name, size in sizes.items() if name in raised}
    open_ = {name for name, taken in takes.items() if taken}  # nobody is drawn where the plan draws nobody
    missing = floor - sum(takes.values())
    while missing > 0 and open_:
        name = min(open_, key=lambda n: (Fraction(takes[n], sizes[n]), n))
        rule = raised[name]
        number = None if rule.number is None else max(rule.number, takes[name] + 1)
        higher = replace(rule, minimum=takes[name] + 1, number=number)
        if take(sizes[name], higher) > takes[name]:
            raised[name], takes[name], missing = higher, takes[name] + 1, missing - 1
        else:
            open_.remove(name)
    return raised


def _share(size: int, percent: Decimal) -> int:
    return int((size * percent / 100).to_integral_value(ROUND_CEILING))
