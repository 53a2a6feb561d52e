"""What ``suicha doctor`` says about the DingTalk settings: what was seen, and what to click if wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import CheckResult, PlatformError
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.connection import open_connection


async def check_all(settings: DingTalkSettings, client: DingTalkClient) -> list[CheckResult]:
    """One line per setting. Sends nothing; the Stream ticket that is asked for simply expires."""

    async def scope() -> str:
        scopes = (await client.oapi("GET", "/auth/scopes")).get("auth_org_scopes")
        seen = scopes if isinstance(scopes, dict) else {}
        departments, members = (len(seen.get(name, ())) for name in ("authed_dept", "authed_user"))
        return f"可见范围：{departments} 个部门、{members} 名成员"

    async def stream() -> str:
        return f"已取得连接地址 {(await open_connection(settings, client)).host}"

    lines = [await _tried("应用凭证与可见范围", scope)]
    if settings.stream:
        lines.append(await _tried("Stream 推送", stream))
    return [*lines, _card_line(settings), _robot_line(settings)]


async def _tried(name: str, look: Callable[[], Awaitable[str]]) -> CheckResult:
    try:
        return CheckResult(name, True, await look())
    except PlatformError as error:
        advice = error.advice or "检查服务器到钉钉的网络与代理设置。"
        return CheckResult(name, False, f"失败：{error.code}", advice)


def _card_line(settings: DingTalkSettings) -> CheckResult:
    if settings.card_template:
        return CheckResult("互动卡片", True, f"模板 {settings.card_template}")
    seen = "未设置模板：消息用链接按钮，不能在卡片上直接点选"
    return CheckResult("互动卡片", True, seen, "到卡片平台发布模板并填写模板 ID。")


def _robot_line(settings: DingTalkSettings) -> CheckResult:
    if settings.group_robot_url is None:
        return CheckResult("群机器人", True, "未设置：不向群里发通报")
    secret = settings.group_robot_secret
    if secret is not None and not secret.get_secret_value().startswith("SEC"):
        advice = "在群机器人「安全设置」里复制加签密钥。"
        return CheckResult("群机器人", False, "加签密钥不是以 SEC 开头", advice)
    return CheckResult("群机器人", True, "已设置" + ("（加签）" if secret else "（关键词或 IP 校验）"))
