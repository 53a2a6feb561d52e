"""How DingTalk's bubbles look on the phone: cards by our template, Markdown, ActionCards, text."""

from __future__ import annotations

import json
from typing import Any

from yarl import URL

from bot.simulator.acts import MessageView, SimButton
from bot.simulator.people import SimMessage

PAGE_LINK = "dingtalk://dingtalkclient/page/link?"
STYLES = {"blue": "primary", "red": "danger"}


def view_of(message: SimMessage) -> MessageView:
    """Show *message* as a client would; it may come from the API, a webhook, a card or the person."""
    content = message.content
    if message.kind == "card":
        return _card(content["params"])
    if message.kind == "image":
        return MessageView("", "", image=content["media"])
    if message.mine:
        return MessageView("", content["text"])
    if "msgKey" in content:
        return _sample(content["param"])
    return _webhook(content[content["msgtype"]])


def _card(params: dict[str, str]) -> MessageView:
    done = params.get("done") == "true"
    buttons = [] if done else _rows(params.get("buttons"))
    facts = [(str(row.get("name", "")), str(row.get("value", ""))) for row in _rows(params.get("facts"))]
    return MessageView(
        title=params.get("title", ""),
        body=params.get("body", ""),
        facts=tuple(facts),
        buttons=(*map(_card_button, buttons), *_page(params.get("url", ""))),
        closed=params.get("status", "") if done else "",
    )


def _card_button(row: dict[str, Any]) -> SimButton:
    url = str(row.get("url", ""))
    key = str(row.get("id", "")) if row.get("request") is True else ""  # without it a press tells nobody
    style = STYLES.get(str(row.get("color", "")), "default")
    return SimButton(str(row.get("text", "")), key=key, url=url, style=style)


def _sample(param: dict[str, str]) -> MessageView:
    if "photoURL" in param:
        return MessageView("", "", image=param["photoURL"])
    if "fileName" in param:
        return MessageView(param["fileName"], "")
    param = {**param, "text": param.get("markdown_content") or param.get("markdown") or param.get("text", "")}
    param |= {
        f"actionTitle{n}": param.get(f"btn_title_{n}", "") for n in range(1, 5) if f"btn_title_{n}" in param
    }
    param |= {
        f"actionURL{n}": param.get(f"action_url_{n}", "") for n in range(1, 5) if f"action_url_{n}" in param
    }
    numbered = [(param.get(f"actionTitle{n}", ""), param.get(f"actionURL{n}", "")) for n in range(1, 6)]
    single = [(param.get("singleTitle", ""), param.get("singleURL", ""))]
    buttons = tuple(SimButton(text, url=_opened(url)) for text, url in single + numbered if url)
    return _markdown(param, buttons)


def _webhook(inner: dict[str, Any]) -> MessageView:
    pairs = [(inner.get("singleTitle"), inner.get("singleURL"))]
    pairs += [(inner.get("single_title"), inner.get("single_url"))]  # work notices spell it their own way
    pairs += [(one.get("title"), one.get("actionURL")) for one in inner.get("btns", ())]
    pairs += [(one.get("title"), one.get("action_url")) for one in inner.get("btn_json_list", ())]
    buttons = tuple(SimButton(str(text), url=_opened(str(url))) for text, url in pairs if url)
    return _markdown(inner, buttons)


def _markdown(inner: dict[str, Any], buttons: tuple[SimButton, ...]) -> MessageView:
    """A title shows in the list of chats only; senders repeat it as a heading, which is left out here."""
    title, text = (
        str(inner.get("title", "")),
        str(inner.get("text") or inner.get("markdown") or inner.get("content", "")),
    )
    return MessageView(title, text.removeprefix(f"#### {title}").lstrip(), buttons=buttons)


def _opened(url: str) -> str:
    """What a client opens: a ``dingtalk://…/page/link`` only says where the page in it is shown (section 1.7)."""
    if not url.startswith(PAGE_LINK):
        return url
    return URL(url).query.get("url", url)


def _page(url: str) -> tuple[SimButton, ...]:
    return (SimButton("查看详情", url=url),) if url else ()


def _rows(text: str | None) -> list[dict[str, Any]]:
    """A JSON array in a variable; a client shows nothing where the type is wrong."""
    try:
        rows = json.loads(text or "[]")
    except ValueError:
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
