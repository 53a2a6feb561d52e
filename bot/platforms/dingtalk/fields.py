"""Reading fields of JSON that strangers wrote: the wrong type is nothing, never an exception. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bot.platforms.dingtalk.frames import FrameError, json_object

PLATFORM = "dingtalk"


def word(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def words(value: object) -> list[str]:
    many = value if isinstance(value, list) else [value]
    return [str(one) for one in many if isinstance(one, str | int) and not isinstance(one, bool)]


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def nested(value: object) -> dict[str, Any]:
    """A JSON object, also when it comes as a JSON string."""
    if isinstance(value, str):
        try:
            return json_object(value)
        except FrameError:
            return {}
    return value if isinstance(value, dict) else {}


def moment(milliseconds: object, otherwise: dt.datetime) -> dt.datetime:
    """Unix milliseconds, as a number or in a string."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, str | int | float):
        return otherwise
    try:
        return dt.datetime.fromtimestamp(int(milliseconds) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise
