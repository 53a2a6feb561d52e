"""What officers, leads and the joint-conference office are told about clues (C25)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from sqlmodel import Session, select

from bot.core.clock import china
from bot.inspection.deadlines.shown import due_words
from bot.inspection.followups.clue_rules import SOURCES
from bot.inspection.followups.models import Clue, ClueSource, SpecialProposal
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.tasks.messages import assignment
from bot.inspection.tasks.models import OfficerState, Visit, VisitState
from bot.inspection.tasks.queries import visit_facts
from bot.inspection.tasks.states import BEFORE_VISIT, NAMES


def clue_assigned(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """The officer's card: that of every visit, with the clue's own words first."""
    shown = assignment(session, notice, now)
    if isinstance(shown, Skip):
        return shown
    visit = session.get_one(Visit, int(notice.subject.rpartition(":")[2]))
    clue = session.exec(select(Clue).where(Clue.task_id == visit.task_id)).one()
    return replace(
        shown,
        values=shown.values | _values(clue),
        facts=(("线索", clue.content), *(f for f in shown.facts if f[0] != "检查日期")),
    )


def clue_received(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the lead at once: what came in and who is on it, or why nobody is."""
    clue = session.get_one(Clue, int(notice.subject.rpartition(":")[2]))
    values = _values(clue) | {
        "officers": "",
        "due": "",
        "hindrance": clue.hindrance,
        "case": clue.case_number,
    }
    if clue.task_id is None:
        return Content(values, (("线索", clue.content), ("未指派", clue.hindrance)))
    visit = session.exec(select(Visit).where(Visit.task_id == clue.task_id)).one()
    facts = visit_facts(session, visit.id or 0)
    values |= {
        "officers": "、".join(p.name for p, _ in facts.officers),
        "due": due_words(visit, visit.due_on),
    }
    shown = (("线索", clue.content), ("检查对象", facts.object.name), ("承办人", values["officers"]),
             ("最迟", values["due"]), *((("立案文号", clue.case_number),) if clue.case_number else ()))  # fmt: skip
    return Content(
        values, shown, closed="" if visit.state in BEFORE_VISIT else NAMES[VisitState(visit.state)]
    )


def clue_unanswered(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the lead, then above: a clue is to be looked into at once, and these have not answered."""
    clue = session.get_one(Clue, int(notice.subject.rpartition(":")[2]))
    visit = session.exec(select(Visit).where(Visit.task_id == clue.task_id)).one()
    facts = visit_facts(session, visit.id or 0)
    silent = [person.name for person, officer in facts.officers if officer.state == OfficerState.ASSIGNED]
    if visit.state != VisitState.ASSIGNED or not silent:
        return Skip("已接收")
    values = _values(clue) | {"officers": "、".join(silent), "department": facts.department}
    return Content(values, (("线索", clue.content), ("未接收", values["officers"])))


def special_proposed(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the joint-conference office: where clues pile up, and a ratio to start from."""
    found = session.get_one(SpecialProposal, int(notice.subject.rpartition(":")[2]))
    values = found.model_dump(include={"industry", "district", "clues", "days", "objects", "ratio"})
    return Content(
        values, (("行业", found.industry), ("区域", found.district or "—"), ("建议比例", f"{found.ratio}%"))
    )


def _values(clue: Clue) -> dict[str, str]:
    return {
        "number": clue.number, "source": SOURCES[ClueSource(clue.source)], "clue": clue.content,
        "object": clue.object_name or "—", "received": f"{china(clue.received_at):%m月%d日 %H:%M}",
    }  # fmt: skip


_SAMPLE = {
    "number": "TS-20260310-001", "source": "投诉举报", "clue": "后厨有老鼠", "object": "云溪县某某餐饮店",
    "received": "03月10日 10:00", "officers": "王一、李二", "due": "03月13日", "hindrance": "", "case": "",
    "items": "餐饮服务", "address": "人民路8号",
}  # fmt: skip
_ANSWERS = (Ask("收到", "accept", "primary"), Ask("申请回避", "recuse"), Ask("不能参加", "cannot_attend"))
_SPECIAL = {"industry": "餐饮", "district": "城关镇", "clues": 6, "days": 30, "objects": 120, "ratio": 10}
KINDS = (
    Kind("clue_assigned", clue_assigned,
         Content(_SAMPLE, (("线索", _SAMPLE["clue"]),), _ANSWERS, (Page("打开检查表", "form", (1,)),)), card=True),
    Kind("clue_received", clue_received, Content(_SAMPLE, (("线索", _SAMPLE["clue"]),)), card=True),
    Kind("clue_unanswered", clue_unanswered,
         Content(_SAMPLE | {"department": "市场监管局"}, (("未接收", _SAMPLE["officers"]),))),
    Kind("special_proposed", special_proposed, Content(_SPECIAL, (("行业", "餐饮"),))),
)  # fmt: skip
