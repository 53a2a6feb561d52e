"""What ``suicha doctor`` says about the DingTalk settings: what was seen, and where to click if it is wrong.

Nothing is sent to anybody. The Stream ticket that is asked for expires; two calls are made that must be refused,
because their refusal tells whether robot and cards are allowed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.core.clock import Clock
from bot.core.config_dingtalk import DingTalkSettings
from bot.platforms.base import CheckResult, PlatformError
from bot.platforms.dingtalk.client import DingTalkClient
from bot.platforms.dingtalk.connection import open_connection
from bot.platforms.dingtalk.fields import items, nested
from bot.platforms.dingtalk.h5 import H5

CONSOLE = "开发者后台 → 应用开发 → 该应用"
CLICKS = {  # by the name of the line
    "应用凭证": f"{CONSOLE} → 凭证与基础信息：核对 Client ID 与 Client Secret。",
    "可见范围": f"{CONSOLE} → 版本管理与发布 → 可见范围：加上全体检查人员，重新发布。",
    "通讯录权限": f"{CONSOLE} → 权限管理：开通「通讯录部门、成员信息读权限」。",
    "机器人": f"{CONSOLE} → 添加应用能力 → 机器人：核对机器人编码并发布；权限管理开通 qyapi_robot_sendmsg。",
    "Stream 推送": f"{CONSOLE} → 机器人 → 消息接收模式选 Stream 并发布；服务器要能连出 443 端口。",
    "卡片权限": f"{CONSOLE} → 权限管理：开通 Card.Instance.Write。",
    "网页登录与定位": f"{CONSOLE} → 凭证与基础信息：填写 CorpId 与 AgentId；安全设置里加 JSAPI 安全域名。",
}
SKEW = 300.0  # seconds; a robot's signature is refused at an hour
REFUSED_AS_HOPED = ("invalidParameter.downloadCode", "param.cardNotExist")


async def check_all(
    settings: DingTalkSettings, client: DingTalkClient, *, clock: Clock, h5: H5, public_url: str
) -> list[CheckResult]:
    """One line for each thing an installation needs."""
    look = _Look(settings, client, clock, h5)
    lines = [await _tried("应用凭证", look.credentials)]
    if not lines[0].ok:  # everything else would fail for the same reason
        return [*lines, _robot_line(settings)]
    lines += [await _tried("可见范围", look.scope), await _tried("通讯录权限", look.contacts)]
    lines.append(await _tried("机器人", look.robot))
    lines.append(
        await _tried("Stream 推送", look.stream) if settings.stream else _hooks_line(settings, public_url)
    )
    if settings.card_template:
        lines.append(await _tried("卡片权限", look.cards))
    lines.append(_card_line(settings))
    if settings.corp_id and settings.agent_id:
        lines.append(await _tried("网页登录与定位", look.pages))
    return [*lines, await look.clock_line(), _robot_line(settings), _quota_line(settings)]


class _Look:
    """Each look returns what was seen, or raises PlatformError."""

    def __init__(self, settings: DingTalkSettings, client: DingTalkClient, clock: Clock, h5: H5) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._h5 = h5

    async def credentials(self) -> str:
        await self._client.oapi("GET", "/auth/scopes")
        return "Client ID 与 Secret 有效"

    async def scope(self) -> str:
        scopes = nested((await self._client.oapi("GET", "/auth/scopes")).get("auth_org_scopes"))
        departments, members = (len(items(scopes.get(name))) for name in ("authed_dept", "authed_user"))
        if not departments and not members:
            raise PlatformError("scope.empty")
        return f"{departments} 个部门、{members} 名成员"

    async def contacts(self) -> str:
        answer = await self._client.oapi("POST", "/topapi/v2/department/listsub", body={"dept_id": 1})
        return f"读得到，下级部门 {len(items(answer.get('result')))} 个"

    async def robot(self) -> str:
        body = {"downloadCode": "suicha-doctor", "robotCode": self._settings.robot}
        await self._refused_well(self._client.api("POST", "/v1.0/robot/messageFiles/download", body=body))
        return f"机器人编码 {self._settings.robot} 可用"

    async def stream(self) -> str:
        return f"已取得连接地址 {(await open_connection(self._settings, self._client)).host}"

    async def cards(self) -> str:
        body = {"outTrackId": "suicha-doctor", "cardData": {"cardParamMap": {"title": "doctor"}}}
        await self._refused_well(self._client.api("PUT", "/v1.0/card/instances", body=body))
        return "可以更新卡片"

    async def pages(self) -> str:
        await self._h5.config("https://suicha.invalid/")
        return "可以签名 JSAPI"

    async def clock_line(self) -> CheckResult:
        theirs = await self._client.date()
        if theirs is None:
            return CheckResult("时钟", True, "平台没有报时，未比较")
        off = (self._clock.now() - theirs).total_seconds()
        return CheckResult(
            "时钟", abs(off) <= SKEW, f"与钉钉相差 {off:.0f} 秒", "校准服务器时间（如 chrony）。"
        )

    async def _refused_well(self, call: Awaitable[Any]) -> None:
        """The call must get past permission and robot code, to what we made up."""
        try:
            await call
        except PlatformError as error:
            if error.code not in REFUSED_AS_HOPED:
                raise


async def _tried(name: str, look: Callable[[], Awaitable[str]]) -> CheckResult:
    try:
        return CheckResult(name, True, await look())
    except PlatformError as error:
        advice = " ".join(part for part in (error.advice, CLICKS[name]) if part)
        return CheckResult(name, False, f"失败：{error.code}", advice)


def _hooks_line(settings: DingTalkSettings, public_url: str) -> CheckResult:
    advice = f"{CONSOLE} → 机器人、事件订阅：填写回调地址；SUICHA_PUBLIC_URL 要是公网 https。"
    parts = [
        "机器人",
        *(["事件"] if settings.event_token else []),
        *(["卡片"] if settings.card_secret else []),
    ]
    return CheckResult("HTTP 回调", public_url.startswith("https://"), f"接收{'、'.join(parts)}回调", advice)


def _card_line(settings: DingTalkSettings) -> CheckResult:
    advice = "开发者后台 → 开放能力 → 卡片平台：发布模板，复制以 .schema 结尾的模板 ID。"
    if not settings.card_template:
        return CheckResult("互动卡片", True, "未设置模板：消息用链接按钮，不能在卡片上直接点选", advice)
    fine = settings.card_template.endswith(".schema")
    return CheckResult("互动卡片", fine, f"模板 {settings.card_template}", advice)


def _robot_line(settings: DingTalkSettings) -> CheckResult:
    if settings.group_robot_url is None:
        other = "；由应用机器人通报" if settings.group_conversation else "：不向群里发通报"
        return CheckResult("群机器人", True, f"未设置{other}")
    secret = settings.group_robot_secret
    if secret is not None and not secret.get_secret_value().startswith("SEC"):
        advice = "群设置 → 机器人 → 该机器人 → 安全设置：复制加签密钥。"
        return CheckResult("群机器人", False, "加签密钥不是以 SEC 开头", advice)
    guard = "加签" if secret else "关键词" if settings.group_robot_keyword else "IP 校验"
    spare = "" if settings.group_conversation else "；没有后备，被删除后通报就没有了"
    return CheckResult("群机器人", True, f"已设置（{guard}）{spare}")


def _quota_line(settings: DingTalkSettings) -> CheckResult:
    calls, pushes = settings.budgets
    return CheckResult("每月额度", True, f"接口 {calls:,} 次、推送 {pushes:,} 次；用量见 suicha limits show")
