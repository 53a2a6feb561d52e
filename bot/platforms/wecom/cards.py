"""An OutboundMessage as WeCom shows it, within WeCom's limits. Pure. Sheet sections 2.2 to 2.6.

The bytes are the same on every call: ``enable_duplicate_check`` compares whole requests.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from bot.platforms.base import Button, CardRef, ErrorClass, OutboundMessage, PlatformError
from bot.platforms.wecom.markup import clean, cut, cut_bytes, has_markup, line, literal, markdown, plain

TEXT_BYTES = 2048  # also the limit of markdown in application messages
DUPLICATE_SECONDS = 14_400  # the longest WeCom remembers a request
_TITLE, _SUB_TITLE, _SOURCE, _CLOSED = 36, 160, 20, 30  # characters
_FACTS, _FACT_NAME, _FACT_VALUE = 6, 5, 30
_BUTTONS, _BUTTON_TEXT, _KEY_BYTES = 6, 10, 1024
_JUMPS, _JUMP_TITLE = 3, 18
_STYLES = {"primary": 1, "default": 2, "danger": 3}
_TASK_ID = re.compile(r"[0-9A-Za-z_@-]{1,128}")


def send_body(message: OutboundMessage, *, user_id: str, agent_id: int, once: bool) -> bytes:
    """The body of message/send to one person. With *once*, the same body is shown once within four hours.

    Raise PlatformError: BUG for a card without a usable id, RECIPIENT for what is not one person.
    """
    if not user_id or "|" in user_id or user_id.lower() == "@all":
        raise PlatformError("touser", "不是一个人的 userid", cls=ErrorClass.RECIPIENT)
    body: dict[str, Any] = {"touser": user_id, "agentid": agent_id, **_content(message)}
    if once:
        body |= {"enable_duplicate_check": 1, "duplicate_check_interval": DUPLICATE_SECONDS}
    return msgspec.json.encode(body)


def update_body(card: CardRef, message: OutboundMessage, *, agent_id: int) -> bytes:
    """The body of message/update_template_card: live while there are buttons to press, else closed."""
    if message.done or not _callbacks(message):
        template = _closed_card(message, card.card_id)
    else:
        template = _button_card(message, card.card_id)
    return msgspec.json.encode(
        {
            "userids": [card.user_id],
            "agentid": agent_id,
            "response_code": card.card_token,
            "template_card": template,
        }
    )


def file_body(user_id: str, media_id: str, *, agent_id: int) -> bytes:
    """The body of message/send for an uploaded file."""
    return msgspec.json.encode(
        {"touser": user_id, "agentid": agent_id, "msgtype": "file", "file": {"media_id": media_id}}
    )


def recall_body(msgid: str) -> bytes:
    """The body of message/recall."""
    return msgspec.json.encode({"msgid": msgid})


def as_markdown(message: OutboundMessage, limit: int = TEXT_BYTES) -> str:
    """The whole message as WeCom's Markdown, at most *limit* bytes: what is cut is the end of the body."""
    head = f"**{literal(message.title)}**\n" if line(message.title) else ""
    facts = "".join(f"\n> {literal(name)}：{literal(value)}" for name, value in message.facts)
    links = "".join(f"\n[{literal(text)}]({_address(url)})" for text, url in _links(message))
    closed = f"\n**{literal(message.done)}**" if line(message.done) else ""
    tail = cut_bytes(facts + links + closed, limit // 2)
    room = limit - len((head + tail).encode())
    return cut_bytes((head + cut_bytes(markdown(message.body), max(room, 4)) + tail).strip(), limit)


def _content(message: OutboundMessage) -> dict[str, Any]:
    if _callbacks(message) and not message.done:
        return _template(_button_card(message, message.card_id))
    if _links(message) and not message.done and len(_words(message)) <= _SUB_TITLE:
        return _template(_notice(message))
    if message.title or message.facts or message.done or _links(message) or has_markup(message.body):
        return {"msgtype": "markdown", "markdown": {"content": as_markdown(message)}}
    words = plain(message.body).replace("<", "＜")  # text messages make links of <a href>
    return {"msgtype": "text", "text": {"content": cut_bytes(words, TEXT_BYTES)}}


def _template(card: dict[str, Any]) -> dict[str, Any]:
    return {"msgtype": "template_card", "template_card": card}


def _button_card(message: OutboundMessage, card_id: str) -> dict[str, Any]:
    buttons = _callbacks(message) + [b for b in message.buttons if not b.action and b.url]
    card = _frame(message, "button_interaction") | {
        "task_id": _task_id(card_id),
        "button_list": [_button(button) for button in buttons[:_BUTTONS]],
    }
    if message.url:
        card["card_action"] = _jump(message.url)
    return card


def _closed_card(message: OutboundMessage, card_id: str) -> dict[str, Any]:
    closed = line(message.done) or "已更新"
    card = _frame(message, "button_interaction") | {
        "task_id": _task_id(card_id),
        "button_list": [{"text": cut(closed, _BUTTON_TEXT), "style": _STYLES["default"], "key": "closed"}],
        "replace_text": cut(closed, _CLOSED),
    }
    if message.url:
        card["card_action"] = _jump(message.url)
    return card


def _notice(message: OutboundMessage) -> dict[str, Any]:
    links = _links(message)
    card = _frame(message, "text_notice") | {"card_action": _jump(links[0][1])}
    jumps = [{"title": cut(line(text), _JUMP_TITLE)} | _jump(url) for text, url in links[:_JUMPS]]
    if jumps:
        card["jump_list"] = jumps
    if message.card_id:
        card["task_id"] = _task_id(message.card_id)
    return card


def _frame(message: OutboundMessage, card_type: str) -> dict[str, Any]:
    """What every card has: where it comes from, its title, its words and its facts."""
    card: dict[str, Any] = {
        "card_type": card_type,
        "source": {"desc": cut(line(message.source) or "随查", _SOURCE), "desc_color": 0},
        "main_title": {"title": cut(line(message.title) or line(message.source) or "通知", _TITLE)},
    }
    if words := _words(message):
        card["sub_title_text"] = cut(words, _SUB_TITLE)
    if facts := [
        {"keyname": cut(line(name) or "·", _FACT_NAME), "value": cut(line(value) or "—", _FACT_VALUE)}
        for name, value in message.facts[:_FACTS]
    ]:
        card["horizontal_content_list"] = facts
    return card


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


def _button(button: Button) -> dict[str, Any]:
    shown = {"text": cut(line(button.text) or "打开", _BUTTON_TEXT), "style": _STYLES.get(button.style, 2)}
    if not button.action:
        return shown | {"type": 1, "url": clean(button.url)}
    if len(button.action.encode()) > _KEY_BYTES or clean(button.action) != button.action:
        raise PlatformError("button_key", "按钮内容过长或含控制字符", cls=ErrorClass.BUG)
    return shown | {"type": 0, "key": button.action}


def _jump(url: str) -> dict[str, Any]:
    return {"type": 1, "url": clean(url)}


def _task_id(card_id: str) -> str:
    if not _TASK_ID.fullmatch(card_id):
        raise PlatformError("task_id", "卡片没有可用的编号", cls=ErrorClass.BUG)
    return card_id


def _address(url: str) -> str:
    """A URL that cannot end the Markdown link it stands in."""
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
