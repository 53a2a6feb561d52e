"""An OutboundMessage as WeCom shows it on one channel, within its limits. Pure. Sheet sections 2.2 to 2.6, 4.4.

The bytes are the same on every call: ``enable_duplicate_check`` compares whole requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.platforms.base import CLOSED, Button, CardRef, ErrorClass, OutboundMessage, PlatformError
from bot.platforms.wecom import kinds, templates
from bot.platforms.wecom.limits import Channel, Fitted, bug, check_task_id, most
from bot.platforms.wecom.markup import clean, cut_bytes, has_markup, line, literal, markdown, plain

DUPLICATE_SECONDS = 14_400  # the longest WeCom remembers a request
BATCH = 1000  # receivers of one message/send
_FACTS, _BUTTONS = 6, 6
_STYLES = {"primary": 1, "default": 2, "danger": 3}


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body, and the fields that had to be cut."""

    raw: bytes
    cut: tuple[str, ...] = ()


def send_body(
    message: OutboundMessage,
    *,
    user_ids: Sequence[str],
    agent_id: int,
    once: bool,
    template_cards: bool = True,
) -> Body:
    """The body of message/send to up to 1,000 people. With *once*, the same body is shown once within four hours.

    Raise PlatformError: BUG for a card without a usable id, RECIPIENT for what is not one person.
    """
    fitted = content(message, Channel.APP, template_cards=template_cards)
    return kind_body(fitted, user_ids=user_ids, agent_id=agent_id, once=once)


def kind_body(fitted: Fitted, *, user_ids: Sequence[str], agent_id: int, once: bool) -> Body:
    """The body of message/send for content of any kind."""
    if not user_ids or len(user_ids) > BATCH:
        raise bug("touser", "一次发给 1 到 1000 人")
    for user_id in user_ids:
        check_person(user_id)
    body: dict[str, Any] = {"touser": "|".join(user_ids), "agentid": agent_id, **fitted.content}
    if once:
        body |= {"enable_duplicate_check": 1, "duplicate_check_interval": DUPLICATE_SECONDS}
    return Body(msgspec.json.encode(body), tuple(fitted.cut))


def check_person(user_id: str) -> str:
    """Raise PlatformError(RECIPIENT) for what would reach nobody or everybody."""
    if not user_id or "|" in user_id or user_id.lower() == "@all":
        raise PlatformError("touser", "不是一个人的 userid", cls=ErrorClass.RECIPIENT)
    return user_id


def update_body(card: CardRef, message: OutboundMessage, *, agent_id: int) -> Body:
    """The body of message/update_template_card: live while there are buttons to press, else closed."""
    fitted = new_card(card, message, Channel.APP)
    tree = {
        "userids": [card.user_id],
        "agentid": agent_id,
        "response_code": card.card_token,
        "template_card": fitted.content,
    }
    return Body(msgspec.json.encode(tree), tuple(fitted.cut))


def new_card(card: CardRef, message: OutboundMessage, channel: Channel) -> Fitted:
    """The card that takes the place of *card*."""
    live = not message.done and _callbacks(message)
    made = _button_card(message, card.card_id) if live else _closed_card(message, card.card_id)
    return templates.card_of(made, channel)


def recall_body(msgid: str) -> bytes:
    """The body of message/recall."""
    return msgspec.json.encode({"msgid": msgid})


def content(message: OutboundMessage, channel: Channel, *, template_cards: bool = True) -> Fitted:
    """The message as the kind that shows it best: a card with buttons, a notice, markdown, a text."""
    return kinds.content_of(_kind(message, channel, template_cards=template_cards), channel)


def calls_back(message: OutboundMessage) -> bool:
    """Whether the app shows it as a card that needs the callback address."""
    return bool(_callbacks(message) or (message.done and message.card_id))


