"""行政检查审批: no visit and no notice without the head's approval; an urgent visit may begin and asks until it has
it (C15, D21, field guide 7.1). There are rows only where the locality switched it on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import insert
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.words import said, says_something
from bot.inspection.audit.service import record
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, supersede, touch_cards, withdraw
from bot.inspection.people.models import Department, Role
from bot.inspection.tasks.models import ApprovalState, Task, Visit, VisitApproval
from bot.inspection.tasks.queries import get_visit, leads_of, live_officers, people_with_role, require_officer
from bot.inspection.tasks.serving import Told, advance_notices

WAITING = ("approval_request", "urgent_approval", "approval_reminder")


def heads_of(session: Session, department_id: int) -> list[int]:
    """The heads (单位负责人) of the department or of the body above it; its leads where nobody is one."""
    seen: set[int] = set()
    current: int | None = department_id
    while current is not None and current not in seen:
        seen.add(current)
        found = people_with_role(session, Role.HEAD, department_id=current)
        if found:
            return found
        department = session.get(Department, current)
        current = department.parent_id if department else None
    return leads_of(session, department_id)


def ask_approvals(session: Session, task: Task, visit_ids: Sequence[int], *, now: dt.datetime) -> None:
    """One approval for each visit, asked of the heads in one message."""
    rows = [
        {"visit_id": visit, "state": ApprovalState.ASKED, "asked_at": now, "urgent": False, "urgent_reason": "",
         "decision_reason": ""}
        for visit in visit_ids
    ]  # fmt: skip
    session.execute(insert(VisitApproval), rows)
    record(session, "approval.asked", f"task:{task.id}", now=now, visits=len(visit_ids))
    for head in heads_of(session, task.lead_department_id):
        enqueue(session, "approval_request", f"task:{task.id}", recipient_id=head, now=now,
                priority=Priority.ASSIGNMENT)  # fmt: skip


def require_approval(session: Session, visit_id: int) -> None:
    """Raise ``not_approved`` for a visit that may neither be announced nor begun."""
    approval = session.get(VisitApproval, visit_id)
    if approval is None or approval.state == ApprovalState.GRANTED:
        return
    if approval.urgent and approval.state == ApprovalState.ASKED:
        return
    text = "这次检查尚未经单位负责人批准，不能开始，也不能发送通知书。"
    if approval.state == ApprovalState.REFUSED:
        text = f"单位负责人没有批准这次检查：{approval.decision_reason}"
    raise Problem("not_approved", text)


def begin_urgently(
    session: Session, *, visit_id: int, person_id: int, reason: str, now: dt.datetime
) -> VisitApproval:
    """紧急检查: the visit may begin, and its approval is asked for at once and every day until it is decided.

    Raises ``forbidden``, ``reason_missing``, ``not_approved`` (the head already said no) or ``approval_off``.
    """
    visit = get_visit(session, visit_id, lock=True)
    require_officer(session, visit_id, person_id)
    reason = said(reason, 500)
    if not says_something(reason):
        raise Problem("reason_missing", "紧急检查要写明理由。", 理由="不能为空")
    approval = session.get(VisitApproval, visit_id)
    if approval is None:
        raise Problem("approval_off", "本地没有开启检查审批，直接签到即可。")
    if approval.state == ApprovalState.REFUSED:
        require_approval(session, visit_id)
    if approval.state == ApprovalState.ASKED and not approval.urgent:
        approval.urgent, approval.urgent_reason, approval.urgent_by = True, reason, person_id
        approval.reminded_on = None
        session.add(approval)
        record(session, "approval.urgent", f"visit:{visit_id}", now=now, actor=person_id)
        task = session.get_one(Task, visit.task_id)
        for head in heads_of(session, task.lead_department_id):
            enqueue(session, "urgent_approval", f"visit:{visit_id}", recipient_id=head, now=now,
                    priority=Priority.URGENT)  # fmt: skip
    return approval


def waiting_approvals(session: Session, task_id: int) -> list[tuple[VisitApproval, Visit]]:
    """What the heads have yet to decide of a task: urgent first, then by planned day."""
    query = (
        select(VisitApproval, Visit)
        .join(Visit, col(Visit.id) == VisitApproval.visit_id)
        .where(Visit.task_id == task_id, VisitApproval.state == ApprovalState.ASKED)
        .order_by(col(VisitApproval.urgent).desc(), col(Visit.planned_on), col(Visit.id))
    )
    return [(approval, visit) for approval, visit in session.exec(query)]


def decide_approvals(
    session: Session, *, task_id: int, by: int, granted: bool, now: dt.datetime, reason: str = "",
    visit_ids: Collection[int] | None = None,
) -> int:  # fmt: skip
    """Grant or refuse what waits of a task (all of it, or these visits); returns how many were decided now.

    A grant promises the notices that waited for it. Raises ``forbidden`` or ``reason_missing``.
    """
    task = session.get(Task, task_id, with_for_update=True)
    if task is None:
        raise Problem("not_found", "没有找到这个任务。")
    require_head(session, task, by)
    reason = said(reason, 500)
    if not granted and not reason:
        raise Problem("reason_missing", "不同意要写明理由，检查部门才知道怎么办。", 理由="不能为空")
    chosen = [
        (approval, visit)
        for approval, visit in waiting_approvals(session, task_id)
        if visit_ids is None or approval.visit_id in visit_ids
    ]
    for approval, _ in chosen:
        approval.state = ApprovalState.GRANTED if granted else ApprovalState.REFUSED
        approval.decided_at, approval.decided_by, approval.decision_reason = now, by, reason
        approval.reminded_on = None
        session.add(approval)
        record(session, f"approval.{approval.state.lower()}", f"visit:{approval.visit_id}", now=now, actor=by,
               urgent=approval.urgent)  # fmt: skip
    _tell(session, task, [visit for _, visit in chosen], granted=granted, now=now)
    return len(chosen)


def require_head(session: Session, task: Task, person_id: int) -> None:
    """Raise ``forbidden`` unless this person approves inspections of the task's lead department."""
    if person_id not in heads_of(session, task.lead_department_id):
        raise Problem("forbidden", "检查审批由单位负责人办理。")


def _tell(session: Session, task: Task, visits: Sequence[Visit], *, granted: bool, now: dt.datetime) -> None:
    for visit in visits:
        supersede(session, f"visit:{visit.id}", kinds=WAITING, reason="已审批", now=now)
    session.flush()
    if visits and not waiting_approvals(session, task.id or 0):
        withdraw(session, f"task:{task.id}", kinds=WAITING, reason="已审批", now=now)
    touch_cards(session, f"task:{task.id}", now=now)
    if granted:
        enqueue_many(session, advance_notices(session, [_told(session, v) for v in visits], now=now))
        return
    for visit in visits:
        for lead in leads_of(session, task.lead_department_id):
            enqueue(session, "approval_refused", f"visit:{visit.id}", recipient_id=lead, now=now)


def _told(session: Session, visit: Visit) -> Told:
    team = tuple(o.person_id for o in live_officers(session, visit.id or 0))
    return Told(visit.id or 0, visit.object_id, visit.planned_on, team)
