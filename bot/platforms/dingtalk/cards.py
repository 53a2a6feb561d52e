"""How an :class:`OutboundMessage` looks on DingTalk: card bodies, Markdown and ActionCards. Pure.

The interactive card uses one generic template, described in ``template.py``, whose variables are
:data:`VARIABLES`. Sheet: sections 1.3, 4.2 to 4.4, 5.2 and 5.3.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.platforms.base import Button, ErrorClass, OutboundMessage, PlatformError
from bot.platforms.dingtalk.text import compact, cut, cut_in_json, lines

VARIABLES = ("title", "body", "facts", "buttons", "url", "done", "status")
VALUE_BYTES = 1024  # of one card variable
BODY_BYTES = 900  # of Markdown that fit into one once its newlines are written out
MSG_PARAM_BYTES = 15_000  # documented for groups; kept in single chats too
WEBHOOK_BYTES = 20_000  # whole body of a webhook message
TITLE_BYTES = 200  # a title is a preview line; no documented limit
COLORS = {"default": "gray", "primary": "blue", "danger": "red"}  # of a button group's buttons
MAX_LINKS = 5  # sampleActionCard5 has the most buttons
NOTICE_BYTES, NOTICE_URL, NOTICE_BUTTON = (
    2048,
    700,
    20,
)  # of a work notice: all of it, a link, a button's text
NOTICE_TITLE = 100  # bytes
NOTICE_ROOM = 700  # bytes that a work notice keeps for its words
OPEN = "查看详情"


def card_params(message: OutboundMessage) -> dict[str, str]:
    """The variables of our template, complete: an update leaves nothing of the old state behind.

    Raise PlatformError(BUG) when the buttons alone do not fit; text and facts are cut instead.
    """
    shown = () if message.done else message.buttons
    return {
        "title": cut(message.title, TITLE_BYTES),
        "body": cut(lines(message.body), VALUE_BYTES),
        "facts": _facts(message.facts),
        "buttons": _fitting(compact([_card_button(button) for button in shown]), "buttons"),
        "url": _fitting(message.url, "url"),
        "done": "true" if message.done else "false",
        "status": cut(message.done, VALUE_BYTES),
    }


def create_and_deliver(
    message: OutboundMessage, *, user_id: str, template: str, robot_code: str, route: str = ""
) -> dict[str, Any]:
    """Body of ``POST …/createAndDeliver`` to one person; ``card_id`` is the idempotency key.

    With *route*, a registered ``callbackRouteKey``, presses come over HTTP, else over Stream.
    """
    params = card_params(message)
    callback = {"callbackType": "HTTP", "callbackRouteKey": route} if route else {"callbackType": "STREAM"}
    return {
        "cardTemplateId": template,
        "outTrackId": message.card_id,
        **callback,
        "userIdType": 1,
        "cardData": {"cardParamMap": params},
        "openSpaceId": f"dtv1.card//IM_ROBOT.{user_id}",
        "imRobotOpenSpaceModel": {
            "supportForward": False,
            "lastMessageI18n": {"ZH_CN": params["title"]},
            "notification": {"alertContent": params["title"], "notificationOff": False},
        },
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": robot_code},
    }


def card_update(card_id: str, message: OutboundMessage) -> dict[str, Any]:
    """Body of ``PUT /v1.0/card/instances``."""
    return {
        "outTrackId": card_id,
        "cardData": {"cardParamMap": card_params(message)},
        "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
        "userIdType": 1,
    }


def robot_message(message: OutboundMessage) -> tuple[str, dict[str, str]]:
    """The ``msgKey`` and ``msgParam`` of a message without callbacks.

    Buttons that only call back are left out: whoever sends here has put links in their place.
    """
    links = link_buttons(message)[:MAX_LINKS]
    title = cut(message.title, TITLE_BYTES)
    param = {"title": title, "text": ""}
    if len(links) == 1:
        key = "sampleActionCard"
        param |= {"singleTitle": links[0].text, "singleURL": links[0].url}
    elif links:
        key = f"sampleActionCard{len(links)}"
        for number, link in enumerate(links, start=1):
            param |= {f"actionTitle{number}": link.text, f"actionURL{number}": link.url}
    else:
        key = "sampleMarkdown"
    return key, {**param, "text": _text_within(message, MSG_PARAM_BYTES, param)}


def webhook_message(
    message: OutboundMessage, *, uuid: str = "", keyword: str = "", at: str = ""
) -> dict[str, Any]:
    """Body for a group robot or a ``sessionWebhook``. *uuid* lets the group robot drop a repeat; *keyword* stands
    in the title where the robot is guarded by one; *at* is the user id of who is meant, in text and in ``at``.
    """
    if keyword and keyword not in message.title + message.body:
        message = replace(message, title=f"{keyword}：{message.title}")
    if at:
        message = replace(message, body=f"@{at} {message.body}")
    links = link_buttons(message)[:MAX_LINKS]
    head: dict[str, Any] = {"msgUuid": uuid} if uuid else {}
    kind = "actionCard" if links else "markdown"
    card: dict[str, Any] = {"title": cut(message.title, TITLE_BYTES), "text": ""}
    if len(links) == 1:
        card |= {"singleTitle": links[0].text, "singleURL": links[0].url}
    elif links:
        card |= {"btnOrientation": "0", "btns": [{"title": one.text, "actionURL": one.url} for one in links]}
    body = {"msgtype": kind, **head, kind: card}
    if at:
        body["at"] = {"atUserIds": [at], "isAtAll": False}
    card["text"] = _text_within(message, WEBHOOK_BYTES, body)
    return body


def work_notice(message: OutboundMessage) -> dict[str, Any]:
    """``msg`` of a work notice: at most 2,048 bytes, its text is what gives way."""
    message = replace(message, title=cut(message.title, NOTICE_TITLE))
    links = [link for link in link_buttons(message) if len(link.url) <= NOTICE_URL][:MAX_LINKS]
    card: dict[str, Any] = {"title": message.title, "markdown": ""}
    if not links:
        card = {"title": card["title"], "text": ""}
        body = {"msgtype": "markdown", "markdown": card}
        card["text"] = _text_within(message, NOTICE_BYTES, body)
        return body
    if len(links) == 1:
        card |= {"single_title": links[0].text[:NOTICE_BUTTON], "single_url": links[0].url}
    else:
        buttons = [{"title": one.text[:NOTICE_BUTTON], "action_url": one.url} for one in links]
        while len(compact(buttons).encode()) > NOTICE_BYTES - NOTICE_ROOM:
            buttons.pop()
        card |= {"btn_orientation": "0", "btn_json_list": buttons}
    body = {"msgtype": "action_card", "action_card": card}
    card["markdown"] = _text_within(message, NOTICE_BYTES, body)
    return body


def neutral(message: OutboundMessage) -> OutboundMessage:
    """The same message in words that no filter refuses; what it is about stands behind its links."""
    return replace(message, title="工作提醒", body="您有一条工作消息，请打开查看。", facts=(), done="")


def link_buttons(message: OutboundMessage) -> tuple[Button, ...]:
    """What can be shown as a link: none on a closed message but the way to its page."""
    links = () if message.done else tuple(button for button in message.buttons if button.url)
    page = (Button(OPEN, url=message.url),) if message.url else ()
    return tuple(Button(cut(one.text, TITLE_BYTES), url=_fitting(one.url, "url")) for one in links + page)


def markdown_text(message: OutboundMessage, *, buttons: int = MAX_LINKS) -> str:
    """The whole message as Markdown, facts and the links beyond so many *buttons* included."""
    parts = [f"#### {message.title}", message.body]
    parts += ["\n".join(f"**{name}**：{value}" for name, value in message.facts), message.done]
    parts += [f"[{one.text}]({one.url})" for one in link_buttons(message)[buttons:]]
    return lines("\n\n".join(part for part in parts if part))


def _text_within(message: OutboundMessage, limit: int, around: dict[str, Any]) -> str:
    """The text, cut so that *around* with it inside is at most *limit* bytes of JSON."""
    return cut_in_json(markdown_text(message), limit - len(compact(around).encode()))


def _card_button(button: Button) -> dict[str, Any]:
    """An entry of the variable that a button group of the card platform is bound to."""
    shown = {"text": cut_in_json(button.text, 60), "color": COLORS.get(button.style, "gray")}
    if button.url:
        return {**shown, "url": button.url}
    return {**shown, "id": button.action, "request": True}  # ``id`` comes back in ``actionIds``


def _facts(facts: tuple[tuple[str, str], ...]) -> str:
    """A JSON array of ``{"name", "value"}``; long values are shortened until the array fits."""
    for longest in (VALUE_BYTES, 240, 120, 60, 30, 12):
        rows = [{"name": cut(name, 60), "value": cut_in_json(value, longest)} for name, value in facts]
        if len(compact(rows).encode()) <= VALUE_BYTES:
            return compact(rows)
    while len(compact(rows).encode()) > VALUE_BYTES:
        rows.pop()
    return compact(rows)


def _fitting(value: str, name: str) -> str:
    """*value*, which must not be cut: half a link or half a JSON array is worse than an error."""
    if len(value.encode()) > VALUE_BYTES:
        raise PlatformError("message.tooLong", name, cls=ErrorClass.BUG, advice="按钮或链接太长。")
    return value
