"""What is told about 不予公示 and 撤回: the request to who decides, the decision to who asked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.inspection.notices.message import Ask, Content, Kind, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.publication.models import Withholding
from bot.inspection.tasks.queries import visit_facts

_ASKS = (Ask("同意", "grant_withholding", "danger"), Ask("不同意", "refuse_withholding"))


def _known(session: Session, notice: Told) -> tuple[Withholding, dict[str, Any]]:
    asked = session.get_one(Withholding, int(notice.subject.rpartition(":")[2]))
    facts = visit_facts(session, asked.visit_id)
    person = session.get_one(Person, asked.asked_by).name
    what = "撤回公示" if asked.published else "不予公示"
    return asked, {
        "person": person, "what": what, "object": facts.object.name, "number": facts.visit.number,
        "ground": asked.ground, "published": asked.published, "granted": asked.granted,
    }  # fmt: skip


def withholding_request(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """One decides, the cards of the others say so."""
    asked, values = _known(session, notice)
    shown = (("检查对象", values["object"]), ("申请人", values["person"]), ("理由", values["ground"]))
    if asked.decided_at is None:
        return Content(values, shown, _ASKS)
    return Content(values, shown, closed="已同意" if asked.granted else "未同意")


def withholding_decided(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    return Content(_known(session, notice)[1])


_SAMPLE: dict[str, Any] = {
    "person": "王一", "what": "不予公示", "object": "云溪县某某餐饮店", "number": "450900202603100001-0012",
    "ground": "涉及商业秘密", "published": False, "granted": True,
}  # fmt: skip
KINDS = (
    Kind(
        "withholding_request", withholding_request, Content(_SAMPLE, (("申请人", "王一"),), _ASKS), card=True
    ),
    Kind("withholding_decided", withholding_decided, Content(_SAMPLE)),
)
