"""What is told about leave and hand-over: the request to the leads, the decision, and that a visit is another's now."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.inspection.deadlines.models import ExtensionState, LeaveRequest
from bot.inspection.draws.leave import affected
from bot.inspection.draws.shortage import KINDS as SHORTAGE
from bot.inspection.notices.message import Ask, Content, Kind, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.tasks.models import OfficerState, VisitOfficer
from bot.inspection.tasks.queries import visit_facts

_ASKS = (Ask("同意并重新抽取", "grant_leave", "primary"), Ask("不同意", "refuse_leave", "danger"))


def _leave(session: Session, notice: Told) -> tuple[LeaveRequest, dict[str, Any]]:
    asked = session.get_one(LeaveRequest, int(notice.subject.rpartition(":")[2]))
    days = f"{asked.first_day:%m月%d日} 至 {asked.last_day:%m月%d日}"
    return asked, {
        "person": session.get_one(Person, asked.person_id).name, "days": days, "reason": asked.reason,
        "visits": len(affected(session, asked)), "handed_over": asked.handed_over, "stayed": asked.stayed,
    }  # fmt: skip


def leave_request(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the leads, who see how many visits a grant hands over."""
    asked, values = _leave(session, notice)
    facts = (("申请人", values["person"]), ("时间", values["days"]), ("待检查", f"{values['visits']} 户"))
    if asked.state == ExtensionState.ASKED:
        return Content(values, facts, _ASKS)
    left = f"，{asked.stayed} 户无人可换" if asked.stayed else ""
    done = f"已同意，改派 {asked.handed_over} 户{left}" if asked.state == ExtensionState.GRANTED else "未同意"
    return Content(values, facts, closed=done)


def leave_decided(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    asked, values = _leave(session, notice)
    return Content(values | {"granted": asked.state == ExtensionState.GRANTED})


def officer_replaced(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the officer whose place was drawn again."""
    officer = session.get_one(VisitOfficer, int(notice.subject.rpartition(":")[2]))
    if officer.state != OfficerState.REPLACED:
        return Skip("仍由本人负责")
    facts = visit_facts(session, officer.visit_id)
    follower = session.get(Person, officer.replaced_by) if officer.replaced_by else None
    return Content(
        {"object": facts.object.name, "number": facts.visit.number, "follower": follower.name if follower else "—",
         "reason": officer.recusal_reason}
    )  # fmt: skip


_LEAVE = {
    "person": "王一", "days": "03月16日 至 03月18日", "reason": "培训", "visits": 2, "handed_over": 2, "stayed": 0,
}  # fmt: skip
KINDS = (
    *SHORTAGE,
    Kind("leave_request", leave_request, Content(_LEAVE, (("申请人", "王一"),), _ASKS), card=True),
    Kind("leave_decided", leave_decided, Content(_LEAVE | {"granted": True})),
    Kind(
        "officer_replaced",
        officer_replaced,
        Content(
            {
                "object": "云溪县某某餐饮店",
                "number": "450900202603100001-0012",
                "follower": "李四",
                "reason": "请假",
            }
        ),
    ),
)
