"""What the staff of return visits, lead units and the joint-conference office are told (C31)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china
from bot.inspection.deadlines.shown import due_words
from bot.inspection.followups.return_models import Finding, ReturnVisit
from bot.inspection.followups.returns import REMINDER, officers_of
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.results.labels import label_of
from bot.inspection.tasks.queries import VisitFacts, visit_facts

NAMES = {Finding.CLEAN: "未发现问题", Finding.PROBLEM: "发现问题"}
_ASKS = (Ask("未发现问题", "return_clean", "primary"), Ask("发现问题", "return_problem", "danger"))


def _load(session: Session, notice: Told) -> tuple[ReturnVisit, VisitFacts, dict[str, str]]:
    found = session.get_one(ReturnVisit, int(notice.subject.rpartition(":")[2]))
    facts = visit_facts(session, found.visit_id)
    names = [session.get_one(Person, person).name for person in officers_of(session, found.id or 0)]
    values = {
        "number": facts.visit.number, "object": facts.object.name, "address": facts.object.address,
        "items": facts.item_names, "due": due_words(found, found.due_on), "team": "、".join(names),
        "department": facts.department, "note": found.note,
    }  # fmt: skip
    return found, facts, values


def return_visit(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the staff of the return visit. What was found the first time is not said: they look for themselves."""
    found, _, values = _load(session, notice)
    shown = (("检查对象", values["object"]), ("地址", values["address"] or "—"), ("事项", values["items"]),
             ("同行人员", values["team"]), ("最迟", values["due"]))  # fmt: skip
    if found.done_at is not None:
        return Content(
            values, shown, closed=f"{NAMES[Finding(found.finding)]}，{china(found.done_at):%m-%d %H:%M} 登记"
        )
    return Content(values, shown, _ASKS)


def return_visit_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To the staff, then to their lead, who has nothing to press."""
    content = return_visit(session, notice, now)
    if isinstance(content, Skip) or content.closed:
        return Skip("已回访")
    mine = notice.recipient_id in officers_of(session, int(notice.subject.rpartition(":")[2]))
    return content if mine else Content(content.values, content.facts)


def return_appointment(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the enterprise, where the locality makes appointments: who comes, by when."""
    found, facts, values = _load(session, notice)
    if notice.recipient_id not in facts.contacts:
        return Skip("不再是这家单位的联络员")
    if found.done_at is not None:
        return Skip("已回访")
    return Content(
        values, (("检查单位", values["department"]), ("回访人员", values["team"]), ("最迟", values["due"]))
    )


def return_difference(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the department's lead unit and the joint-conference office: first nothing, now a problem (ZJ-3.3.b)."""
    found, facts, values = _load(session, notice)
    values |= {
        "first": label_of(facts.visit.outcome),
        "officers": "、".join(p.name for p, _ in facts.officers),
    }
    shown = (("检查对象", values["object"]), ("原检查", values["first"]), ("回访", found.note))
    return Content(values, shown, (), (Page("查看原检查", "review", (facts.visit.id,)),))


_SAMPLE = {
    "number": "450900202603100001-012", "object": "云溪县某某餐饮店", "address": "人民路8号", "items": "餐饮服务",
    "due": "04月13日", "team": "张三、李四", "department": "市场监管局", "note": "后厨无消毒设施",
    "first": "未发现问题", "officers": "王一、李二",
}  # fmt: skip
KINDS = (
    Kind("return_visit", return_visit, Content(_SAMPLE, (("检查对象", _SAMPLE["object"]),), _ASKS), card=True),
    Kind(REMINDER, return_visit_reminder, Content(_SAMPLE, (("检查对象", _SAMPLE["object"]),), _ASKS), card=True),
    Kind("return_appointment", return_appointment, Content(_SAMPLE, (("最迟", _SAMPLE["due"]),))),
    Kind("return_difference", return_difference,
         Content(_SAMPLE, (("回访", _SAMPLE["note"]),), (), (Page("查看原检查", "review", (1,)),))),
)  # fmt: skip
