"""Template cards as a phone of the simulated WeCom shows them. Pure. The rules are in ``wecom_card_rules``."""

from __future__ import annotations

from typing import Any

from bot.simulator.acts import MessageView, SimButton
from bot.simulator.people import SimMessage
from bot.simulator.wecom_card_rules import items as _items

_STYLES = {1: "primary", 3: "danger"}


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
