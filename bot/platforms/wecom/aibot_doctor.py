"""What ``suicha doctor`` says about a smart bot. It never opens a second socket beside a running service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.platforms.base import CheckResult
from bot.platforms.wecom.doctor import clock_line, robot_line

if TYPE_CHECKING:
    from bot.platforms.wecom.aibot import SmartBot

_CONNECT = 8.0  # seconds
_ELSEWHERE = "智能机器人在别处连上了：同一个机器人只能有一个长连接。停掉另一个程序，再重启随查。"
_REFUSED = "管理后台 → 智能机器人 → API 模式 → 使用长连接，重新抄写 Bot ID 和 Secret。"
_NETWORK = "检查本机能否访问 BOT__WS_URL（默认 wss://openws.work.weixin.qq.com，443 端口）、代理与证书。"


async def examine_bot(bot: SmartBot, *, patience: float = _CONNECT) -> list[CheckResult]:
    """The socket and the group. Raises nothing."""
    return [
        await _socket(bot, patience),
        robot_line(bot.settings),
        *([clock_line(bot.wire)] if bot.robot else []),
    ]


async def _socket(bot: SmartBot, patience: float) -> CheckResult:
    name = "企业微信智能机器人"
    socket = bot.socket
    opened = socket.start()
    try:
        async with asyncio.timeout(patience):
            await socket.settled.wait()
    except TimeoutError:
        if not socket.holding:
            return CheckResult(name, True, "长连接由正在运行的随查占用")
        return CheckResult(name, False, "长连接没有连上", _NETWORK)
    finally:
        if opened:
            await socket.close()
    if socket.ended == "displaced":
        return CheckResult(name, False, "长连接被顶替", _ELSEWHERE)
    if socket.ended:
        return CheckResult(name, False, "Bot ID 或 Secret 不对", _REFUSED)
    return CheckResult(name, True, "长连接已订阅")
