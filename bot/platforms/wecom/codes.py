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

_CODES: dict[Verdict, tuple[int, ...]] = {
    # passes by itself
    _BUSY: (-1, 6000),
    Verdict(ErrorClass.QUOTA, 60.0, "调用过于频繁，等一分钟后自动继续。"): (45009,),
    Verdict(ErrorClass.QUOTA, 10.0, "并发过高，稍后自动继续。"): (45033,),
    _TOKEN: (40014, 42001, 40001),
    # our request
    _bug("请求缺少参数，请把错误码报给维护者。"): (41001, 41002, 41004, 41009),
    _PARAMETER: (40008, 40035, 40058, 40063),
    _bug("请求里有 \\u 转义，应直接发 UTF-8；请把错误码报给维护者。"): (40033,),
    _bug("消息没有内容，请把错误码报给维护者。"): (44004,),
    _TOO_LONG: (45002,),
    _bug("图文超过 8 条，请把错误码报给维护者。"): (45008,),
    _bug("语音超过 60 秒。"): (45007,),
    _bug("媒体文件超过大小上限（图片 10 MB、文件 20 MB）。"): (45001,),
    _bug("媒体文件是空的。"): (44001,),
    _bug("媒体文件的类型不对。"): (40004, 40005),
    _bug("小程序通知的内容不合规（条数、长度或小程序未关联）。"): tuple(range(90200, 90209)),
    _bug("内容没有通过企业微信的安全检查，请修改文字。"): (40201,),
    _bug("媒体文件不存在或已过三天。"): (40007,),
    _bug("文件太大，要分段下载。"): (830002,),
    _bug("一次发送的接收人过多（成员 1000，部门、标签各 100）。"): (40032, 82002, 82003),
    # settings: stop the channel and tell the operator
    _SECRET: (40091,),
    _channel("应用已停用：管理后台 → 应用管理 → 该应用，重新启用。"): (50003,),
    _channel("CorpID 不对：管理后台 → 我的企业 → 企业信息 → 企业 ID。"): (40013, 2000002),
    _channel("AgentId 不对，或 Secret 属于另一个应用：核对两者同属一个应用。"): (40056, 301002),
    _channel("应用没有这个接口的权限：管理后台 → 应用管理 → 该应用 → 接口权限。"): (48002,),
    _channel("应用的授权已失效：请管理员重新授权。"): (48004,),
    _channel("本机出口 IP 不可信：管理后台 → 应用管理 → 该应用 → 企业可信IP，加入后约一分钟生效。"): (60020,),
    _channel("模板卡片需要回调地址：管理后台 → 应用管理 → 该应用 → 接收消息 → 设置 API 接收。"): (43012,),
    _channel("企业尚未认证，接口不可用：管理后台 → 我的企业 → 企业信息 → 认证。"): (43009,),
    # somebody who cannot be reached
    _NO_RECEIVER: (40003, 40031, 60111, 301021, 82001, 81012, 81013, 92000, 60011, 50002),
    _recipient("没有这个手机号的成员，或不在应用可见范围。"): (46004,),
    _recipient("部门不存在或不在可见范围。"): (40066, 60003, 60123),
    _recipient("标签不存在。"): (40068, 81003, 81011),
    _recipient("此人没有绑定微信。"): (43004,),
    _recipient("没有外部联系人关系。"): (84061, 40096, 41048),
    Verdict(ErrorClass.CARD, advice="卡片已更新过或超过 72 小时，改发一条新消息。"): (60140,),
    # H5
    _recipient("登录凭证已用过或超过五分钟：请回到企业微信重新打开页面。"): (40029, 40078, 84014),
    _channel("网页授权的域名不对：管理后台 → 应用管理 → 该应用 → 网页授权及 JS-SDK，填对外地址的域名。"): (
        50001,
        80001,
    ),
    _channel("JS-SDK 签名不对：核对可信域名与当前页面地址、本机时间。"): (40093,),
    _channel("JS-SDK 的票据类型不对：企业与应用的票据不能混用。"): (42012, 91040),
    # groups and robots
    _bug("群聊不存在，或不是本应用建的。"): (86001, 86003, 86217, 86220, 86224),
    _channel("群机器人的地址失效：在群里重新添加机器人，更新 GROUP_ROBOT_URL。"): (93000,),
    _channel("群机器人被停用：在群里启用，或重新添加后更新 GROUP_ROBOT_URL。"): (93004,),
    _channel("机器人已不在群里：重新添加后更新 GROUP_ROBOT_URL。"): (93008,),
    # smart bot
    _channel("Bot ID 或 Secret 不对：管理后台 → 智能机器人 → API 模式 → 使用长连接，重新抄写。"): (853000,),
    Verdict(ErrorClass.CARD, advice="这条消息已不能再回复，改为主动推送。"): (846605, 846608),
    Verdict(ErrorClass.RETRY, 3.0, "长连接要重新订阅，稍后自动重试。"): (846609,),
    # WeChat customer service
    _channel("客服账号不对。"): (95000,),
    _recipient("超过 48 小时或 5 条的限制，等对方再发消息。"): (95001, 95002),
}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes}
TOKEN_CODES = frozenset(_CODES[_TOKEN])


def verdict(code: int, *, asking_for_token: bool = False) -> Verdict:
    """What *code* means. 40001 is a wrong secret when asking for a token, and a dead token elsewhere."""
    if asking_for_token and code == 40001:
        return _SECRET
    return _VERDICTS.get(code) or _bug(f"未列入的错误码，见 open.work.weixin.qq.com/devtool/query?e={code}")


def table() -> dict[int, Verdict]:
    """Every code that is known, for the guide and the tests."""
    return dict(_VERDICTS)


def error(code: int, detail: str, *, asking_for_token: bool = False) -> PlatformError:
    """The PlatformError for an answer whose ``errcode`` is *code*. *detail* must hold no secrets."""
    found = verdict(code, asking_for_token=asking_for_token)
    return PlatformError(str(code), detail, cls=found.cls, retry_after=found.retry_after, advice=found.advice)
