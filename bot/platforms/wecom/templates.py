"""The five template cards with every field, as types. Pure. Sheet sections 2.4 and 4.8.

:func:`card_of` checks what a card must have and gives its JSON; lengths are cut by ``limits.fit``. A field that is
left at its default is left out of the JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bot.platforms.wecom.limits import Channel, Fitted, bug, check_task_id, fit


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Source(_Part, frozen=True, kw_only=True):
    desc: str = ""
    icon_url: str = ""
    desc_color: int = 0  # grey, black, red, green


class MenuEntry(_Part, frozen=True, kw_only=True):
    text: str
    key: str


class ActionMenu(_Part, frozen=True, kw_only=True):
    """The three dots in the corner; needs a task_id."""

    action_list: list[MenuEntry]
    desc: str = ""


class Title(_Part, frozen=True, kw_only=True):
    title: str = ""
    desc: str = ""


class Link(_Part, frozen=True, kw_only=True):
    """Where a press leads: 1 a page, 2 a mini program, 3 (smart bot, in a jump list) a question to the bot."""

    type: int = 0
    url: str = ""
    appid: str = ""
    pagepath: str = ""


class Jump(Link, frozen=True, kw_only=True):
    title: str
    question: str = ""


class Quote(Link, frozen=True, kw_only=True):
    title: str = ""
    quote_text: str = ""


class Fact(_Part, frozen=True, kw_only=True):
    """``type``: 0 text, 1 page, 2 attachment (not in the smart bot), 3 member."""

    keyname: str
    value: str = ""
    type: int = 0
    url: str = ""
    media_id: str = ""
    userid: str = ""


class CardImage(_Part, frozen=True, kw_only=True):
    url: str
    aspect_ratio: float = 0.0  # 1.3 to 2.25


class ImageText(Link, frozen=True, kw_only=True):
    image_url: str
    title: str = ""
    desc: str = ""


class Option(_Part, frozen=True, kw_only=True):
    id: str
    text: str
    is_checked: bool = False


class Selection(_Part, frozen=True, kw_only=True):
    question_key: str
    option_list: list[Option]
    title: str = ""
    selected_id: str = ""
    disable: bool = False  # in updates


class CheckBox(_Part, frozen=True, kw_only=True):
    question_key: str
    option_list: list[Option]
    mode: int = 0  # 1: several
    disable: bool = False


class CardButton(_Part, frozen=True, kw_only=True):
    text: str
    type: int  # 0 calls back with ``key``, 1 opens ``url``
    style: int  # 1 to 4
    key: str = ""
    url: str = ""


class Submit(_Part, frozen=True, kw_only=True):
    key: str
    text: str = "提交"


class Feedback(_Part, frozen=True, kw_only=True):
    id: str


class Card(_Part, frozen=True, kw_only=True):
    """What all five have."""

    source: Source | None = None
    main_title: Title | None = None
    action_menu: ActionMenu | None = None
    quote_area: Quote | None = None
    horizontal_content_list: list[Fact] = []
    jump_list: list[Jump] = []
    card_action: Link | None = None
    task_id: str = ""
    feedback: Feedback | None = None  # smart bot
    replace_text: str = ""  # in updates: a grey button with this text


class TextNotice(Card, frozen=True, kw_only=True):
    emphasis_content: Title | None = None
    sub_title_text: str = ""


class NewsNotice(Card, frozen=True, kw_only=True):
    card_image: CardImage | None = None
    image_text_area: ImageText | None = None
    vertical_content_list: list[Title] = []


class ButtonInteraction(Card, frozen=True, kw_only=True):
    sub_title_text: str = ""
    button_selection: Selection | None = None
    button_list: list[CardButton]


class VoteInteraction(Card, frozen=True, kw_only=True):
    checkbox: CheckBox
    submit_button: Submit


class MultipleInteraction(Card, frozen=True, kw_only=True):
    select_list: list[Selection]
    submit_button: Submit


CARD_TYPES: dict[type[Card], str] = {
    TextNotice: "text_notice",
    NewsNotice: "news_notice",
    ButtonInteraction: "button_interaction",
    VoteInteraction: "vote_interaction",
    MultipleInteraction: "multiple_interaction",
}
_INTERACTIVE = (ButtonInteraction, VoteInteraction, MultipleInteraction)


def card_of(card: Card, channel: Channel) -> Fitted:
    """The card's JSON within the limits of *channel*. Raise PlatformError(BUG), which names the field."""
    if isinstance(card, _INTERACTIVE) or card.action_menu is not None or card.task_id:
        check_task_id(card.task_id)
    _check_channel(card, channel)
    _check_needed(card)
    tree: dict[str, Any] = {"card_type": CARD_TYPES[type(card)], **msgspec.to_builtins(card)}
    if isinstance(card, VoteInteraction | MultipleInteraction):
        tree["submit_button"] = {"text": card.submit_button.text, "key": card.submit_button.key}
    return fit(tree, channel)


def _check_channel(card: Card, channel: Channel) -> None:
    if channel is Channel.ROBOT and (isinstance(card, _INTERACTIVE) or card.action_menu is not None):
        raise bug("card_type", "群机器人的卡片没有按钮")
    if channel is not Channel.APP and any(fact.type == 2 for fact in card.horizontal_content_list):
        raise bug("horizontal_content_list.type", "只有应用的卡片能带附件")
    if channel is not Channel.BOT and any(jump.type == 3 for jump in card.jump_list):
        raise bug("jump_list.type", "只有智能机器人的卡片能提问")


def _check_needed(card: Card) -> None:
    links: list[Link | Fact] = [*card.jump_list, *card.horizontal_content_list]
    links += [link for link in (card.card_action, card.quote_area) if link is not None]
    for link in links:
        if link.type == 1 and "://" not in link.url:
            raise bug("url", "不是完整地址")
    title = card.main_title.title if card.main_title else ""
    match card:
        case TextNotice():
            _demand(bool(title or card.sub_title_text), "main_title.title")
            _demand(card.card_action is not None and card.card_action.type in (1, 2), "card_action")
        case NewsNotice():
            _demand(bool(title), "main_title.title")
            _demand(card.card_action is not None and card.card_action.type in (1, 2), "card_action")
            _demand((card.card_image is None) != (card.image_text_area is None), "card_image")
            ratio = card.card_image.aspect_ratio if card.card_image else 0.0
            _demand(not ratio or 1.3 <= ratio <= 2.25, "card_image.aspect_ratio")
        case ButtonInteraction():
            _demand(bool(card.button_list), "button_list")
            for button in card.button_list:
                _demand(bool(button.key) if button.type == 0 else "://" in button.url, "button_list.key")
        case VoteInteraction():
            _demand(bool(card.checkbox.option_list and card.submit_button.key), "checkbox")
        case MultipleInteraction():
            _demand(bool(card.select_list and card.submit_button.key), "select_list")
            _demand(all(select.option_list for select in card.select_list), "select_list.option_list")


def _demand(fine: bool, what: str) -> None:
    if not fine:
        raise bug(what, "卡片缺少必填的内容")
