"""What handlers, leads and enterprises are told about a follow-up."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.deadlines.chase import chase_asks
from bot.inspection.deadlines.shown import due_words
from bot.inspection.followups.clue_messages import KINDS as CLUES
from bot.inspection.followups.credit_messages import KINDS as CREDIT
from bot.inspection.followups.extension_messages import KINDS as EXTENSIONS
from bot.inspection.followups.models import FollowUp, FollowUpState
from bot.inspection.followups.queries import crime_words
from bot.inspection.followups.return_messages import KINDS as RETURNS
from bot.inspection.followups.rules import CORRECTED, NAMES
from bot.inspection.followups.transfer_messages import KINDS as TRANSFERS
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.tasks.queries import VisitFacts, visit_facts

S = FollowUpState
_REPORT = Ask("已整改", "report_correction", "primary")
_HANDLE = Ask("登记处理", "handle_followup", "primary")
_ELSE = Ask("登记处理", "handle_followup")
_CLOSE = Ask("复查合格", "close_followup", "primary")
_REJECT = Ask("仍需整改", "reject_correction", "danger")


def _load(session: Session, notice: Told) -> tuple[FollowUp, VisitFacts]:
    found = session.get_one(FollowUp, int(notice.subject.rpartition(":")[2]))
    return found, visit_facts(session, found.visit_id)


def _values(found: FollowUp, facts: VisitFacts) -> dict[str, Any]:
    return {
        "number": found.number,
        "object": facts.object.name,
        "department": facts.department,
        "problem": found.problem,
        "order": found.order_text,
        "report": found.report,
        "due": due_words(found, found.due_on) if found.due_on else "",
        "state": NAMES[S(found.state)],
    }


def followup_opened(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """A problem found; the card follows it to the end."""
    found, facts = _load(session, notice)
    values = _values(found, facts)
    shown = (
        ("检查对象", facts.object.name),
        ("问题", found.problem),
        ("现状", values["state"]),
        ("期限", values["due"] or "—"),
    )
    closed = NAMES[S.CLOSED] if found.state == S.CLOSED else crime_words(session, found)
    return Content(values, shown, () if closed else _asks(found), closed=closed)


def enterprise_order(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """责令改正 to the enterprise; 已整改 stays there until it is said."""
    found, facts = _load(session, notice)
    if notice.recipient_id not in facts.contacts:
        return Skip("不再是这家单位的联络员")
    values = _values(found, facts)
    shown = (
        ("检查单位", facts.department),
        ("要求", found.order_text or found.problem),
        ("期限", values["due"]),
    )
    page = (Page("查看要求", "enterprise", (facts.visit.id,)),)
    if found.state == S.ORDERED:
        return Content(values, shown, (_REPORT,), page)
    said = "已报告整改，等待复查" if found.state == S.RECHECK_DUE else NAMES[S(found.state)]
    return Content(values, shown, (), page, closed=said)


def order_on_paper(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """No contact in chat: the handler delivers the order and closes it from here."""
    found, facts = _load(session, notice)
    values = _values(found, facts)
    shown = (("检查对象", facts.object.name), ("要求", found.order_text), ("期限", values["due"]))
    if found.state in (S.ORDERED, S.RECHECK_DUE):
        return Content(values, shown, (_CLOSE, _ELSE))
    return Content(values, shown, closed=NAMES[S(found.state)])


def order_lifted(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The finding was taken back, and the order with it."""
    found, facts = _load(session, notice)
    if found.closing_note != CORRECTED:
        return Skip(NAMES[S(found.state)])
    mine = notice.recipient_id in facts.contacts
    return Content(_values(found, facts) | {"enterprise": mine}, (("原要求", found.order_text),))


def correction_reported(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The enterprise says it is done: the handler checks again."""
    found, facts = _load(session, notice)
    values = _values(found, facts)
    shown = (("检查对象", facts.object.name), ("要求", found.order_text), ("整改情况", found.report))
    if found.state == S.RECHECK_DUE:
        return Content(values, shown, _asks(found), (Page("查看", "review", (facts.visit.id,)),))
    said = "仍需整改" if found.state == S.ORDERED else NAMES[S(found.state)]
    return Content(values, shown, closed=said)


def correction_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To the enterprise, the handler or the lead: what is still missing, and by when."""
    found, facts = _load(session, notice)
    if found.state not in (S.OPEN, S.ORDERED, S.RECHECK_DUE):
        return Skip(NAMES[S(found.state)])
    enterprise = notice.recipient_id in facts.contacts
    if enterprise and found.state != S.ORDERED:
        return Skip("已报告整改")
    when = ""
    if found.due_on is not None:
        left = (found.due_on - china_day(now)).days
        when = f"已超期 {-left} 天" if left < 0 else "今天到期" if left == 0 else f"还剩 {left} 天"
    values = _values(found, facts) | {"when": when, "enterprise": enterprise}
    shown = (("检查对象", facts.object.name), ("现状", values["state"]), ("期限", values["due"] or "—"))
    overdue = found.due_on is not None and found.due_on < china_day(now)
    chase, closed = chase_asks(session, notice, now=now)
    if chase and found.state == S.ORDERED and notice.recipient_id == found.handler_id:
        chase = (*chase, Ask("申请延期", "ask_extension", subject=chase[0].subject))
    mine = (_REPORT,) if enterprise else (*_asks(found), *chase)
    asks = () if closed else mine
    return Content(values, shown, asks, closed=closed, overdue=overdue)


def _asks(found: FollowUp) -> tuple[Ask, ...]:
    """What the handler, an officer or the lead may do about a problem that is not closed."""
    if found.state == S.RECHECK_DUE:
        return (_CLOSE, _REJECT, _ELSE)
    return (_CLOSE, _ELSE) if found.state == S.ORDERED else (_HANDLE,)


_SAMPLE = {
    "number": "450900202603100001-012-H1",
    "object": "云溪县某某餐饮店",
    "department": "市场监管局",
    "problem": "第 5 项：未公示食品安全管理制度",
    "order": "请在期限内改正检查发现的问题：未公示食品安全管理制度",
    "report": "已张贴公示栏",
    "due": "03月31日",
    "state": "限期整改中",
}
KINDS = (
    Kind("order_lifted", order_lifted, Content(_SAMPLE | {"enterprise": True})),
    Kind("followup_opened", followup_opened, Content(_SAMPLE, (), (_HANDLE,)), card=True),
    Kind(
        "enterprise_order",
        enterprise_order,
        Content(_SAMPLE, (), (_REPORT,), (Page("查看要求", "enterprise", (1,)),)),
        card=True,
    ),
    Kind("order_on_paper", order_on_paper, Content(_SAMPLE, (), (_CLOSE, _ELSE)), card=True),
    Kind(
        "correction_reported", correction_reported, Content(_SAMPLE, (), (_CLOSE, _REJECT, _ELSE)), card=True
    ),
    Kind(
        "correction_reminder",
        correction_reminder,
        Content(_SAMPLE | {"when": "还剩 3 天", "enterprise": False}, (), (_CLOSE, _ELSE)),
        card=True,
    ),
    *CLUES,
    *CREDIT,
    *RETURNS,
    *TRANSFERS,
    *EXTENSIONS,
)
