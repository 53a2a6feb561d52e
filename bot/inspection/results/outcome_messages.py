"""What follows from outcomes other than findings: the library is to be mended, a refusal has consequences (C24)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.inspection.checklists.outcomes import REGISTRY, ResultCode
from bot.inspection.notices.message import Content, Kind, Page, Skip, Told
from bot.inspection.results.labels import label_of
from bot.inspection.tasks.queries import visit_facts

MENDS_LIBRARY = frozenset({code.value for code in REGISTRY} | {ResultCode.R07.value})
OBSTRUCTS = frozenset({ResultCode.R06.value, ResultCode.R03.value})  # refusal and concealment


def library_mismatch(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the library administrator: the object is not what the library says (field guide 2.2, R07 and R21 to R25)."""
    facts = visit_facts(session, int(notice.subject.rpartition(":")[2]))
    if facts.visit.outcome not in MENDS_LIBRARY:
        return Skip("结果已更正")
    return Content({"object": facts.object.name, "code": facts.object.code, "result": label_of(facts.visit.outcome),
                    "items": facts.item_names, "number": facts.visit.number})  # fmt: skip


def enterprise_obstruction(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the enterprise at once: what a refusal or false statements lead to, and how it is heard (SC-4.3.1.f)."""
    facts = visit_facts(session, int(notice.subject.rpartition(":")[2]))
    if facts.visit.outcome not in OBSTRUCTS or notice.recipient_id not in facts.contacts:
        return Skip("结果已更正")
    return Content(
        {"object": facts.object.name, "department": facts.department, "result": label_of(facts.visit.outcome),
         "number": facts.visit.number},
        pages=(Page("查看", "enterprise", (facts.visit.id,)),),
    )  # fmt: skip


_SAMPLE = {"object": "云溪县某某餐饮店", "number": "450900202603100001-012"}
KINDS = (
    Kind("library_mismatch", library_mismatch,
         Content(_SAMPLE | {"code": "91440800XXXX00019Q", "result": "注销", "items": "餐饮服务"})),
    Kind("enterprise_obstruction", enterprise_obstruction,
         Content(_SAMPLE | {"department": "市场监管局", "result": "不配合检查情节严重"},
                 pages=(Page("查看", "enterprise", (1,)),))),
)  # fmt: skip
