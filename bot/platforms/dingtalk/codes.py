"""What DingTalk's error codes mean for a send: data, and one look-up.

Sheet: sections 1.6, 4.5, 5.2, 10.2 and 10.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.platforms.base import ErrorClass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a code: its class, seconds to wait, and a sentence for the administrator."""

    cls: ErrorClass
    retry_after: float = 0.0
    advice: str = ""


_TOKEN = Verdict(ErrorClass.TOKEN, 60.0, "访问令牌被拒绝：核对 Client ID 与 Secret，确认应用未停用。")
_CREDENTIALS = Verdict(ErrorClass.CHANNEL, advice="凭证不对：到开发者后台「凭证与基础信息」核对。")
_PERMISSION = Verdict(ErrorClass.CHANNEL, advice="缺少接口权限：到开发者后台「权限管理」开通并发布应用。")
_IP = Verdict(ErrorClass.CHANNEL, advice="出口 IP 不在白名单：到开发者后台「安全设置」加入服务器出口 IP。")
_ROBOT = Verdict(ErrorClass.CHANNEL, advice="机器人编码不对或未发布：到开发者后台「机器人」核对并发布。")
_SECURITY = Verdict(ErrorClass.CHANNEL, advice="群机器人校验失败：核对加签密钥、关键词与 IP，校准时钟。")
_WEBHOOK = Verdict(ErrorClass.CHANNEL, advice="群机器人无效、已停用或已移出群：重新创建并更新地址。")
_TEMPLATE = Verdict(ErrorClass.CHANNEL, advice="卡片模板不存在或未发布：到卡片平台发布，并核对模板 ID。")
_QUOTA = Verdict(ErrorClass.QUOTA, 6 * 3600.0, "本月接口调用次数已用完：升级版本或购买加量包。")
_DAILY = Verdict(ErrorClass.QUOTA, 6 * 3600.0, "今天的群发次数已用完，明天再发。")
_RECIPIENT = Verdict(ErrorClass.RECIPIENT, advice="此人不在应用可见范围内或已离职：到后台调整可见范围。")
_GROUP_GONE = Verdict(ErrorClass.RECIPIENT, advice="群已解散或不属于本组织。")
_CONTENT = Verdict(ErrorClass.BUG, advice="内容被钉钉判为不安全：请人工检查文字与链接。")
_PAYLOAD = Verdict(ErrorClass.BUG, advice="请求内容不符合钉钉要求，请把错误码告诉开发者。")
_LOGIN = Verdict(ErrorClass.RECIPIENT, advice="登录码已用过或已过期，请关闭页面后重新打开。")
_CARD_GONE = Verdict(ErrorClass.CARD)
_SESSION = Verdict(ErrorClass.RECIPIENT, advice="会话回复地址已过期。")
_BUSY = Verdict(ErrorClass.RETRY, 5.0)
_SECOND = Verdict(ErrorClass.RETRY, 1.0)
_MINUTE = Verdict(ErrorClass.RETRY, 60.0)
_BLOCKED_IP = Verdict(ErrorClass.RETRY, 300.0, "来源 IP 请求过快被钉钉拦截，五分钟后再试。")
_ROBOT_SILENCED = Verdict(ErrorClass.RETRY, 600.0, "群机器人每分钟最多 20 条，已被限流约十分钟。")
_AMBIGUOUS = Verdict(ErrorClass.UNKNOWN, 60.0)

