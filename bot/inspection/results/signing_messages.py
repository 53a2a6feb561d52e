"""What officers and leads are told about the names under a record sheet (C18)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, select

from bot.core.clock import china
from bot.inspection.checklists.models import RecordSheet, SheetSignature
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.results.closing import TO_SIGN
from bot.inspection.tasks.queries import VisitFacts, visit_facts
from bot.inspection.tasks.states import BEFORE_SUBMIT

_ASKS = (Ask("核对无误，签名", "sign_sheet", "primary"), Ask("有不同意见", "object_sheet"))


def sheet_to_sign(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The other officers' card: it lives until they signed or the sheet is no more."""
    facts = _facts(session, notice)
    sheet = session.get(RecordSheet, facts.visit.id)
    if sheet is None or sheet.verify_code != notice.slot:
        return Skip("签字已作废")
    if facts.officer(notice.recipient_id) is None:
        return Skip("已改派")
    party = f"{sheet.signed_by} 已签字" if sheet.signed_by else "未签字"
    values = {"object": facts.object.name, "number": facts.visit.number, "party": party}
    shown = (("检查对象", facts.object.name), ("被检查单位", party))
    pages = (Page("看记录表", "form", (facts.visit.id,)),)
    mine = _signature(session, sheet.verify_code, notice.recipient_id)
    if mine is not None:
        word = "已签名" if mine.agrees else "已签名，有不同意见"
        return Content(values, shown, (), pages, closed=f"{word} {china(mine.at):%m-%d %H:%M}")
    if facts.visit.state not in BEFORE_SUBMIT:
        return Skip("结果已提交")
    return Content(values, shown, _ASKS, pages)


def sheet_signed(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To those who signed earlier: nobody is missing any more."""
    facts = _facts(session, notice)
    sheet = session.get(RecordSheet, facts.visit.id)
    if sheet is None or sheet.verify_code != notice.slot or facts.visit.state not in BEFORE_SUBMIT:
        return Skip("结果已提交或签字已作废")
    values = {"object": facts.object.name, "number": facts.visit.number}
    return Content(values, pages=(Page("提交审核", "form", (facts.visit.id,)),))


def officer_objects(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the leads: an officer put another view beside the name."""
    facts = _facts(session, notice)
    sheet = session.get(RecordSheet, facts.visit.id)
    person_id = int(notice.data["person_id"])
    mine = _signature(session, sheet.verify_code, person_id) if sheet else None
    if sheet is None or mine is None or mine.agrees:
        return Skip("记录表已重新签字")
    name = session.get_one(Person, person_id).name
    values = {
        "object": facts.object.name,
        "number": facts.visit.number,
        "name": name,
        "objection": mine.objection,
    }
    return Content(values, pages=(Page("看记录表", "file", (sheet.pdf_sha256,)),))


def _signature(session: Session, verify_code: str, person_id: int) -> SheetSignature | None:
    query = select(SheetSignature).where(SheetSignature.verify_code == verify_code)
    return session.exec(query.where(SheetSignature.person_id == person_id)).one_or_none()


def _facts(session: Session, notice: Told) -> VisitFacts:
    return visit_facts(session, int(notice.subject.rpartition(":")[2]))


_SAMPLE = {"object": "云溪县某某餐饮店", "number": "450900202603100001-012"}
KINDS = (
    Kind(TO_SIGN, sheet_to_sign,
         Content(_SAMPLE | {"party": "陈老板 已签字"}, (("检查对象", "云溪县某某餐饮店"),), _ASKS,
                 (Page("看记录表", "form", (1,)),)), card=True),
    Kind("sheet_signed", sheet_signed, Content(_SAMPLE, pages=(Page("提交审核", "form", (1,)),))),
    Kind("officer_objects", officer_objects,
         Content(_SAMPLE | {"name": "李四", "objection": "第 5 项应为不合格"})),
)  # fmt: skip
