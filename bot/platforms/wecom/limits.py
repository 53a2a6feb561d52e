"""How long each field may be, by channel, and cutting to it. Pure data and one walk. Sheet 2.3, 2.4, 3, 4.8.

A text that is too long is cut between two characters, ends in «…», and its field is named to the caller; a list
loses its end. What cannot be cut without breaking its meaning (a key, an id, an address) is our bug.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.wecom.markup import clean, cut, cut_bytes

ROBOT_PER_MINUTE = 20  # at the 21st the service refuses for the rest of the minute


class Channel(StrEnum):
    """Where a message goes out: the same fields, other limits."""

    APP = "app"
    ROBOT = "robot"  # group robot
    BOT = "bot"  # smart bot


# characters; app, group robot, smart bot
_CHARACTERS: dict[str, tuple[int, int, int]] = {
    "source.desc": (20, 13, 13),
    "main_title.title": (36, 26, 26),
    "main_title.desc": (44, 30, 30),
    "emphasis_content.title": (14, 10, 10),
    "emphasis_content.desc": (22, 15, 15),
    "sub_title_text": (160, 112, 112),
    "horizontal_content_list.keyname": (5, 5, 5),
    "horizontal_content_list.value": (30, 26, 26),
    "jump_list.title": (18, 13, 13),
    "vertical_content_list.title": (38, 26, 26),
    "vertical_content_list.desc": (160, 112, 112),
    "button_list.text": (10, 10, 10),
    "button_selection.option_list.text": (16, 10, 10),
    "checkbox.option_list.text": (17, 11, 11),
    "select_list.title": (13, 13, 13),
    "select_list.option_list.text": (16, 10, 10),
    "submit_button.text": (10, 10, 10),
    "replace_text": (30, 30, 30),
    "btntxt": (4, 4, 4),
}
# bytes of UTF-8
_BYTES: dict[str, tuple[int, int, int]] = {
    "text.content": (2048, 2048, 2048),
    "markdown.content": (2048, 4096, 20_480),
    "markdown_v2.content": (4096, 4096, 4096),
    "textcard.title": (128, 128, 128),
    "textcard.description": (512, 512, 512),
    "news.articles.title": (128, 128, 128),
    "news.articles.description": (512, 512, 512),
    "video.title": (128, 128, 128),
    "video.description": (512, 512, 512),
}
_ITEMS = {
    "horizontal_content_list": 6, "jump_list": 3, "vertical_content_list": 4, "button_list": 6,
    "action_menu.action_list": 3, "button_selection.option_list": 10, "checkbox.option_list": 20, "select_list": 3,
    "select_list.option_list": 10, "news.articles": 8,
}  # fmt: skip
# bytes of what cannot be cut
_WHOLE = {
    "task_id": 128, "feedback.id": 256, "textcard.url": 2048, "button_list.key": 1024, "submit_button.key": 1024,
    "action_menu.action_list.key": 1024, "button_selection.question_key": 1024, "checkbox.question_key": 1024,
    "select_list.question_key": 1024, "button_selection.option_list.id": 128, "checkbox.option_list.id": 128,
    "select_list.option_list.id": 128,
}  # fmt: skip
_UNIQUE = {
    "button_list": "key", "action_menu.action_list": "key", "select_list": "question_key",
    "button_selection.option_list": "id", "checkbox.option_list": "id", "select_list.option_list": "id",
}  # fmt: skip
_COLUMN = {Channel.APP: 0, Channel.ROBOT: 1, Channel.BOT: 2}
_TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")


@dataclass(slots=True)
class Fitted:
    """Content within its limits, and the fields that lost something, such as ``main_title.title``."""

    content: dict[str, Any]
    cut: list[str] = field(default_factory=list)


def most(name: str, channel: Channel) -> int:
    """The most characters, or bytes, of a field."""
    return (_CHARACTERS.get(name) or _BYTES[name])[_COLUMN[channel]]


def fit(content: dict[str, Any], channel: Channel, *, prefix: str = "") -> Fitted:
    r"""A copy of *content* whose every field is within the limits of *channel*, without what JSON could only write
    as ``\uXXXX``. Raise PlatformError(BUG)."""
    fitted = Fitted({})
    fitted.content = _dict(content, prefix, channel, fitted.cut)
    fitted.cut = list(dict.fromkeys(fitted.cut))
    return fitted


def check_task_id(task_id: str) -> str:
    if not _TASK_ID.fullmatch(task_id):
        raise bug("task_id", "卡片没有可用的编号")
    return task_id


def bug(what: str, why: str) -> PlatformError:
    return PlatformError(what, why, cls=ErrorClass.BUG)


def _dict(value: dict[str, Any], path: str, channel: Channel, lost: list[str]) -> dict[str, Any]:
    return {
        name: _value(part, f"{path}.{name}" if path else name, channel, lost) for name, part in value.items()
    }


def _value(value: Any, path: str, channel: Channel, lost: list[str]) -> Any:
    if isinstance(value, dict):
        return _dict(value, path, channel, lost)
    if isinstance(value, list):
        return list(_list(value, path, channel, lost))
    return _text(value, path, channel, lost) if isinstance(value, str) else value


def _list(items: list[Any], path: str, channel: Channel, lost: list[str]) -> Iterator[Any]:
    most_items = _ITEMS.get(path, len(items))
    if len(items) > most_items:
        lost.append(path)
    if name := _UNIQUE.get(path):
        keys = [item[name] for item in items if item.get(name)]
        if len(set(keys)) != len(keys):
            raise bug(f"{path}.{name}", "重复")
    for item in items[:most_items]:
        yield _value(item, path, channel, lost)


def _text(text: str, path: str, channel: Channel, lost: list[str]) -> str:
    printable = clean(text)
    if path in _WHOLE and (printable != text or len(text.encode()) > _WHOLE[path]):
        raise bug(path, f"超过 {_WHOLE[path]} 字节，或含控制字符")
    text = short = printable
    if path in _CHARACTERS:
        short = cut(text, most(path, channel))
    elif path in _BYTES:
        short = cut_bytes(text, most(path, channel))
    if short != text:
        lost.append(path)
    return short
