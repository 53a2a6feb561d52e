"""What is told about bulletins and supervision orders (C30)."""

"""What the office, the members and a criticised department are told (C30)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.metrics.models import Bulletin, BulletinState, OrderState, SupervisionOrder
from bot.inspection.notices.message import Ask, Content, Kind, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Department

_ISSUE = Ask("审核无误，发布", "issue_bulletin", "primary")
_REPLY = Ask("答复", "reply_supervision", "primary")
_JUDGE = (Ask("办结", "close_supervision", "primary"), Ask("退回", "return_supervision", "danger"))
_STATE = {OrderState.REPLIED: "已答复，待联席办审核", OrderState.CLOSED: "已办结"}


def _bulletin(session: Session, notice: Notice) -> tuple[Bulletin, dict[str, Any]]:
    made = session.get_one(Bulletin, int(notice.subject.rpartition(":")[2]))
    year, month = made.period.split("-")
    return made, {"period": f"{year}年{int(month)}月", "rows": made.rows}


def bulletin_draft(session: Session, notice: Notice, _now: dt.datetime) -> Content | Skip:
    """To the joint-conference office: the figures, and the one button that lets them out."""
    made, values = _bulletin(session, notice)
    if made.state == BulletinState.ISSUED:
        return Content(values, closed="已发布")
    return Content(values, (("部门", f"{len(made.rows)} 个"),), (_ISSUE,))


def bulletin(session: Session, notice: Notice, _now: dt.datetime) -> Content | Skip:
    made, values = _bulletin(session, notice)
    return Content(values) if made.state == BulletinState.ISSUED else Skip("尚未发布")


def _order(session: Session, notice: Notice) -> tuple[SupervisionOrder, dict[str, Any]]:
    order = session.get_one(SupervisionOrder, int(notice.subject.rpartition(":")[2]))
    return order, {
        "department": session.get_one(Department, order.department_id).name, "finding": order.finding,
        "due": f"{order.due_on:%m月%d日}", "reply": order.reply,
    }  # fmt: skip


def supervision_order(session: Session, notice: Notice, _now: dt.datetime) -> Content | Skip:
    """To the unit's lead; the card follows the order to its end."""
    order, values = _order(session, notice)
    shown = (("督办事项", order.finding), ("答复期限", values["due"]))
    if order.state == OrderState.OPEN:
        return Content(values, shown, (_REPLY,))
    return Content(values, shown, closed=_STATE[OrderState(order.state)])


def supervision_reminder(session: Session, notice: Notice, now: dt.datetime) -> Content | Skip:
    order, values = _order(session, notice)
    if order.state != OrderState.OPEN:
        return Skip(_STATE[OrderState(order.state)])
    left = (order.due_on - china_day(now)).days
    values["when"] = f"已超期 {-left} 天" if left < 0 else "今天到期" if left == 0 else f"还剩 {left} 天"
    return Content(values, (("答复期限", values["due"]),), (_REPLY,), overdue=left < 0)


def supervision_replied(session: Session, notice: Notice, _now: dt.datetime) -> Content | Skip:
    """To the joint-conference office: is the answer enough?"""
    order, values = _order(session, notice)
    shown = (("部门", values["department"]), ("督办事项", order.finding))
    if order.state == OrderState.REPLIED:
        return Content(values, shown, _JUDGE)
    return Content(values, shown, closed="已办结" if order.state == OrderState.CLOSED else "已退回")


_ROW = {"name": "市场监管局", "tasks": 3, "joint": 1, "drawn": 60, "finished": 58, "published": 55, "overdue": 2,
        "problems": 6, "handled": 5}  # fmt: skip
_PERIOD = {"period": "2026年3月", "rows": [_ROW]}
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
from bot.core.clock import china, china_day
from bot.inspection.metrics.bulletins import rows_of
from bot.inspection.metrics.models import Bulletin, OrderState, SupervisionOrder
from bot.inspection.metrics.supervision import REMINDER, open_orders
from bot.inspection.notices.message import Ask, Content, Kind, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Department
from bot.inspection.tasks.queries import leads_of

S = OrderState
NAMES = {S.OPEN: "待整改回复", S.REPLIED: "已回复，待复核", S.CLOSED: "已办结"}
_SHOWN = 20  # departments in one message; the rest is counted
_ISSUE = Ask("批准印发", "issue_bulletin", "primary")
_REPLY = Ask("回复整改情况", "reply_order", "primary")
_DECIDE = (Ask("复核通过", "close_order", "primary"), Ask("退回", "return_order", "danger"))


