"""撤销: an enterprise that was told of a visit hears, once, that the visit is taken back, and why (C15, D11)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.notices.models import Notice, NoticeState, Priority
from bot.inspection.notices.service import row
from bot.inspection.people.models import Department
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import EnterpriseNotice, Task, Visit, VisitOfficer
from bot.inspection.tasks.serving import PAPER

KIND = "visit_cancelled"
# what has left, or may have: a message that is being sent cannot be caught any more
_TOLD = (NoticeState.SENT, NoticeState.SENDING, NoticeState.MERGED)
_CHUNK = 500


def cancellations(
    session: Session, task: Task, visit_ids: Sequence[int], *, reason: str, now: dt.datetime
) -> list[dict[str, Any]]:
    """A notice for each contact who was told of one of the visits; rows for ``enqueue_many``."""
    department = session.get_one(Department, task.lead_department_id).name
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    for visit, person in _told(session, visit_ids):
        name = session.get_one(InspectionObject, visit.object_id).name
        data = {
            "task": task.name, "department": department, "object": name, "number": visit.number,
            "planned": f"{visit.planned_on:%m月%d日}", "reason": reason,
        }  # fmt: skip
        rows[visit.id or 0, person] = row(
            KIND, f"task:{task.id}", recipient_id=person, now=now, slot=f"visit-{visit.id}", statutory=True,
            priority=Priority.ASSIGNMENT, data=data,
        )  # fmt: skip
    return list(rows.values())


def handed_over(session: Session, visit_ids: Sequence[int]) -> dict[int, list[str]]:
    """By officer the enterprises whose notice was handed over on paper: nobody but the team can tell them."""
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(visit_ids), _CHUNK):
        query = (
            select(VisitOfficer.person_id, InspectionObject.name)
            .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
            .join(EnterpriseNotice, col(EnterpriseNotice.visit_id) == Visit.id)
            .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
            .where(col(Visit.id).in_(visit_ids[start : start + _CHUNK]), EnterpriseNotice.delivery == PAPER,
                   col(VisitOfficer.leader))
        )  # fmt: skip
        for person, name in session.exec(query.order_by(InspectionObject.name)):
            found[person].append(name)
    return found


def _told(session: Session, visit_ids: Sequence[int]) -> list[tuple[Visit, int]]:
    found: list[tuple[Visit, int]] = []
    for start in range(0, len(visit_ids), _CHUNK):
        part = {f"visit:{visit}": visit for visit in visit_ids[start : start + _CHUNK]}
        query = select(Notice.subject, Notice.recipient_id).where(
            Notice.kind == "enterprise_notice", col(Notice.subject).in_(part), col(Notice.state).in_(_TOLD)
        )
        found += [
            (session.get_one(Visit, part[subject]), person) for subject, person in session.exec(query).all()
        ]
    return found


def visit_cancelled(_session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The visit itself is gone: what is said was noted when it was taken back."""
    values = notice.data
    return Content(dict(values), (("检查单位", values["department"]), ("原定时间", values["planned"]),
                                  ("原因", values["reason"])))  # fmt: skip


_SAMPLE = {
    "task": "餐饮服务食品安全抽查", "department": "云溪县市场监督管理局", "object": "云溪县某某餐饮店",
    "number": "450900202603100001-0012", "planned": "03月16日", "reason": "抽取已作废：名单导入有误",
}  # fmt: skip
KINDS: tuple[Kind, ...] = (Kind(KIND, visit_cancelled, Content(_SAMPLE, (("原因", _SAMPLE["reason"]),))),)
