"""What is told about bulletins and supervision orders (C30)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.deadlines.shown import due_words
from bot.inspection.metrics.bulletins import open_orders
from bot.inspection.metrics.models import Bulletin, BulletinState, OrderState, SupervisionOrder
from bot.inspection.notices.message import Ask, Content, Kind, Skip, Told
from bot.inspection.people.models import Department

_ISSUE = Ask("审核无误，发布", "issue_bulletin", "primary")
_REPLY = Ask("答复", "reply_supervision", "primary")
_JUDGE = (Ask("办结", "close_supervision", "primary"), Ask("退回", "return_supervision", "danger"))
_STATE = {OrderState.REPLIED: "已答复，待联席办审核", OrderState.CLOSED: "已办结"}


def _bulletin(session: Session, notice: Told) -> tuple[Bulletin, dict[str, Any]]:
    made = session.get_one(Bulletin, int(notice.subject.rpartition(":")[2]))
    year, month = made.period.split("-")
    orders = [
        f"{session.get_one(Department, order.department_id).name}：{order.finding}"
        for order in open_orders(session)
    ]
    return made, {"period": f"{year}年{int(month)}月", "rows": made.rows, "orders": orders}


def bulletin_draft(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the joint-conference office: the figures, and the one button that lets them out."""
    made, values = _bulletin(session, notice)
    if made.state == BulletinState.ISSUED:
        return Content(values, closed="已发布")
    return Content(values, (("部门", f"{len(made.rows)} 个"),), (_ISSUE,))


def bulletin(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    made, values = _bulletin(session, notice)
    return Content(values) if made.state == BulletinState.ISSUED else Skip("尚未发布")


def _order(session: Session, notice: Told) -> tuple[SupervisionOrder, dict[str, Any]]:
    order = session.get_one(SupervisionOrder, int(notice.subject.rpartition(":")[2]))
    return order, {
        "department": session.get_one(Department, order.department_id).name, "finding": order.finding,
        "due": due_words(order, order.due_on), "reply": order.reply,
    }  # fmt: skip


def supervision_order(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the unit's lead; the card follows the order to its end."""
    order, values = _order(session, notice)
    shown = (("督办事项", order.finding), ("答复期限", values["due"]))
    if order.state == OrderState.OPEN:
        return Content(values, shown, (_REPLY,))
    return Content(values, shown, closed=_STATE[OrderState(order.state)])


def supervision_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    order, values = _order(session, notice)
    if order.state != OrderState.OPEN:
        return Skip(_STATE[OrderState(order.state)])
    left = (order.due_on - china_day(now)).days
    values["when"] = f"已超期 {-left} 天" if left < 0 else "今天到期" if left == 0 else f"还剩 {left} 天"
    return Content(values, (("答复期限", values["due"]),), (_REPLY,), overdue=left < 0)


def supervision_replied(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the joint-conference office: is the answer enough?"""
    order, values = _order(session, notice)
    shown = (("部门", values["department"]), ("督办事项", order.finding))
    if order.state == OrderState.REPLIED:
        return Content(values, shown, _JUDGE)
    return Content(values, shown, closed="已办结" if order.state == OrderState.CLOSED else "已退回")


_ROW = {"name": "市场监管局", "lines": 3, "tasks": 3, "joint": 1, "drawn": 60, "finished": 58, "published": 55, "overdue": 2,
        "problems": 6, "handled": 5}  # fmt: skip
_PERIOD = {"period": "2026年3月", "rows": [_ROW], "orders": ["应急管理局：完成率 50/60，低于 100%"]}
_ORDER = {
    "department": "市场监管局",
    "finding": "公示率 55/60，低于 100%",
    "due": "04月15日",
    "reply": "已全部补公示",
}
KINDS: tuple[Kind, ...] = (
    Kind("bulletin_draft", bulletin_draft, Content(_PERIOD, (), (_ISSUE,)), card=True),
    Kind("bulletin", bulletin, Content(_PERIOD)),
    Kind("supervision_order", supervision_order, Content(_ORDER, (), (_REPLY,)), card=True),
    Kind(
        "supervision_reminder",
        supervision_reminder,
        Content(_ORDER | {"when": "还剩 5 天"}, (), (_REPLY,)),
        card=True,
    ),
    Kind("supervision_replied", supervision_replied, Content(_ORDER, (), _JUDGE), card=True),
)
