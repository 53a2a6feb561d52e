"""What ``suicha doctor`` says about a WeCom app: each setting, what was seen, and where to click.

Nothing is sent to anybody: cards and robot are asked with requests that must be refused, and how they are refused
tells whether they would work.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import msgspec

from bot.core.config_wecom import WeComSettings
from bot.platforms.base import CheckResult, PlatformError
from bot.platforms.wecom.client import WeComClient
from bot.platforms.wecom.crypto import BadKey, decode_key, seal, signature
from bot.platforms.wecom.wire import Wire

if TYPE_CHECKING:
    from bot.platforms.wecom.app import WeComPlatform

_SKEW = 300.0  # seconds; a window of callbacks and the life of tokens bear this much
_JSON = {"Content-Type": "application/json"}
_APP = "管理后台 → 应用管理 → 该应用"
_IP = re.compile(r"from ip: ([0-9a-fA-F.:]+)")
_ROUTE = "suicha wecom callback"  # what the callback's address says to a plain GET


async def examine(app: WeComPlatform) -> list[CheckResult]:
    """Every check in the order in which they depend on each other. Raises nothing that WeCom answers."""
    access = await _access(app.client)
    return [
        access,
        await _trusted(app.client),
        await _callback(app),
        *([await _cards(app)] if access.ok and app.settings.template_cards else []),
        await _robot(app.settings, app.wire),
        *([await _downstream(app)] if app.downstream is not None else []),
        clock_line(app.wire),
    ]


async def _access(client: WeComClient) -> CheckResult:
    try:
        await client.token()
    except PlatformError as error:
        return CheckResult("企业微信凭证", False, f"取 access_token 失败：{error}", _advice(error))
    return CheckResult("企业微信凭证", True, "CorpID 与 Secret 有效")


async def _trusted(client: WeComClient) -> CheckResult:
    try:
        tree = await client.call("GET", "getcallbackip")
    except PlatformError as error:
        return CheckResult("企业微信接口", False, f"调用接口失败：{error}", _advice(error))
    return CheckResult("企业微信接口", True, f"可以调用，回调来自 {len(tree.get('ip_list', []))} 个地址段")


async def _callback(app: WeComPlatform) -> CheckResult:
    """Do to our own address what saving the console's form does: through the proxy, the TLS and the firewall."""
    name = "企业微信回调"
    try:
        decode_key(app.keys.aes_key)
    except BadKey:
        return CheckResult(
            name, False, "EncodingAESKey 解不开", f"{_APP} → 接收消息 → 设置 API 接收，重新复制。"
        )
    if not app.callback_url:
        return CheckResult(name, True, "Token 与 EncodingAESKey 已设置（没有从外面试过）")
    where = f"{_APP} → 接收消息 → 设置 API 接收，URL 填 {app.callback_url}"
    try:
        found = await app.wire.exchange("GET", app.callback_url, most=4096)
        if found.body.decode(errors="replace").strip() != _ROUTE:
            advice = f"这个地址打开的不是随查：检查反向代理，把 /hooks/ 原样转给随查，不要回网页。{where}"
            return CheckResult(name, False, "地址能打开，但回答的是别的页面", advice)
        echo = str(secrets.randbelow(10**16)).encode()
        answer = await app.wire.exchange("GET", app.callback_url, params=_sealed(app, echo), most=4096)
    except PlatformError as error:
        advice = f"从这台机器打不开自己的对外地址：检查 SUICHA_PUBLIC_URL、域名、证书和防火墙。{where}"
        return CheckResult(name, False, f"{app.callback_url} 打不开：{error.code}", advice)
    if answer.body != echo:
        advice = f"正在运行的随查用的 Token 或 EncodingAESKey 与这里不同：重启随查，再{where}，点保存。"
        return CheckResult(name, False, "能打开，但解不开校验消息", advice)
    return CheckResult(name, True, "从外面可以打开，校验消息能解开")


