"""What reviewers, officers and leads are told about a result that was handed in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.core.clock import china
from bot.inspection.checklists.queries import form_facts
from bot.inspection.deadlines.shown import due_words
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.results.judgement import Score, judge
from bot.inspection.results.labels import ResultCode, label_of
from bot.inspection.results.models import Review
from bot.inspection.results.outcome_messages import KINDS as OUTCOMES
from bot.inspection.results.quality import sign_words
from bot.inspection.results.queue_messages import KINDS as QUEUE
from bot.inspection.results.service import Decision, last_review
from bot.inspection.results.signing_messages import KINDS as SIGNING
from bot.inspection.results.traces import trace
from bot.inspection.tasks.models import VisitState
from bot.inspection.tasks.queries import VisitFacts, visit_facts
from bot.inspection.tasks.states import NAMES

_ASKS = (Ask("通过", "approve", "primary"), Ask("退回", "return", "danger"))


def _id(notice: Told) -> int:
    return int(notice.subject.rpartition(":")[2])


def _values(facts: VisitFacts) -> dict[str, Any]:
    visit = facts.visit
    return {
        "number": visit.number,
        "object": facts.object.name,
        "task": facts.task.name,
        "items": facts.item_names,
        "result": label_of(visit.outcome) if visit.outcome else "—",
        "due": due_words(visit, visit.publish_due) if visit.publish_due else "",
    }


def review_request(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The reviewer's card: it lives until somebody decided, then says who did what."""
    facts = visit_facts(session, _id(notice))
    found = sign_words(trace(session, facts))
    values = _values(facts) | {"flags": list(found)}
    shown = (
        ("检查对象", facts.object.name),
        ("检查结果", values["result"]),
        ("公示期限", values["due"] or "待作出处理决定"),
        ("提示", f"{len(found)} 条" if found else "无"),
        *(("得分", score.words) for score in _scores(session, facts)[:1]),
    )
    page = (Page("查看", "review", (facts.visit.id,)),)
    if facts.visit.state == VisitState.IN_REVIEW:
        return Content(values, shown, _ASKS, page)
    closed = decided(last_review(session, _id(notice)), facts.visit.state)
    return Content(values, shown, (), page, closed=closed)


def _scores(session: Session, facts: VisitFacts) -> list[Score]:
    """What the checklists that keep a score gave; the card has room for the first, the page shows all."""
    return judge(form_facts(session, facts.visit.id or 0), attempts_min=0).scores


def decided(review: Review | None, state: str) -> str:
    """The decision in a few words, for the place where the buttons were."""
    if review is None:
        return NAMES[VisitState(state)]
    word = "已通过" if review.decision == Decision.APPROVED else "已退回"
    return f"{word} {china(review.at):%m-%d %H:%M}"


def review_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    content = review_request(session, notice, now)
    if isinstance(content, Content) and content.closed:
        return Skip("已审核")
    return content


def result_returned(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """For both officers (who may change the form) and the lead (who only learns of it)."""
    facts = visit_facts(session, _id(notice))
    review = last_review(session, _id(notice))
    if review is None or facts.visit.state not in (VisitState.RECORDED, VisitState.ON_SITE):
        return Skip("已重新提交")
    mine = facts.officer(notice.recipient_id) is not None
    values = _values(facts) | {"reason": review.reason, "mine": mine}
    page = (Page("修改检查表", "form", (facts.visit.id,)),) if mine else ()
    return Content(values, (("检查对象", facts.object.name), ("退回理由", review.reason)), (), page)


def refusal_consequences(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the enterprise: what a serious refusal leads to, and whom to talk to."""
    facts = visit_facts(session, _id(notice))
    if facts.visit.outcome != ResultCode.R06:
        return Skip("结果已更正，不再是不配合检查")
    if notice.recipient_id not in facts.contacts:
        return Skip("不再是这家单位的联络员")
    values = {"object": facts.object.name, "department": facts.department, "number": facts.visit.number}
    return Content(values, (("检查单位", facts.department),))


_SAMPLE = {
    "number": "450900202603100001-012",
    "object": "云溪县某某餐饮店",
    "task": "餐饮服务食品安全抽查",
    "items": "餐饮服务",
    "result": "未发现问题",
    "due": "04月13日",
}
_FLAG = ["从签到到提交不足 10 分钟"]
_ROWS = (("检查对象", "云溪县某某餐饮店"), ("检查结果", "未发现问题"), ("公示期限", "04月13日"))
_REVIEW = Content(_SAMPLE | {"flags": _FLAG}, _ROWS, _ASKS, (Page("查看", "review", (1,)),))
_REASON = "第 5 项缺少照片"
_FORM = (Page("修改检查表", "form", (1,)),)

KINDS = (
    Kind(
        "refusal_consequences",
        refusal_consequences,
        Content(
            {"object": "云溪县某某餐饮店", "department": "市场监管局", "number": "450900202603100001-0012"}
        ),
    ),
    Kind("review_request", review_request, _REVIEW, card=True),
    Kind("review_reminder", review_reminder, _REVIEW, card=True),
    Kind(
        "result_returned",
        result_returned,
        Content(_SAMPLE | {"reason": _REASON, "mine": True}, (("退回理由", _REASON),), (), _FORM),
    ),
    *SIGNING,
    *QUEUE,
    *OUTCOMES,
)
