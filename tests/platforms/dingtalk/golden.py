"""One message for every road a DingTalk message takes, in each of its shapes.

``python -m tests.platforms.dingtalk.golden`` writes ``tests/samples/dingtalk/golden`` anew; read the difference.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.platforms.base import Button, OutboundMessage
from bot.platforms.dingtalk import cards, media
from bot.platforms.dingtalk.group_template import template_message

FOLDER = Path(__file__).resolve().parents[2] / "samples" / "dingtalk" / "golden"
SITE = "https://suicha.example.gov.cn"
TASK = OutboundMessage(
    title="检查任务待接收",
    body="请核对**云溪县幸福超市**。\n1. 先看检查表\n2. 出示执法证件",
    facts=(("检查对象", "云溪县幸福超市"), ("同伴", "李检查"), ("期限", "03月31日")),
    buttons=(
        Button("收到", action="accept|visit:7|1", style="primary"),
        Button("申请回避", action="recuse|visit:7|1"),
        Button("不能参加", action="cannot_attend|visit:7|1", style="danger"),
        Button("打开检查表", url=f"{SITE}/form/t42"),
    ),
    card_id="visit-7-u1001",
    key="n7",
)
PLAIN = OutboundMessage(
    "检查通报", "本周完成率 **71%**。\n\n> 还有 3 户未开始", facts=(("逾期", "1 户"),), key="n8"
)
LINK = replace(PLAIN, buttons=(Button("看通报", url=f"{SITE}/public/b/1"),))
LINKS = replace(
    PLAIN, buttons=tuple(Button(f"第{number}户", url=f"{SITE}/form/t{number}") for number in range(1, 6))
)
CLOSED = replace(TASK, done="已接收 03-10 09:31")


def every() -> dict[str, dict[str, Any]]:
    """By name: the body that leaves, or the part of it that holds the message."""
    made: dict[str, dict[str, Any]] = {
        "card-open": cards.create_and_deliver(
            TASK, user_id="u1001", template="0b1c.schema", robot_code="dingkey"
        ),
        "card-over-http": cards.create_and_deliver(
            TASK, user_id="u1001", template="0b1c.schema", robot_code="dingkey", route="suicha"
        ),
        "card-closed": cards.card_update(TASK.card_id, CLOSED),
        "webhook-plain": cards.webhook_message(PLAIN, uuid="n8"),
        "webhook-link": cards.webhook_message(LINK),
        "webhook-links": cards.webhook_message(LINKS),
        "webhook-to-somebody": cards.webhook_message(LINK, at="u1001"),
        "webhook-keyword": cards.webhook_message(PLAIN, keyword="随查"),
        "notice-plain": cards.work_notice(PLAIN),
        "notice-link": cards.work_notice(LINK),
        "notice-links": cards.work_notice(LINKS),
    }
    made |= {
        f"group-{name}": _group_template(message) for name, message in (("plain", PLAIN), ("links", LINKS))
    }
    for name, file in (("file", "检查通知书.pdf"), ("image", "现场.jpg")):
        key, param = media.shown(file, "@media-1")
        made[f"robot-{name}"] = {"msgKey": key, "msgParam": param}
    for name, message in (
        ("plain", PLAIN),
        ("link", LINK),
        ("links", LINKS),
        ("neutral", cards.neutral(LINK)),
    ):
        key, param = cards.robot_message(message)
        made[f"robot-{name}"] = {"msgKey": key, "msgParam": param}
    return made


def _group_template(message: OutboundMessage) -> dict[str, Any]:
    template, param = template_message(message)
    return {"msg_template_id": template, "msg_param_map": param}


def as_text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, body in every().items():
        (FOLDER / f"{name}.json").write_text(as_text(body), encoding="utf-8")
