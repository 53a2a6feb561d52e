"""Template cards as a phone of the simulated WeCom shows them. Pure. The rules are in ``wecom_card_rules``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.simulator.acts import MessageView, SimButton, SimChoice
from bot.simulator.people import SimMessage
from bot.simulator.wecom_card_rules import items as _items

_STYLES = {1: "primary", 3: "danger"}


def card_view(message: SimMessage) -> MessageView:
    """The card on a phone; a closed one keeps the buttons that only open a page."""
    card = message.content
    title, emphasis = card.get("main_title", {}), card.get("emphasis_content", {})
    words = [card.get("sub_title_text")]
    words += [f"**{v.get('title', '')}** {v.get('desc', '')}" for v in _items(card, "vertical_content_list")]
    buttons = _buttons(card)
    return MessageView(
        title=title.get("title", ""),
        note=title.get("desc", ""),
        headline=emphasis.get("title", ""),
        headline_note=emphasis.get("desc", ""),
        quote="：".join(filter(None, [_quoted(card, "title"), _quoted(card, "quote_text")])),
        body="\n".join(filter(None, words)),
        pictures=tuple(_pictures(card)),
        facts=tuple((f["keyname"], f.get("value", "")) for f in _items(card, "horizontal_content_list")),
        choices=() if message.closed else tuple(_choices(card)),
        buttons=tuple(button for button in buttons if button.url or not message.closed),
        menu=tuple(
            SimButton(m["text"], key=m["key"]) for m in card.get("action_menu", {}).get("action_list", [])
        ),
        closed=message.closed,
        source=card.get("source", {}).get("desc", ""),
    )


def news_view(content: dict[str, Any]) -> MessageView:
    """Articles: the first with its picture, the others below it, each opening its page."""
    articles = content["articles"]
    first = articles[0]
    return MessageView(
        title=first["title"],
        body=first.get("description", ""),
        pictures=tuple(article["picurl"] for article in articles if article.get("picurl")),
        buttons=tuple(SimButton(article["title"], url=article.get("url", "")) for article in articles),
    )


def _quoted(card: dict[str, Any], name: str) -> str:
    return str(card.get("quote_area", {}).get(name, ""))


def _pictures(card: dict[str, Any]) -> list[str]:
    found = [card.get("card_image", {}).get("url"), card.get("image_text_area", {}).get("image_url")]
    return [url for url in found if url]


def _choices(card: dict[str, Any]) -> Iterator[SimChoice]:
    """The questions of a vote, of a card with several selections, and of one beside buttons."""
    for select in [*_items(card, "button_selection"), *_items(card, "select_list")]:
        chosen = (select["selected_id"],) if select.get("selected_id") else ()
        options = tuple((option["id"], option["text"]) for option in select["option_list"])
        yield SimChoice(select["question_key"], select.get("title", ""), options, chosen)
    for box in _items(card, "checkbox"):
        options = tuple((option["id"], option["text"]) for option in box["option_list"])
        chosen = tuple(option["id"] for option in box["option_list"] if option.get("is_checked"))
        yield SimChoice(box["question_key"], "", options, chosen, several=box.get("mode") == 1)


def keys(card: dict[str, Any]) -> set[str]:
    """What can be pressed on a card and calls back."""
    entries = card.get("action_menu", {}).get("action_list", [])
    return {button.key for button in _buttons(card) if button.key} | {entry["key"] for entry in entries}


def in_menu(card: dict[str, Any], key: str) -> bool:
    return any(entry["key"] == key for entry in card.get("action_menu", {}).get("action_list", []))


def chosen_at_first(card: dict[str, Any]) -> dict[str, list[str]]:
    """What is selected before anybody touches the card."""
    return {choice.key: list(choice.chosen) for choice in _choices(card)}


def _buttons(card: dict[str, Any]) -> list[SimButton]:
    shown = [
        SimButton(b["text"], url=b["url"], style=_STYLES.get(b.get("style", 1), "default"))
        if b.get("type") == 1
        else SimButton(b["text"], key=b["key"], style=_STYLES.get(b.get("style", 1), "default"))
        for b in _items(card, "button_list")
    ]
    shown += [SimButton(b.get("text", "提交"), key=b["key"]) for b in _items(card, "submit_button")]
    shown += [SimButton(j["title"], url=j.get("url", "")) for j in _items(card, "jump_list")]
    action = card.get("card_action", {})
    if action.get("type") == 1 and action["url"] not in (button.url for button in shown):
        shown.append(SimButton("打开", url=action["url"]))
    return shown
