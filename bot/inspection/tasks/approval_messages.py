"""What heads are asked to approve, and what follows (C15, field guide 7.1)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.tasks.approval import waiting_approvals
from bot.inspection.tasks.models import ApprovalState, Task, VisitApproval
from bot.inspection.tasks.queries import visit_facts

_ASKS = (Ask("同意", "grant_approval", "primary"), Ask("不同意", "refuse_approval", "danger"))
_WORDS = {ApprovalState.GRANTED: "已同意", ApprovalState.REFUSED: "未同意"}


def approval_request(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """One card for all visits of a task that wait; it closes when none does."""
    task = session.get_one(Task, _id(notice))
    waiting = waiting_approvals(session, _id(notice))
    values = {"task": task.name, "number": task.number, "count": len(waiting), "urgent": "", "object": ""}
    page = (Page("逐户查看", "approval", (task.id,)),)
    if not waiting:
        return Content(values, (("任务", task.name),), (), page, closed="已审批")
    days = sorted({visit.planned_on for _, visit in waiting})
    span = f"{days[0]:%m月%d日} 至 {days[-1]:%m月%d日}"
    shown = (("任务", task.name), ("待批", f"{len(waiting)} 户"), ("检查日期", span))
    return Content(values, shown, _ASKS, page)


def urgent_approval(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """One urgent visit that has begun, or is about to, without approval."""
    facts = visit_facts(session, _id(notice))
    approval = session.get_one(VisitApproval, facts.visit.id)
    by = session.get(Person, approval.urgent_by) if approval.urgent_by else None
    values = {"task": facts.task.name, "number": facts.visit.number, "count": 1, "urgent": approval.urgent_reason,
              "object": facts.object.name}  # fmt: skip
    shown = (
        ("检查对象", facts.object.name),
        ("理由", approval.urgent_reason),
        ("提出人", by.name if by else "—"),
    )
    page = (Page("查看", "approval", (facts.task.id,)),)
    if approval.state == ApprovalState.ASKED:
        return Content(values, shown, _ASKS, page)
    word = _WORDS[ApprovalState(approval.state)]
    at = f" {china(approval.decided_at):%m-%d %H:%M}" if approval.decided_at else ""
    return Content(values, shown, (), page, closed=word + at)


def approval_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """The same question, once a working day until it is decided."""
    urgent = notice.subject.startswith("visit:")
    content = (urgent_approval if urgent else approval_request)(session, notice, now)
    return Skip("已审批") if isinstance(content, Content) and content.closed else content


def approval_refused(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the leads: the head said no."""
    facts = visit_facts(session, _id(notice))
    approval = session.get_one(VisitApproval, facts.visit.id)
    if approval.state != ApprovalState.REFUSED:
        return Skip("已重新批准")
    return Content({"object": facts.object.name, "number": facts.visit.number, "reason": approval.decision_reason,
                    "urgent": approval.urgent})  # fmt: skip


def _id(notice: Told) -> int:
    return int(notice.subject.rpartition(":")[2])


_SAMPLE = {
    "task": "餐饮服务食品安全抽查",
    "number": "450900202603100001",
    "count": 25,
    "urgent": "",
    "object": "",
}
_ROWS = (("任务", "餐饮服务食品安全抽查"), ("待批", "25 户"))
_ONE = _SAMPLE | {"object": "云溪县某某餐饮店", "urgent": "群众举报正在发生的食物中毒", "count": 1}
KINDS = (
    Kind("approval_request", approval_request, Content(_SAMPLE, _ROWS, _ASKS, (Page("逐户查看", "approval", (1,)),)), card=True),
    Kind("approval_reminder", approval_reminder, Content(_SAMPLE, _ROWS, _ASKS, (Page("逐户查看", "approval", (1,)),)),
         card=True),
    Kind("urgent_approval", urgent_approval, Content(_ONE, _ROWS, _ASKS, (Page("查看", "approval", (1,)),)), card=True),
    Kind("approval_refused", approval_refused,
         Content({"object": "云溪县某某餐饮店", "number": "450900202603100001-012", "reason": "本年度已检查", "urgent": False})),
)  # fmt: skip
