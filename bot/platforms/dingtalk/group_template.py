"""The robot of a group that was made from a scene-group template: it says there what our app's robot may not.
Sheet: section 4.9, which spells the path as the vendor does."""

from __future__ import annotations

from typing import Any

from bot.platforms.base import OutboundMessage, Sent
from bot.platforms.dingtalk.cards import link_buttons, markdown_text
from bot.platforms.dingtalk.client import DingTalkClient, failure
from bot.platforms.dingtalk.fields import word
from bot.platforms.dingtalk.text import compact, cut, cut_in_json

PATH = "/topapi/im/chat/scencegroup/message/send_v2"
TITLE_BYTES, PARAM_BYTES, MOST_BUTTONS = 200, 15_000, 4


async def send_to_group(
    client: DingTalkClient, robot: str, conversation: str, message: OutboundMessage
) -> Sent:
    """Post once. Raise PlatformError; ``open_msg_id`` is what recalls and queries it."""
    template, param = template_message(message)
    body = {
        "target_open_conversation_id": conversation,
        "robot_code": robot,
        "msg_template_id": template,
        "msg_param_map": compact(param),
    }
    answer = await client.oapi("POST", PATH, body=body)
    if answer.get("success") is False:
        raise failure(word(answer, "errcode") or "group_template.refused")
    return Sent(word(answer, "open_msg_id"))


def template_message(message: OutboundMessage) -> tuple[str, dict[str, str]]:
    """The ``msg_template_id`` and its parameters: Markdown, or an ActionCard with up to four links."""
    links, title = link_buttons(message)[:MOST_BUTTONS], cut(message.title, TITLE_BYTES)
    if not links:
        return "inner_app_template_markdown", _with_text({"title": title}, "markdown_content", message)
    param = {"title": title, "btn_orientation": "0"}
    for number, link in enumerate(links, start=1):
        param |= {f"btn_title_{number}": link.text, f"action_url_{number}": link.url}
    return "inner_app_template_action_card", _with_text(param, "markdown", message)


def _with_text(param: dict[str, Any], name: str, message: OutboundMessage) -> dict[str, str]:
    room = PARAM_BYTES - len(compact({**param, name: ""}).encode())
    return {**param, name: cut_in_json(markdown_text(message, buttons=MOST_BUTTONS), room)}