def as_markdown(message: OutboundMessage, limit: int) -> str:
    """The whole message as WeCom's Markdown, at most *limit* bytes: what is cut is the end of the body."""
    head = f"**{literal(message.title)}**\n" if line(message.title) else ""
    facts = "".join(f"\n> {literal(name)}：{literal(value)}" for name, value in message.facts)
    links = "".join(f"\n[{literal(text)}]({_address(url)})" for text, url in _links(message))
    closed = f"\n**{literal(message.done)}**" if line(message.done) else ""
    tail = cut_bytes(facts + links + closed, limit // 2)
    room = limit - len((head + tail).encode())
    return cut_bytes((head + cut_bytes(markdown(message.body), max(room, 4)) + tail).strip(), limit)


def _kind(message: OutboundMessage, channel: Channel, *, template_cards: bool) -> kinds.Kind:
    if template_cards and channel is not Channel.ROBOT:
        if (
            message.done and message.card_id
        ):  # over before it left: a card all the same, under the id that is noted
            return kinds.TemplateCard(card=_closed_card(message, message.card_id, replaces=False))
        if message.done:
            return kinds.Markdown(content=as_markdown(message, most("markdown.content", channel)))
        if _callbacks(message):
            return kinds.TemplateCard(card=_button_card(message, message.card_id))
        if _links(message) and len(_words(message)) <= most("sub_title_text", channel):
            return kinds.TemplateCard(card=_notice(message))
    if not template_cards and (card := _text_card(message)) is not None:
        return card
    rich = message.title or message.facts or message.done or _links(message) or has_markup(message.body)
    if rich or channel is not Channel.APP:
        return kinds.Markdown(content=as_markdown(message, most("markdown.content", channel)))
    words = plain(message.body).replace("<", "＜")  # text messages make links of <a href>
    return kinds.Text(content=words)


def _button_card(message: OutboundMessage, card_id: str) -> templates.ButtonInteraction:
    buttons = _callbacks(message) + [b for b in message.buttons if not b.action and b.url]
    return templates.ButtonInteraction(
        **_frame(message),
        sub_title_text=_words(message),
        task_id=check_task_id(card_id),
        button_list=[_button(button) for button in buttons[:_BUTTONS]],
        card_action=_jump(message.url) if message.url else None,
    )


def _closed_card(
    message: OutboundMessage, card_id: str, *, replaces: bool = True
) -> templates.ButtonInteraction:
    closed = line(message.done) or "已更新"
    return templates.ButtonInteraction(
        **_frame(message),
        sub_title_text=_words(message),
        task_id=check_task_id(card_id),
        button_list=[templates.CardButton(text=closed, type=0, style=_STYLES["default"], key=CLOSED)],
        card_action=_jump(message.url) if message.url else None,
        replace_text=closed if replaces else "",
    )


def _notice(message: OutboundMessage) -> templates.TextNotice:
    links = _links(message)
    return templates.TextNotice(
        **_frame(message),
        sub_title_text=_words(message),
        task_id=check_task_id(message.card_id) if message.card_id else "",
        card_action=_jump(links[0][1]),
        jump_list=[templates.Jump(title=line(text) or "打开", type=1, url=url) for text, url in links],
    )


def _text_card(message: OutboundMessage) -> kinds.TextCard | None:
    """For a deployment without template cards: the old card, if nothing is lost in it."""
    links, words = _links(message), plain(message.body)
    if len(links) != 1 or message.facts or message.done or not (line(message.title) and words):
        return None
    if len(words.encode()) > most("textcard.description", Channel.APP):
        return None
    ((text, url),) = links
    return kinds.TextCard(title=line(message.title), description=words, url=url, btntxt=line(text))


def _frame(message: OutboundMessage) -> dict[str, Any]:
    """What every card has: where it comes from, its title and its facts."""
    return {
        "source": templates.Source(desc=line(message.source) or "随查"),
        "main_title": templates.Title(title=line(message.title) or line(message.source) or "通知"),
        "horizontal_content_list": [
            templates.Fact(keyname=line(name) or "·", value=line(value) or "—")
            for name, value in message.facts[:_FACTS]
        ],
    }


def _words(message: OutboundMessage) -> str:
    """The body without marks, followed by the facts that the card has no room for."""
    more = (f"{line(name)}：{line(value)}" for name, value in message.facts[_FACTS:])
    return "\n".join(filter(None, [plain(message.body), *more]))


def _callbacks(message: OutboundMessage) -> list[Button]:
    """The buttons that call back, each key once: WeCom refuses a repeated key."""
    found: dict[str, Button] = {}
    for button in message.buttons:
        if button.action:
            found.setdefault(button.action, button)
    return list(found.values())


def _links(message: OutboundMessage) -> list[tuple[str, str]]:
    """Texts and addresses that open a page; the message's own comes first, unless a button has it."""
    links = [(button.text, button.url) for button in message.buttons if button.url and not button.action]
    if message.url and message.url not in (url for _, url in links):
        links.insert(0, ("查看详情", message.url))
    return [(text, clean(url)) for text, url in links]


def _button(button: Button) -> templates.CardButton:
    text, style = line(button.text) or "打开", _STYLES.get(button.style, 2)
    if not button.action:
        return templates.CardButton(text=text, type=1, style=style, url=clean(button.url))
    if clean(button.action) != button.action:
        raise bug("button_key", "按钮内容含控制字符")
    return templates.CardButton(text=text, type=0, style=style, key=button.action)


def _jump(url: str) -> templates.Link:
    return templates.Link(type=1, url=clean(url))


def _address(url: str) -> str:
    """A URL that cannot end the Markdown link it stands in."""
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
