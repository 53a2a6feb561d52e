"""A button for services without callback buttons: a signed page that asks once more, then does what a press does.

It does so only in a browser that is known to be the person's own: a forwarded message presses nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from aiohttp import web
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.keys import CLOCK, DB, LINKS
from bot.inspection.people.models import Account
from bot.messaging.actions import unpack
from bot.platforms.base import InboundEvent, InboundKind
from handlers.web.form_link import require_device, require_same_origin
from handlers.web.hooks import DISPATCHER
from handlers.web.pages import render

routes = web.RouteTableDef()
_AGE = dt.timedelta(days=60)
_WORDS = {
    "accept": "收到", "recuse": "申请回避", "cannot_attend": "不能参加", "check_in": "到场签到", "read_notice": "已阅",
    "adopt_commission": "采用", "reject_commission": "不采用",
    "grant_approval": "同意", "refuse_approval": "不同意",
    "grant_recusal": "同意并重新抽取", "deny_recusal": "不同意", "remind_all": "催办全部", "approve": "通过",
    "return": "退回", "report_correction": "已整改", "close_followup": "复查合格", "reject_correction": "仍需整改",
    "ask_by_chat": "逐项问答", "sign_sheet": "核对无误，签名", "object_sheet": "有不同意见", "handle_followup": "登记处理",
    "publish_again": "重新公示", "stop_mass": "停止发送", "resume_mass": "仍要发送",
    "issue_bulletin": "审核无误，发布", "reply_supervision": "答复", "close_supervision": "办结",
    "return_supervision": "退回",
    "file_duty": "已报送", "got_it": "收到", "snooze": "稍后提醒", "ask_extension": "申请延期",
    "grant_extension": "同意延期", "refuse_extension": "不同意", "grant_leave": "同意并重新抽取", "refuse_leave": "不同意",
    "remind_department": "催办全部", "confirm_libraries": "两库已更新，确认",
    "commit_draw": "公布承诺", "reveal_draw": "揭示种子", "lock_draw": "锁定名单", "type_draw_value": "报出号码",
    "confirm_draw_value": "一致，确认", "deny_draw_value": "不一致", "take_back_draw_value": "撤回",
    "approve_void": "同意作废", "refuse_void": "不同意", "choose_draw_sources": "选来源和见证人",
    "grant_withholding": "同意", "refuse_withholding": "不同意",
    "approve_crime": "同意移送", "refuse_crime": "不移送", "hand_over_crime": "已移送", "receive_transfer": "确认收到",
    "enter_receipt": "登记回执", "return_clean": "未发现问题", "return_problem": "发现问题",
}  # fmt: skip


@routes.get("/press/{token}")
async def ask(request: web.Request) -> web.Response:
    """Nothing happens on a GET: previews and scanners open links too."""
    person, action = request.app[LINKS].open("press", request.match_info["token"], max_age=_AGE)
    await require_device(request, person)
    return render(request, "press.html.j2", words=_WORDS.get(unpack(action).verb, "确认"), done=False)


@routes.post("/press/{token}")
async def press(request: web.Request) -> web.Response:
    token = request.match_info["token"]
    person, action = request.app[LINKS].open("press", token, max_age=_AGE)
    require_same_origin(request)
    await require_device(request, person)
    now = request.app[CLOCK].now()
    account = await request.app[DB].read(_account, person)
    if account is None:
        raise Problem("not_found", "您的聊天账号已解除绑定。")
    digest = hashlib.sha256(token.encode()).hexdigest()[:32]
    await request.app[DISPATCHER].take(
        InboundEvent(
            platform=account[0], event_id=f"press:{digest}:{now:%Y%m%d%H%M}", kind=InboundKind.BUTTON,
            user_id=account[1], at=now, action=action,
        )
    )  # fmt: skip
    return render(request, "press.html.j2", words=_WORDS.get(unpack(action).verb, "确认"), done=True)


def _account(session: Session, person_id: int) -> tuple[str, str] | None:
    query = select(Account).where(Account.person_id == person_id, col(Account.dead_since).is_(None))
    account = session.exec(query.order_by(col(Account.id))).first()
    return (account.platform, account.user_id) if account else None