def bulletin_draft(session: Session, notice: Notice, _now: dt.datetime) -> Content | Skip:
    """To the joint-conference office: nothing goes out before somebody there approves it."""
    bulletin = session.get_one(Bulletin, _id(notice))
    values = _bulletin(session, bulletin)
    shown = (("期间", bulletin.period), ("部门", f"{len(bulletin.rows)} 个"))
    if bulletin.issued_at is None:
        return Content(values, shown, (_ISSUE,))
    return Content(values, shown, closed=f"已印发 {china(bulletin.issued_at):%m-%d %H:%M}")


def bulletin_issued(session: Session, notice: Notice, _now: dt.datetime) -> Content | Skip:
    """To every member: one line for each department, in the order of the register."""
    return Content(_bulletin(session, session.get_one(Bulletin, _id(notice))))


def supervision_order(session: Session, notice: Notice, now: dt.datetime) -> Content | Skip:
    """To the department until the order is closed."""
    found, values = _order(session, notice, now)
    if notice.recipient_id not in leads_of(session, found.department_id):
        return Skip("不再是部门负责人")
    shown = (("督办单", found.number), ("问题", found.finding), ("期限", values["due"]))
    if found.state == S.CLOSED:
        return Content(values, shown, closed=NAMES[S.CLOSED])
    return Content(
        values,
        shown,
        (_REPLY,) if found.state == S.OPEN else (),
        closed="" if found.state == S.OPEN else NAMES[S.REPLIED],
    )


def supervision_replied(session: Session, notice: Notice, now: dt.datetime) -> Content | Skip:
    """To the office: what the department says, and two buttons."""
    found, values = _order(session, notice, now)
    shown = (("部门", values["department"]), ("问题", found.finding), ("回复", found.reply))
    if found.state == S.REPLIED:
        return Content(values, shown, _DECIDE)
    return Content(values, shown, closed="已退回" if found.state == S.OPEN else NAMES[S.CLOSED])


def supervision_reminder(session: Session, notice: Notice, now: dt.datetime) -> Content | Skip:
    """To the department, and once it is late to the office."""
    found, values = _order(session, notice, now)
    if found.state != S.OPEN:
        return Skip(NAMES[S(found.state)])
    mine = notice.recipient_id in leads_of(session, found.department_id)
    shown = (("督办单", found.number), ("期限", values["due"]))
    return Content(values, shown, (_REPLY,) if mine else (), overdue=found.due_on < china_day(now))


def _id(notice: Notice) -> int:
    return int(notice.subject.rpartition(":")[2])


def _bulletin(session: Session, bulletin: Bulletin) -> dict[str, Any]:
    rows = rows_of(bulletin)
    names = {row.department_id: row.department for row in rows}
    waiting = [
        f"{names.get(o.department_id) or session.get_one(Department, o.department_id).name}：{o.finding}"
        for o in open_orders(session)
    ]
    return {
        "period": bulletin.period, "lines": [f"{row.department}：{row.text}" for row in rows[:_SHOWN]],
        "more": max(0, len(rows) - _SHOWN), "orders": waiting[:_SHOWN],
    }  # fmt: skip


def _order(session: Session, notice: Notice, now: dt.datetime) -> tuple[SupervisionOrder, dict[str, str]]:
    found = session.get_one(SupervisionOrder, _id(notice))
    left = (found.due_on - china_day(now)).days
    return found, {
        "number": found.number, "department": session.get_one(Department, found.department_id).name,
        "finding": found.finding, "due": f"{found.due_on:%m月%d日}", "reply": found.reply, "remark": found.remark,
        "when": f"已超期 {-left} 天" if left < 0 else "今天到期" if left == 0 else f"还剩 {left} 天",
    }  # fmt: skip


_SAMPLE = {
    "period": "2026-03", "more": 0, "orders": ["市场监管局：检查完成率 80.0%，目标 100%"],
    "lines": ["市场监管局：计划 3 条，任务 3 个，联合 33.3%，完成 80.0%，公示 60.0%，超期 2，问题处理 93.3%"],
}  # fmt: skip
_ORDER = {
    "number": "DB-20260401-1", "department": "市场监管局", "finding": "检查完成率 80.0%，目标 100%", "due": "04月16日",
    "reply": "", "remark": "", "when": "还剩 5 天",
}  # fmt: skip
KINDS = (
    Kind("bulletin_draft", bulletin_draft, Content(_SAMPLE, (("期间", "2026-03"),), (_ISSUE,)), card=True),
    Kind("bulletin_issued", bulletin_issued, Content(_SAMPLE)),
    Kind("supervision_order", supervision_order, Content(_ORDER, (("期限", "04月16日"),), (_REPLY,)), card=True),
    Kind("supervision_replied", supervision_replied,
         Content(_ORDER | {"reply": "已补查 5 户"}, (("回复", "已补查 5 户"),), _DECIDE), card=True),
    Kind(REMINDER, supervision_reminder, Content(_ORDER, (("期限", "04月16日"),), (_REPLY,)), card=True),
)  # fmt: skip