CODES_BY_VERDICT: dict[Verdict, tuple[str, ...]] = {
    _TOKEN: ("InvalidAuthentication", "40014", "40001", "42001"),
    _CREDENTIALS: ("invalidClientIdOrSecret", "40089"),
    _PERMISSION: ("60011", "Forbidden.AccessDenied.AccessTokenPermissionDenied", "auth.error"),
    _IP: ("60020", "Forbidden.AccessDenied.IpNotInWhiteList", "ip.not.match"),
    _ROBOT: (
        "invalidParameter.robotCode.empty",
        "invalidParameter.robotCode.auth",
        "invalidParameter.robotCode.notExsit",
        "invalidParameter.robotCode.invalid",
        "chatbotId.notAllow.sendOTO",
        "robot.oto.notExist",
        "bot.stopped",
        "template.stopped",
    ),
    _SECURITY: ("310000", "keywords.not.match", "sign.not.match"),
    _WEBHOOK: ("300001", "400013", "400101", "400102", "400106"),
    _TEMPLATE: ("param.templateNotExist", "param.templateUnpublished"),
    _QUOTA: ("90020", "Forbidden.AccessDenied.ApiCountLimitForOrg"),
    _DAILY: ("41045",),
    _RECIPIENT: (
        "33012",
        "60121",
        "50002",
        "50004",
        "staffId.notExisted",
        "param.userIdNotExist",
        "invalidStaffId",
        "deliver.failed",
        "invalidParameter.userIds.empty",
    ),
    _GROUP_GONE: (
        "660015",
        "660016",
        "group.disbanded",
        "invalid.openConversationId",
        "conversation.org.notMatch",
    ),
    _CONTENT: (
        "430101",
        "430102",
        "430103",
        "430104",
        "41044",
        "41049",
        "contain.unsafe.url",
        "param.contentUnsafe",
        "send.forbidden",
    ),
    _PAYLOAD: (
        "400105",
        "460101",
        "101002",
        "40035",
        "400002",
        "43004",
        "43005",
        "invalidParameter.userIds.overMax",
        "invalidParameter.msgParam.invalid",
        "invalidParameter.msgParam.tooLong",
        "invalidParameter.downloadCode",
        "param.openSpaceIdInvalid",
        "only.groupAdmin.canAtAll",
        "resource.not.found",
    ),
    _LOGIN: ("40078", "40029", "invalidParameter.authCode.notFound"),
    _CARD_GONE: ("param.cardNotExist",),
    _SESSION: ("session.expired", "session.notExisted"),
    _BUSY: (
        "660026",
        "-1",
        "system.busy",
        "ServiceUnavailable",
        "90002",
        "Forbidden.AccessDenied.QpsLimitForApi",
    ),
    _SECOND: ("90018", "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
    _MINUTE: (
        "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
        "send.too.fast",
        "send.byToken.tooFast",
        "too.many.group",
        "too.many.people",
        "flowControlledStaffId",
        "41046",
        "41047",
        "41048",
    ),
    _BLOCKED_IP: ("1111",),
    _ROBOT_SILENCED: ("410100", "130101"),
    _AMBIGUOUS: ("system.error", "unknown.send.result", "15", "88"),
}
CODES = {code: verdict for verdict, codes in CODES_BY_VERDICT.items() for code in codes}
SESSION_CODES = frozenset({"300001", *CODES_BY_VERDICT[_SESSION]})  # a conversation's reply address died
UNCOUNTED = frozenset(  # a throttled call does not count against the month (section 10.1)
    code for verdict in (_SECOND, _MINUTE, _BUSY, _BLOCKED_IP) for code in CODES_BY_VERDICT[verdict]
)
THROTTLED = frozenset(code for verdict in (_SECOND, _BUSY) for code in CODES_BY_VERDICT[verdict])
CONTENT_CODES = frozenset(CODES_BY_VERDICT[_CONTENT])
TOO_EARLY = frozenset({"processQueryKey.expireTime", "invalidParameter.processQueryKey"})  # or too late
CARD_EXISTS = "param.cardAlreadyExist"


def verdict_of(code: str, status: int = 200) -> Verdict:
    """Judge *code*; one that is in no table is judged by the HTTP *status* it came with."""
    if code in CODES:
        return CODES[code]
    if code.startswith("notAllowed."):
        return _CONTENT
    if status == 504:  # an upstream gave up after 3 s: it may have been delivered
        return _AMBIGUOUS
    if status == 429 or status >= 500:
        return _BUSY
    if status == 401:
        return _TOKEN
    return _PERMISSION if status == 403 else _PAYLOAD
