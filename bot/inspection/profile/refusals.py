"""Say in Chinese why a value in a file of settings was refused."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

FIXED = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项",
    "bool_parsing": "应是 true 或 false",
    "bool_type": "应是 true 或 false",
    "tuple_type": "应是一个列表",
    "string_type": "应是文字（时刻、日期和数字要加引号）",
    "too_short": "至少要有一项",
    "string_too_short": "不能为空",
}
BOUNDS = {"greater_than_equal": ("ge", "不能小于"), "less_than_equal": ("le", "不能大于")}


def first_refusal(error: ValidationError) -> tuple[str, str]:
    """Give the dotted path (empty: the whole file) and the Chinese reason of the first refused value."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return field, _reason(first["type"], first["msg"], first.get("ctx") or {})


def _reason(kind: str, message: str, context: dict[str, Any]) -> str:
    if kind in FIXED:
        return FIXED[kind]
    if kind in BOUNDS:
        name, words = BOUNDS[kind]
        return f"{words}{context[name]}"
    if kind == "enum":
        return f"只能是 {str(context['expected']).replace(' or ', ', ')}"
    if kind.startswith(("int", "decimal")):
        return "应是数字"
    if kind.startswith(("model", "dict")):
        return "应是“名称: 值”的表"
    return message.removeprefix("Value error, ")
