"""Which classification an item goes by (C6): food items by the food-safety risk, everything else by credit.

The two scales are both A to D and are not the same (field guide 3): the food-safety risk is kept as a label,
``食品安全风险:D``. An object without one goes by its credit class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import String, case, cast
from sqlmodel import col

from bot.inspection.registry.models import InspectionObject

CREDIT_SCALE: Final = "信用风险分类"
FOOD_SCALE: Final = "食品安全风险等级"
FOOD_LABEL: Final = "食品安全风险:"
_FOOD_WORDS = ("食品", "餐饮")
_LETTERS = ("D", "C", "B", "A")


def scale_of(fields: Iterable[str]) -> str:
    """The scale of items with these fields (抽查领域): that of food when every one is about food."""
    listed = list(fields)
    is_food = bool(listed) and all(any(word in field for word in _FOOD_WORDS) for field in listed)
    return FOOD_SCALE if is_food else CREDIT_SCALE


def class_of(credit_class: str, labels: Sequence[str], scale: str) -> str:
    """The class of one object on *scale*."""
    if scale == FOOD_SCALE:
        for letter in _LETTERS:
            if FOOD_LABEL + letter in labels:
                return letter
    return credit_class


def class_column(scale: str) -> Any:
    """The same in SQL, for a query over the object library."""
    plain = col(InspectionObject.credit_class)
    if scale != FOOD_SCALE:
        return plain
    labels = cast(col(InspectionObject.labels), String)
    return case(*[(labels.contains(f'"{FOOD_LABEL}{letter}"'), letter) for letter in _LETTERS], else_=plain)
