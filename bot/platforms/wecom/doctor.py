"""What ``suicha doctor`` says about a WeCom app: each setting, what was seen, and where to click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.core.config_wecom import WeComSettings
from bot.platforms.base import CheckResult, PlatformError
from bot.platforms.wecom.client import WeComClient
from bot.platforms.wecom.crypto import BadKey, decode_key
from bot.platforms.wecom.wire import Wire

if TYPE_CHECKING:
    from bot.platforms.wecom.app import WeComPlatform

_SKEW = 300.0  # seconds; a window of callbacks and the life of tokens bear this much


async def examine(app: WeComPlatform) -> list[CheckResult]:
    """Ask for a token and the callback addresses, and look at the rest. Raises nothing that WeCom answers."""
    settings, client, wire = app.settings, app.client, app.wire
    return [
        await _access(client),
        await _trusted(client),
        _callback(settings),
        robot_line(settings),
        clock_line(wire),
    ]


async def _access(client: WeComClient) -> CheckResult:
    try:
        await client.token()
    except PlatformError as error:
        return CheckResult("企业微信凭证", False, f"取 access_token 失败：{error}", error.advice)
    return CheckResult("企业微信凭证", True, "CorpID 与 Secret 有效")


async def _trusted(client: WeComClient) -> CheckResult:
    try:
        tree = await client.call("GET", "getcallbackip")
    except PlatformError as error:
        return CheckResult("企业微信接口", False, f"调用接口失败：{error}", error.advice)
    return CheckResult("企业微信接口", True, f"可以调用，回调来自 {len(tree.get('ip_list', []))} 个地址段")


def _callback(settings: WeComSettings) -> CheckResult:
    try:
        decode_key(settings.aes_key.get_secret_value())
    except BadKey:
        advice = "管理后台 → 应用 → 接收消息 → 设置 API 接收，重新复制。"
        return CheckResult("企业微信回调", False, "EncodingAESKey 解不开", advice)
    return CheckResult("企业微信回调", True, "Token 与 EncodingAESKey 已设置")


def robot_line(settings: WeComSettings) -> CheckResult:
    if settings.group_robot_url is None:
        return CheckResult("企业微信群机器人", True, "未设置，通报不发群")
    if "key=" not in settings.group_robot_url.get_secret_value():
        advice = "在群里添加机器人，整段复制它的 Webhook 地址。"
        return CheckResult("企业微信群机器人", False, "地址里没有 key", advice)
    return CheckResult("企业微信群机器人", True, "已设置")


def clock_line(wire: Wire) -> CheckResult:
    if wire.skew is None:
        return CheckResult("时钟", False, "没有连上企业微信，无从比较", "先解决上面的问题。")
    seen = f"与企业微信相差 {abs(wire.skew):.0f} 秒"
    fine = abs(wire.skew) <= _SKEW
    return CheckResult("时钟", fine, seen, "" if fine else "请启用时间同步。")
