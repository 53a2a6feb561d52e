"""The parts of a plan's line that say whom it concerns: scope, strata of one's own, uplifts (YL-3.5.1.b, c)."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bot.core.errors import Problem
from bot.inspection.plans.ratio import CLASSES
from bot.inspection.plans.strata import UPLIFTED, WHO, StratumRule
from bot.inspection.registry.models import ObjectKind
from bot.inspection.registry.words import KINDS

Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(default_factory=list)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Scope(Part):
    """Which objects (定向); all lists empty means everybody (不定向)."""

    districts: Words
    industries: Words
    labels: Words
    kinds: Words

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, kinds: list[str]) -> list[str]:
        found = [KINDS.get(word) or (word if word in set(ObjectKind) else None) for word in kinds]
        if None in found:
            raise ValueError(
                "只能是BUSINESS、EQUIPMENT、PRODUCT、PROJECT、BEHAVIOUR，或企业、设备、产品、项目、行为"
            )
        return list(dict.fromkeys(str(ObjectKind(kind)) for kind in found if kind))

    def as_dict(self) -> dict[str, list[str]]:
        return {name: value for name, value in self.model_dump().items() if value}


class NamedStratum(Scope):
    """A stratum of its own before the classes: whom it holds and how many are taken."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    classes: Words
    ratio: Any = None
    min: Any = None
    max: Any = None
    number: Any = None

    @field_validator("classes")
    @classmethod
    def _known_classes(cls, classes: list[str]) -> list[str]:
        if strange := sorted(set(classes) - set(CLASSES)):
            raise ValueError(f"不认识的等级{'、'.join(strange)}，只有A、B、C、D")
        return classes

    @field_validator("name")
    @classmethod
    def _no_class_name(cls, name: str) -> str:
        if name in CLASSES or UPLIFTED in name:
            raise ValueError(f"名称不能是A、B、C、D，也不能含“{UPLIFTED}”")
        return name

    @model_validator(mode="after")
    def _has_a_rule(self) -> Self:
        readable(self.name, self.rule())
        return self

    def rule(self) -> dict[str, Any]:
        given = {"ratio": self.ratio, "min": self.min, "max": self.max, "number": self.number}
        return {key: value for key, value in given.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        who = {key: v for key in WHO if (v := getattr(self, key))}
        return {"name": self.name, "who": who, "rule": self.rule()}


class Uplift(Part):
    """Objects with a label are drawn more often: the ratio of their stratum times so much, or at least so much."""

    label: Annotated[str, Field(min_length=1, max_length=40)]
    times: Annotated[int | float, Field(gt=1, le=100)] | None = None
    ratio: Annotated[int | float, Field(gt=0, le=100)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.times is None) == (self.ratio is None):
            raise ValueError("times（倍数）和 ratio（最低比例）要写一个，只写一个")
        if UPLIFTED in self.label:
            raise ValueError(f"标签不能含“{UPLIFTED}”")
        return self

    def as_dict(self) -> dict[str, Any]:
        way = {"times": str(self.times)} if self.times is not None else {"ratio": str(self.ratio)}
        return {"label": self.label, **way}


def readable(name: str, rule: Any) -> None:
    try:
        StratumRule.parse(rule)
    except (Problem, ArithmeticError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, Problem) else "应是百分数，例如5"
        raise ValueError(f"{name}：{why}") from None
