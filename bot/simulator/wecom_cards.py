"""Template cards as the simulated WeCom accepts and shows them. Pure. Sheet section 2.4.

Limits that the sheet calls advised are not enforced. What a person selects in vote and
multiple-choice cards is not simulated.
"""

from __future__ import annotations

import re
from typing import Any

from bot.simulator.acts import MessageView, SimButton
from bot.simulator.people import SimMessage
from bot.simulator.wecom_state import ApiError

INTERACTIVE = ("button_interaction", "vote_interaction", "multiple_interaction")
_NOTICES = ("text_notice", "news_notice")
_TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")
_STYLES = {1: "primary", 3: "danger"}
_CHARACTERS = (  # list or object, field, most characters
    ("emphasis_content", "title", 14),
    ("emphasis_content", "desc", 22),
    ("horizontal_content_list", "keyname", 5),
    ("horizontal_content_list", "value", 30),
    ("jump_list", "title", 18),
    ("vertical_content_list", "title", 38),
    ("vertical_content_list", "desc", 160),
    ("button_list", "text", 10),
    ("submit_button", "text", 10),
)
_ITEMS = (("horizontal_content_list", 6), ("jump_list", 3), ("vertical_content_list", 4), ("button_list", 6))


def validate(card: dict[str, Any], *, update: bool = False) -> None:
    """Raise ApiError as WeCom does. An update needs no task_id: it has the card of its response_code."""
    card_type = card.get("card_type")
    _demand(card_type in INTERACTIVE + _NOTICES, "card_type")
    _demand(len(card.get("sub_title_text", "")) <= 160, "sub_title_text")
    for name, most in _ITEMS:
        _demand(len(card.get(name, [])) <= most, name)
    for owner, name, most in _CHARACTERS:
        _demand(all(len(item.get(name, "")) <= most for item in _items(card, owner)), f"{owner}.{name}")
    _demand(all(item.get("keyname") for item in _items(card, "horizontal_content_list")), "keyname")
    task_id = card.get("task_id", "")
    _demand(not task_id or _TASK_ID.fullmatch(task_id) is not None, "task_id")
    needs_id = card_type in INTERACTIVE or "action_menu" in card
    _demand(bool(task_id) or update or not needs_id, "task_id")
    _check_links(card)
    if card_type in _NOTICES:
        _check_notice(card)
    elif card_type == "button_interaction":
        _check_buttons(card)
    else:
        _demand(bool(card.get("submit_button", {}).get("key")), "submit_button")


def card_view(message: SimMessage) -> MessageView:
    """The card on a phone; a closed one keeps the buttons that only open a page."""
    card = message.content
    title = card.get("main_title", {})
    emphasis = card.get("emphasis_content", {})
    words = [title.get("desc"), emphasis.get("title"), emphasis.get("desc"), card.get("sub_title_text")]
    words += [f"**{v.get('title', '')}** {v.get('desc', '')}" for v in _items(card, "vertical_content_list")]
    buttons = _buttons(card)
    return MessageView(
        title=title.get("title", ""),
        body="\n".join(filter(None, words)),
        facts=tuple((f["keyname"], f.get("value", "")) for f in _items(card, "horizontal_content_list")),
        buttons=tuple(button for button in buttons if button.url or not message.closed),
        closed=message.closed,
        source=card.get("source", {}).get("desc", ""),
    )


def keys(card: dict[str, Any]) -> set[str]:
    """What can be pressed on a card and calls back."""
    return {button.key for button in _buttons(card) if button.key}


def _buttons(card: dict[str, Any]) -> list[SimButton]:
    shown = [
        SimButton(b["text"], url=b["url"], style=_STYLES.get(b.get("style", 1), "default"))
        if b.get("type") == 1
        else SimButton(b["text"], key=b["key"], style=_STYLES.get(b.get("style", 1), "default"))
        for b in _items(card, "button_list")
    ]
    shown += [SimButton(b.get("text", "提交"), key=b["key"]) for b in _items(card, "submit_button")]
    shown += [SimButton(j["title"], url=j["url"]) for j in _items(card, "jump_list") if j.get("type") == 1]
    action = card.get("card_action", {})
    if action.get("type") == 1 and action["url"] not in (button.url for button in shown):
        shown.append(SimButton("打开", url=action["url"]))
    return shown


def _check_notice(card: dict[str, Any]) -> None:
    _demand(card.get("card_action", {}).get("type") in (1, 2), "card_action")
    title = bool(card.get("main_title", {}).get("title"))
    if card["card_type"] == "news_notice":
        _demand(title and ("card_image" in card or "image_text_area" in card), "main_title, card_image")
    else:
        _demand(title or bool(card.get("sub_title_text")), "main_title")


def _check_buttons(card: dict[str, Any]) -> None:
    buttons = _items(card, "button_list")
    _demand(bool(buttons) and all(button.get("text") for button in buttons), "button_list")
    calling = [button.get("key", "") for button in buttons if button.get("type", 0) == 0]
    _demand(all(key and len(key.encode()) <= 1024 for key in calling), "button_list.key")
    _demand(len(set(calling)) == len(calling), "button_list.key")


def _check_links(card: dict[str, Any]) -> None:
    for owner in ("button_list", "jump_list", "card_action", "horizontal_content_list"):
        for item in _items(card, owner):
            _demand(item.get("type", 0) != 1 or "://" in item.get("url", ""), f"{owner}.url")


def _items(card: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = card.get(name, [])
    return value if isinstance(value, list) else [value]


def _demand(fine: bool, what: str) -> None:
    if not fine:
        raise ApiError(40058, f"template_card.{what} invalid")
