"""What leads and enterprises are told while a form is filled and when its record sheet is closed."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china, china_day
from bot.inspection.checklists.devices import CODE_LIVES
from bot.inspection.checklists.models import FormDevice, RecordSheet
from bot.inspection.checklists.service import is_trained
from bot.inspection.notices.message import Content, Kind, Page, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.tasks.queries import VisitFacts, visit_facts


def _facts(session: Session, notice: Told) -> VisitFacts:
    return visit_facts(session, int(notice.subject.rpartition(":")[2]))


def training_missing(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To the lead: an officer stood before a form that does not open (C14)."""
    facts = _facts(session, notice)
    person_id = int(notice.data["person_id"])
    if facts.officer(person_id) is None:
        return Skip("已改派，不再是这次检查的人员")
    if is_trained(session, person_id, china_day(now)):
        return Skip("培训已登记")
    name = session.get_one(Person, person_id).name
    return Content({"name": name, "object": facts.object.name, "number": facts.visit.number})


def no_signature(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the lead: the sheet was closed without a signature (C18, flag NO_SIGNATURE)."""
    facts = _facts(session, notice)
    sheet = session.get(RecordSheet, facts.visit.id)
    if sheet is None or not sheet.refusal_code:
        return Skip("记录表已重新签字")
    return Content(
        {
            "object": facts.object.name,
            "number": facts.visit.number,
            "reason": sheet.refusal_text,
            "witness": sheet.witness,
        },
        pages=(Page("看记录表", "file", (sheet.pdf_sha256,)),),
    )


def enterprise_record(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the enterprise: its copy of the record sheet (C18)."""
    facts = _facts(session, notice)
    sheet = session.get(RecordSheet, facts.visit.id)
    if sheet is None or notice.recipient_id not in facts.contacts:
        return Skip("没有可以送达的记录表")
    day = f"{china(sheet.closed_at):%m月%d日}"
    return Content(
        {
            "object": facts.object.name,
            "department": facts.department,
            "day": day,
            "number": facts.visit.number,
        },
        pages=(Page("看检查记录表", "file", (sheet.pdf_sha256,)),),
    )


def refused_inspection(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the lead at once: the party seriously refused the inspection (C24)."""
    facts = _facts(session, notice)
    if facts.visit.outcome != "R06":
        return Skip("结果已更正")
    officers = "、".join(person.name for person, _ in facts.officers)
    return Content({"object": facts.object.name, "number": facts.visit.number, "officers": officers})


def form_code(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To an officer whose link was opened on an unknown phone: the code that lets it in."""
    device = session.get(FormDevice, int(notice.subject.rpartition(":")[2]))
    if device is None or not device.code or now - device.asked_at >= CODE_LIVES:
        return Skip("验证码已用过或已过期")
    return Content({"code": device.code})


_SAMPLE = {"object": "云溪县某某餐饮店", "number": "450900202603100001-012"}
KINDS: tuple[Kind, ...] = (
    Kind("form_code", form_code, Content({"code": "204816"})),
    Kind("training_missing", training_missing, Content({**_SAMPLE, "name": "张三"})),
    Kind(
        "no_signature",
        no_signature,
        Content({**_SAMPLE, "reason": "负责人拒绝签字", "witness": "李四，社区居委会"}),
    ),
    Kind(
        "enterprise_record",
        enterprise_record,
        Content({**_SAMPLE, "department": "市场监管局", "day": "03月10日"}),
    ),
    Kind("refused_inspection", refused_inspection, Content({**_SAMPLE, "officers": "张三、李四"})),
)