def _sealed(app: WeComPlatform, echo: bytes) -> dict[str, str]:
    keys = app.keys
    sealed = seal(echo, aes_key=keys.aes_key, receive_id=keys.receive_id, prefix=secrets.token_bytes(16))
    stamp, nonce = str(int(app.now().timestamp())), secrets.token_hex(6)
    signed = signature(keys.token, stamp, nonce, sealed)
    return {"msg_signature": signed, "timestamp": stamp, "nonce": nonce, "echostr": sealed}


async def _cards(app: WeComPlatform) -> CheckResult:
    """Update a card that does not exist: 60140 means that cards would work."""
    name = "企业微信卡片"
    body = {
        "userids": ["suicha-doctor"], "agentid": app.settings.agent_id, "response_code": "suicha-doctor",
        "button": {"replace_name": "检查"},
    }  # fmt: skip
    try:
        data = msgspec.json.encode(body)
        await app.client.call("POST", "message/update_template_card", data=data, headers=_JSON)
    except PlatformError as error:
        if error.code == "43012":
            advice = f"{_APP} → 接收消息 → 设置 API 接收，保存成功后卡片才能点。"
            return CheckResult(name, False, "应用还没有回调地址，卡片按钮点不了", advice)
        if error.code != "60140":
            return CheckResult(name, False, f"卡片接口：{error}", _advice(error))
    return CheckResult(name, True, "可以发送和更新带按钮的卡片")


async def _robot(settings: WeComSettings, wire: Wire) -> CheckResult:
    """Post nothing of a kind that does not exist: 40008 means that the key is right."""
    line = robot_line(settings)
    if not line.ok or settings.group_robot_url is None:
        return line
    body = msgspec.json.encode({"msgtype": "suicha-doctor"})
    try:
        answer = await wire.exchange(
            "POST", settings.group_robot_url.get_secret_value(), data=body, headers=_JSON
        )
    except PlatformError as error:
        return CheckResult(line.name, False, f"连不上：{error.code}", _advice(error))
    if answer.errcode in (93000, 93004, 93008):
        advice = "在群里：右上角 … → 群机器人（消息推送）→ 添加，整段复制 Webhook 地址到 GROUP_ROBOT_URL。"
        return CheckResult(line.name, False, f"机器人已失效（{answer.errcode}）", advice)
    return CheckResult(line.name, True, "已设置，地址有效")


async def _downstream(app: WeComPlatform) -> CheckResult:
    assert app.downstream is not None
    try:
        corps = await app.downstream.refresh()
    except PlatformError as error:
        return CheckResult("企业微信上下游", False, f"读不到共享的企业：{error}", _advice(error))
    advice = "管理后台 → 应用管理 → 上下游 → 共享应用，选择企业；对方管理员还要确认权限。"
    return CheckResult("企业微信上下游", bool(corps), f"应用已共享给 {len(corps)} 家企业", advice)


def robot_line(settings: WeComSettings) -> CheckResult:
    """What can be said of the group robot without asking it."""
    if settings.group_robot_url is None:
        return CheckResult("企业微信群机器人", True, "未设置，通报不发群")
    if "key=" not in settings.group_robot_url.get_secret_value():
        advice = "在群里：右上角 … → 群机器人（消息推送）→ 添加，整段复制它的 Webhook 地址。"
        return CheckResult("企业微信群机器人", False, "地址里没有 key", advice)
    return CheckResult("企业微信群机器人", True, "已设置")


def clock_line(wire: Wire) -> CheckResult:
    if wire.skew is None:
        return CheckResult("时钟", False, "没有连上企业微信，无从比较", "先解决上面的问题。")
    seen = f"与企业微信相差 {abs(wire.skew):.0f} 秒"
    fine = abs(wire.skew) <= _SKEW
    advice = "" if fine else "请启用时间同步：timedatectl set-ntp true。"
    return CheckResult("时钟", fine, seen, advice)


def _advice(error: PlatformError) -> str:
    """The code's advice; for an untrusted address with the address that WeCom saw."""
    seen = _IP.search(error.detail)
    if error.code == "60020" and seen:
        return f"{_APP} → 企业可信IP，填 {seen[1]}（先要有可信域名或已验证的回调地址），约一分钟生效。"
    return error.advice
