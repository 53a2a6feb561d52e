"""WeCom's error codes as decisions. Pure. Sheet section 8.3; the official list is document 90313."""

from __future__ import annotations

from dataclasses import dataclass

from bot.platforms.base import ErrorClass, PlatformError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a code: class, seconds before a retry, and zh-CN words for the operator."""

    cls: ErrorClass
    retry_after: float = 0.0
    advice: str = ""


def _bug(advice: str) -> Verdict:
    return Verdict(ErrorClass.BUG, advice=advice)


def _recipient(advice: str) -> Verdict:
    return Verdict(ErrorClass.RECIPIENT, advice=advice)


def _channel(advice: str) -> Verdict:
    return Verdict(ErrorClass.CHANNEL, advice=advice)


_BUSY = Verdict(ErrorClass.RETRY, 2.0, "企业微信繁忙，稍后自动重试。")
_TOKEN = Verdict(ErrorClass.TOKEN, 5.0, "access_token 刷新后仍被拒绝，检查是否有别的程序在用同一个 Secret。")
_SECRET = _channel("Secret 不对或应用已停用：管理后台 → 应用管理 → 该应用，重新查看 Secret。")
_PARAMETER = _bug("请求内容不合规，请把错误码报给维护者。")
_NO_RECEIVER = _recipient("接收人不存在或不在应用可见范围：管理后台 → 应用 → 可见范围，把此人加进去。")
_TOO_LONG = _bug("内容超长，请把错误码报给维护者。")
_ROBOT = _channel("群机器人的地址失效或被停用：在群里重新添加机器人，更新 group_robot_url。")

_CODES: dict[Verdict, tuple[int, ...]] = {
    _BUSY: (-1, 6000),
    Verdict(ErrorClass.QUOTA, 60.0, "调用过于频繁，等一分钟后自动继续。"): (45009,),
    Verdict(ErrorClass.QUOTA, 10.0, "并发过高，稍后自动继续。"): (45033,),
    _TOKEN: (40014, 42001, 40001),
    _bug("请求缺少参数，请把错误码报给维护者。"): (41001, 41002, 41004, 41009),
    _SECRET: (40091, 50003),
    _channel("CorpID 不对：管理后台 → 我的企业 → 企业ID。"): (40013, 2000002),
    _channel("AgentId 不对，或 Secret 属于另一个应用：核对两者同属一个应用。"): (40056, 301002),
    _channel("应用没有调用这个接口的权限，或授权已失效。"): (48002, 48004),
    _channel("本机出口 IP 不可信：管理后台 → 应用 → 企业可信IP，加入后约一分钟生效。"): (60020,),
    _channel("模板卡片需要回调地址：管理后台 → 应用 → 接收消息，先设置 API 接收。"): (43012,),
    _channel("企业尚未认证，接口不可用。"): (43009,),
    _NO_RECEIVER: (40003, 40031, 60111, 46004, 301021, 82001, 81012, 81013, 92000, 60011, 50002),
    _recipient("部门或标签不存在。"): (40066, 60003, 60123, 40068),
    _recipient("此人未关注或没有外部联系人关系。"): (43004, 84061, 40096),
    _bug("一次发送的接收人过多。"): (40032, 82002, 82003),
    _PARAMETER: (40008, 40033, 40035, 40058, 40063, 44004, 45008, 40201),
    _TOO_LONG: (45002,),
    _bug("媒体文件的类型或大小不合规。"): (45007, 45001, 44001, 40004, 40005, 830002),
    _bug("媒体文件不存在或已过三天。"): (40007,),
    Verdict(ErrorClass.CARD, advice="卡片已更新过或超过 72 小时，改发一条新消息。"): (60140,),
    _ROBOT: (93000, 93004, 93008),
}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes}
TOKEN_CODES = frozenset(_CODES[_TOKEN])


def verdict(code: int, *, asking_for_token: bool = False) -> Verdict:
    """What *code* means. 40001 is a wrong secret when asking for a token, and a dead token elsewhere."""
    if asking_for_token and code == 40001:
        return _SECRET
    return _VERDICTS.get(code) or _bug(f"未列入的错误码，见 open.work.weixin.qq.com/devtool/query?e={code}")


def error(code: int, detail: str, *, asking_for_token: bool = False) -> PlatformError:
    """The PlatformError for an answer whose ``errcode`` is *code*. *detail* must hold no secrets."""
    found = verdict(code, asking_for_token=asking_for_token)
    return PlatformError(str(code), detail, cls=found.cls, retry_after=found.retry_after, advice=found.advice)
