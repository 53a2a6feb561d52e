"""Forms inside an interactive card: their definition as a card variable, and what was typed into them. Pure.
Sheet: section 5.5. A form has no photo, place or signature, and what is typed is lost when the chat is switched: it is
for a handful of fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.dingtalk.text import compact

VALUE_BYTES = 1024  # of one card variable
MOST_FIELDS = 5


class FieldType(StrEnum):
    TEXT = "TEXT"
    TEXT_AREA = "TEXT_AREA"
    NUMBER = "NUMBER"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    SELECT = "SELECT"
    MULTI_SELECT = "MULTI_SELECT"
    CHECKBOX = "CHECKBOX"
    SWITCH = "SWITCH"


CHOICES = (FieldType.SELECT, FieldType.MULTI_SELECT)


@dataclass(frozen=True, slots=True)
class Field:
    """One question; ``options`` are values and texts."""

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()


def form_variable(fields: Sequence[Field]) -> str:
    """The JSON string a form component is bound to. Raise PlatformError(BUG) for what a card cannot show."""
    names = [field.name for field in fields]
    if not 0 < len(fields) <= MOST_FIELDS or len(set(names)) != len(names) or not all(names):
        raise _bug(f"一张卡片的表单应有 1 到 {MOST_FIELDS} 项，名称各不相同")
    if any((field.type in CHOICES) is not bool(field.options) for field in fields):
        raise _bug("选择题要有选项，其他题没有选项")
    text = compact({"fields": [_defined(field) for field in fields]})
    if len(text.encode()) > VALUE_BYTES:
        raise _bug(f"表单超过 {VALUE_BYTES} 字节")
    return text


def submitted(params: dict[str, Any]) -> dict[str, list[str]]:
    """What stands under ``params.form``: always lists of texts, whatever shape the client gave them."""
    form = params.get("form")
    if not isinstance(form, dict):
        return {}
    return {str(name): _texts(value) for name, value in form.items()}


def _defined(field: Field) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": field.name, "label": field.label, "type": field.type.value}
    if field.required:
        shown["required"] = True
    if field.options:
        shown["options"] = [{"value": value, "text": text} for value, text in field.options]
    return shown


def _texts(value: Any) -> list[str]:
    """A scalar, a list, or ``{"index", "value"}`` of a choice; nothing chosen is nothing."""
    if isinstance(value, dict):
        return _texts(value.get("value"))
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(value)] if isinstance(value, str | int | float) and value != "" else []


def _bug(why: str) -> PlatformError:
    return PlatformError("card.form", why, cls=ErrorClass.BUG)
