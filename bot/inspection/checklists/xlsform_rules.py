"""The small part of XLSForm's expression language a checklist can mean: conditions, bounds and counts. Pure."""

from __future__ import annotations

import re

_NAME = r"\$\{\s*([A-Za-z_][\w.-]*)\s*\}"
_VALUE = r"""(?:'([^']*)'|"([^"]*)"|‘([^’]*)’)"""
_EQUALS = re.compile(rf"{_NAME}\s*=\s*{_VALUE}")
_SELECTED = re.compile(rf"selected\(\s*{_NAME}\s*,\s*{_VALUE}\s*\)")
_BOUND = re.compile(r"\.\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)")
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


class NotUnderstood(ValueError):  # noqa: N818 - a sentence for the person who wrote the sheet
    """An expression that says more than a checklist can."""


def conditions(expression: str) -> list[tuple[str, str]]:
    """Read ``${a} = 'x' and selected(${b}, 'y')`` as (name, choice) pairs; raises ``NotUnderstood``."""
    found = []
    for part in _parts(expression):
        match = _EQUALS.fullmatch(part) or _SELECTED.fullmatch(part)
        if match is None:
            raise NotUnderstood(
                f"看不懂“{part}”：条件只能写 ${{题名}} = '选项' 或 selected(${{题名}}, '选项')，用 and 连接"
            )
        name, *values = match.groups()
        found.append((name, next(value for value in values if value is not None)))
    return found


def bounds(expression: str, *, whole: bool) -> tuple[float | None, float | None]:
    """Read ``. >= 0 and . <= 60`` as the least and the greatest value; raises ``NotUnderstood``."""
    low: float | None = None
    high: float | None = None
    for part in _parts(expression):
        match = _BOUND.fullmatch(part)
        if match is None or (match[1] in "<>" and not whole):
            raise NotUnderstood(f"看不懂“{part}”：范围只能写 . >= 数字 和 . <= 数字，用 and 连接")
        number = float(match[2]) + {">": 1, "<": -1}.get(match[1], 0)
        if match[1].startswith(">"):
            low = number
        else:
            high = number
    return low, high


def count_of(expression: str) -> str:
    """Read the name in ``${freezers}``; raises ``NotUnderstood``."""
    match = re.fullmatch(_NAME, expression.strip())
    if match is None:
        raise NotUnderstood("重复次数（repeat_count）只能写 ${一道整数题的题名}")
    return match[1]


def _parts(expression: str) -> list[str]:
    """The clauses joined by ``and``, each without brackets around the whole of it."""
    clauses = (part.strip() for part in _AND.split(expression))
    return [part.strip("()").strip() if part.startswith("(") else part for part in clauses if part]
