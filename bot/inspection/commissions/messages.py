"""What institutions and leads are told about a commissioned report (C20)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.commissions.models import Commission, CommissionState
from bot.inspection.commissions.service import adoptions
from bot.inspection.deadlines.shown import due_words
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.tasks.queries import get_visit, visit_facts

S = CommissionState
_WORDS = {S.ADOPTED: "已采用", S.REJECTED: "未采用", S.FALSE: "报告被认定虚假"}
_ASKS = (Ask("采用", "adopt_commission", "primary"), Ask("不采用", "reject_commission", "danger"))


def _load(session: Session, notice: Told) -> tuple[Commission, dict[str, Any]]:
    found = session.get_one(Commission, int(notice.subject.rpartition(":")[2]))
    facts = visit_facts(session, found.visit_id)
    return found, {
        "number": found.number, "institution": found.institution, "task": found.task, "object": facts.object.name,
        "department": facts.department, "due": due_words(found, found.due_on), "conclusion": found.conclusion,
    }  # fmt: skip


def commission_ordered(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    found, values = _load(session, notice)
    return Skip("报告已收到") if found.state != S.ORDERED else Content(values)


def commission_due(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To the institution and the lead, before and after the day."""
    found, values = _load(session, notice)
    if found.state != S.ORDERED:
        return Skip("报告已收到")
    return Content(
        values
        | {"days": (found.due_on - china_day(now)).days, "mine": notice.recipient_id == found.contact_id}
    )


def commission_reported(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To whoever decides: adopt it or not; the card says what was decided."""
    found, values = _load(session, notice)
    shown = (("机构", found.institution), ("检查对象", values["object"]), ("结论", found.conclusion))
    page = (Page("看报告", "file", (found.report_sha256,)),)
    if found.state == S.REPORTED:
        return Content(values, shown, _ASKS, page)
    return Content(values, shown, (), page, closed=_WORDS.get(S(found.state), "待报告"))


def commission_false(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the leads: which results rest on a report that was found false."""
    found, values = _load(session, notice)
    if found.state != S.FALSE:
        return Skip("认定已改变")
    visits = dict.fromkeys(get_visit(session, a.visit_id).number for a in adoptions(session, found.id or 0))
    return Content(values | {"ground": found.false_ground, "visits": list(visits)})


_SAMPLE = {
    "number": "450900202603100001-012-W1", "institution": "云溪检测中心", "task": "餐具大肠菌群检测",
    "object": "云溪县某某餐饮店",
    "department": "市场监管局", "due": "04月20日", "conclusion": "合格",
}  # fmt: skip
KINDS = (
    Kind("commission_ordered", commission_ordered, Content(_SAMPLE)),
    Kind("commission_due", commission_due, Content(_SAMPLE | {"days": 3, "mine": True})),
    Kind("commission_reported", commission_reported,
         Content(_SAMPLE, (("机构", "云溪检测中心"),), _ASKS, (Page("看报告", "file", ("a" * 64,)),)), card=True),
    Kind("commission_false", commission_false,
         Content(_SAMPLE | {"ground": "检测数据系编造", "visits": ["450900202603100001-012"]})),
)  # fmt: skip
