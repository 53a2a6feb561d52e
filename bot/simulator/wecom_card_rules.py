"""What a template card may hold, as the sheet's tables say (2.4, 3, 4.8), and a check against them. Pure.

Written from the tables and not from the adapter, so that each proves the other. *strict* also refuses what the
real service forgives: fields it does not know, and lengths that the sheet calls advised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.wecom_state import ApiError

INTERACTIVE = ("button_interaction", "vote_interaction", "multiple_interaction")
NOTICES = ("text_notice", "news_notice")
TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")
_CHANNELS = ("app", "robot", "bot")


@dataclass(frozen=True, slots=True)
class S:
    """A text. ``most``: characters for app, robot, bot; ``advised`` ones are only cut on the screen."""

    most: tuple[int, int, int] | None = None
    advised: bool = True
    bytes: int | None = None
    needed: bool = False


@dataclass(frozen=True, slots=True)
class N:
    """A number: one of these, or between two bounds."""

    words: tuple[int, ...] = ()
    between: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class B:
    """True or false."""


@dataclass(frozen=True, slots=True)
class O:  # noqa: E742 - with S, N, B and L the letters of the tables
    """An object with these fields."""

    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class L:
    """A list of so many, in which ``unique`` does not repeat."""

    of: O
    least: int
    most: int
    unique: str = ""


_KEY = S(bytes=1024, needed=True)
_LINK = {"type": N((0, 1, 2)), "url": S(), "appid": S(), "pagepath": S()}
_JUMP = _LINK | {"type": N((0, 1, 2, 3)), "question": S(bytes=200)}
_PAIR = {"title": S((36, 26, 26)), "desc": S((44, 30, 30))}
_OPTION = {"id": S(bytes=128, needed=True), "is_checked": B()}


def _options(app: int, bot: int, most: int) -> L:
    return L(O(_OPTION | {"text": S((app, bot, bot), needed=True)}), 1, most, "id")


_SELECT = {
    "question_key": S(bytes=1024, needed=True), "title": S((13, 13, 13)), "selected_id": S(), "disable": B(),
    "option_list": _options(16, 10, 10),
}  # fmt: skip
_SUBMIT = O({"text": S((10, 10, 10), advised=False), "key": _KEY})
_COMMON: dict[str, Any] = {
    "card_type": S(needed=True),
    "source": O({"icon_url": S(), "desc": S((20, 13, 13)), "desc_color": N((0, 1, 2, 3))}),
    "action_menu": O({"desc": S(), "action_list": L(O({"text": S(needed=True), "key": _KEY}), 1, 3, "key")}),
    "task_id": S(bytes=128),
    "main_title": O(_PAIR),
    "quote_area": O(_LINK | {"title": S(), "quote_text": S()}),
    "horizontal_content_list": L(
        O({
            "keyname": S((5, 5, 5), advised=False, needed=True), "value": S((30, 26, 26), advised=False),
            "type": N((0, 1, 2, 3)), "url": S(), "media_id": S(), "userid": S(),
        }), 0, 6,
    ),
    "jump_list": L(O(_JUMP | {"title": S((18, 13, 13), advised=False, needed=True)}), 0, 3),
    "card_action": O(_LINK),
    "feedback": O({"id": S(bytes=256)}),
    "replace_text": S(),
    "by": S(),  # ours: which channel's card it is in the simulated world
}  # fmt: skip
_SUB_TITLE = S((160, 112, 112), advised=False)
CARDS: dict[str, dict[str, Any]] = {
    "text_notice": _COMMON | {
        "sub_title_text": _SUB_TITLE,
        "emphasis_content": O({
            "title": S((14, 10, 10), advised=False), "desc": S((22, 15, 15), advised=False),
        }),
    },
    "news_notice": _COMMON | {
        "card_image": O({"url": S(needed=True), "aspect_ratio": N(between=(1.3, 2.25))}),
        "image_text_area": O(_LINK | {"title": S(), "desc": S(), "image_url": S(needed=True)}),
        "vertical_content_list": L(
            O({"title": S((38, 26, 26), advised=False, needed=True), "desc": S((160, 112, 112), advised=False)}),
            0, 4,
        ),
    },
    "button_interaction": _COMMON | {
        "sub_title_text": _SUB_TITLE,
        "button_selection": O(_SELECT),
        "button_list": L(
            O({
                "type": N((0, 1)), "text": S((10, 10, 10), advised=False, needed=True), "style": N((1, 2, 3, 4)),
                "key": S(bytes=1024), "url": S(),
            }), 1, 6, "key",
        ),
    },
    "vote_interaction": _COMMON | {
        "checkbox": O({
            "question_key": S(bytes=1024, needed=True), "mode": N((0, 1)), "disable": B(),
            "option_list": _options(17, 11, 20),
        }),
        "submit_button": _SUBMIT,
    },
    "multiple_interaction": _COMMON | {
        "select_list": L(O(_SELECT), 1, 3, "question_key"),
        "submit_button": _SUBMIT,
    },
}  # fmt: skip


def validate(
    card: dict[str, Any], *, update: bool = False, channel: str = "app", strict: bool = False
) -> None:
    """Raise ApiError 40058, which names the field. An update needs no task_id: it has the card of its code."""
    card_type = str(card.get("card_type"))
    _demand(card_type in CARDS, "card_type")
    _demand(channel != "robot" or (card_type in NOTICES and "action_menu" not in card), "card_type")
    _Check(_CHANNELS.index(channel), strict).object(card, O(CARDS[card_type]), "")
    task_id = card.get("task_id", "")
    _demand(not task_id or TASK_ID.fullmatch(task_id) is not None, "task_id")
    needs_id = card_type in INTERACTIVE or "action_menu" in card
    _demand(bool(task_id) or update or not needs_id, "task_id")
    _check_links(card)
    _check_channel(card, channel)
    _NEEDS[card_type](card)


class _Check:
    def __init__(self, column: int, strict: bool) -> None:
        self._column, self._strict = column, strict

    def object(self, value: Any, rule: O, path: str) -> None:
        _demand(isinstance(value, dict), path or "card")
        for name, part in value.items():
            known = rule.fields.get(name)
            _demand(known is not None or not self._strict, f"{path}{name}")
            if known is not None:
                self.value(part, known, f"{path}{name}")
        for name, known in rule.fields.items():
            if isinstance(known, S) and known.needed:
                _demand(bool(value.get(name)), f"{path}{name}")

    def value(self, value: Any, rule: Any, path: str) -> None:
        match rule:
            case S():
                self._text(value, rule, path)
            case N():
                _demand(isinstance(value, int | float) and not isinstance(value, bool), path)
                _demand(not rule.words or value in rule.words, path)
                _demand(rule.between is None or rule.between[0] <= value <= rule.between[1], path)
            case B():
                _demand(isinstance(value, bool), path)
            case O():
                self.object(value, rule, f"{path}.")
            case L():
                self._list(value, rule, path)

    def _text(self, value: Any, rule: S, path: str) -> None:
        _demand(isinstance(value, str), path)
        if rule.most is not None and (self._strict or not rule.advised):
            _demand(len(value) <= rule.most[self._column], path)
        if rule.bytes is not None:
            _demand(len(value.encode(errors="surrogatepass")) <= rule.bytes, path)

    def _list(self, value: Any, rule: L, path: str) -> None:
        _demand(isinstance(value, list) and rule.least <= len(value) <= rule.most, path)
        for item in value:
            self.object(item, rule.of, f"{path}.")
        if rule.unique:
            keys = [item[rule.unique] for item in value if item.get(rule.unique)]
            _demand(len(set(keys)) == len(keys), f"{path}.{rule.unique}")


def _check_links(card: dict[str, Any]) -> None:
    for owner in ("button_list", "jump_list", "card_action", "horizontal_content_list", "quote_area"):
        for item in items(card, owner):
            _demand(item.get("type", 0) != 1 or "://" in str(item.get("url", "")), f"{owner}.url")
            _demand(owner == "button_list" or item.get("type") != 2 or bool(
                item.get("appid") or item.get("media_id")), f"{owner}.appid")  # fmt: skip


def _check_channel(card: dict[str, Any], channel: str) -> None:
    facts = [fact.get("type", 0) for fact in items(card, "horizontal_content_list")]
    _demand(channel == "app" or 2 not in facts, "horizontal_content_list.type")
    jumps = [jump.get("type", 0) for jump in items(card, "jump_list")]
    _demand(channel == "bot" or 3 not in jumps, "jump_list.type")


def _text_notice(card: dict[str, Any]) -> None:
    _demand(bool(card.get("main_title", {}).get("title") or card.get("sub_title_text")), "main_title")
    _demand(card.get("card_action", {}).get("type") in (1, 2), "card_action")


def _news_notice(card: dict[str, Any]) -> None:
    _demand(bool(card.get("main_title", {}).get("title")), "main_title")
    _demand(card.get("card_action", {}).get("type") in (1, 2), "card_action")
    _demand("card_image" in card or "image_text_area" in card, "card_image")


def _buttons(card: dict[str, Any]) -> None:
    buttons = items(card, "button_list")
    _demand(bool(buttons), "button_list")
    _demand(all(button.get("key") for button in buttons if button.get("type", 0) == 0), "button_list.key")


def _vote(card: dict[str, Any]) -> None:
    _demand("checkbox" in card and "option_list" in card["checkbox"] and "submit_button" in card, "checkbox")


def _multiple(card: dict[str, Any]) -> None:
    _demand("select_list" in card and "submit_button" in card, "select_list")
    _demand(all("option_list" in select for select in card["select_list"]), "select_list.option_list")


_NEEDS = {
    "text_notice": _text_notice, "news_notice": _news_notice, "button_interaction": _buttons,
    "vote_interaction": _vote, "multiple_interaction": _multiple,
}  # fmt: skip


def items(card: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list of the card, or its one object as a list; a field that its type does not know may be
    anything."""
    value = card.get(name, [])
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _demand(fine: bool, what: str) -> None:
    if not fine:
        raise ApiError(40058, f"template_card.{what} invalid")
