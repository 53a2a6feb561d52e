"""What is told about 申请延期: the request to the leads, the decision to whom it concerns."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.inspection.deadlines.models import ExtensionState
from bot.inspection.followups.extensions import shown
from bot.inspection.notices.message import Ask, Content, Kind, Skip, Told

_ASKS = (Ask("同意延期", "grant_extension", "primary"), Ask("不同意", "refuse_extension", "danger"))
_WORDS = {ExtensionState.GRANTED: "已同意", ExtensionState.REFUSED: "未同意"}


def _values(session: Session, notice: Told) -> dict[str, Any]:
    return shown(session, int(notice.subject.rpartition(":")[2]))


def extension_request(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the leads; one of them decides, the cards of the others say so."""
    values = _values(session, notice)
    facts = (("申请人", values["person"]), (values["what"], values["due"]), ("申请延至", values["until"]))
    if values["state"] == ExtensionState.ASKED and values["ended"]:
        return Content(values, facts, closed="已经办结，不用延期")
    if values["state"] == ExtensionState.ASKED:
        return Content(values, facts, _ASKS)
    return Content(values, facts, closed=_WORDS[ExtensionState(values["state"])])


def extension_decided(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    values = _values(session, notice)
    return Content(values | {"granted": values["state"] == ExtensionState.GRANTED})


_SAMPLE = {
    "person": "王一", "reason": "企业停电检修，本周无法检查", "number": "450900202603100001-0012",
    "task": "餐饮服务食品安全抽查", "due": "03月31日", "until": "04月10日", "what": "检查期限", "state": "ASKED", "ended": False,
}  # fmt: skip
KINDS = (
    Kind("extension_request", extension_request, Content(_SAMPLE, (("申请人", "王一"),), _ASKS), card=True),
    Kind("extension_decided", extension_decided, Content(_SAMPLE | {"granted": True})),
)
