"""What the platforms can do, as a table: ``python -m tests.platforms.table`` prints it for docs/platforms.md."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path

from bot.core.clock import CHINA, ManualClock
from bot.platforms.base import Capabilities, Limit, Scope
from bot.platforms.shared import Budget
from tests.platforms.pairs import PAIRS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "platforms.md"
_SCOPES = {
    Scope.PERSON: "每人",
    Scope.CONVERSATION: "每群",
    Scope.ROBOT: "每个群机器人",
    Scope.APP: "每个应用",
    Scope.CORP: "每个企业",
}


def _yes(flag: bool) -> str:
    return "是" if flag else "否"


def _limits(limits: tuple[Limit, ...]) -> str:
    return "；".join(f"{_SCOPES[one.scope]} {one.seconds:g} 秒 {one.count} 条" for one in limits) or "无"


def _budgets(able: Capabilities) -> str:
    words = {Budget.CALLS: "接口调用", Budget.PUSHES: "推送"}
    return "；".join(f"{words[budget]} {count:,}" for budget, count in able.budgets) or "不限"


ROWS: dict[str, Callable[[Capabilities], str]] = {
    "按钮可以直接点选（回传）": lambda able: _yes(able.cards),
    "卡片可以原地更新": lambda able: _yes(able.card_updates),
    "同一卡片重发只显示一次": lambda able: _yes(able.resend_is_safe),
    "普通消息重发只显示一次": lambda able: _yes(able.plain_resend_is_safe),
    "查得到已读": lambda able: _yes(able.read_receipts),
    "可以撤回": lambda able: _yes(able.recall),
    "收得到照片和文件": lambda able: _yes(able.media),
    "可以向群里通报": lambda able: _yes(able.group_robot),
    "一次最多发给": lambda able: f"{able.batch} 人",
    "一条消息最多按钮": lambda able: str(able.max_buttons),
    "正文最长": lambda able: f"{able.body_bytes:,} 字节",
    "发送频率上限": lambda able: _limits(able.limits),
    "每月额度（最低版本）": _budgets,
}


async def table(clock: ManualClock) -> str:
    """One row for each flag, one column for each way of talking to people."""
    able: dict[str, Capabilities] = {}
    for name, open_pair in PAIRS.items():
        async with open_pair(clock) as pair:
            able[name] = pair.platform.capabilities
    head = ["能力", *able]
    lines = [head, ["---"] * len(head)]
    lines += [[label, *(say(one) for one in able.values())] for label, say in ROWS.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    print(asyncio.run(table(ManualClock(dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)))))  # noqa: T201
