"""What people are told about the public record: clocks, the enterprise's copy, blocks, the end of a task."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session, func, select

from bot.core.clock import china_day
from bot.inspection.deadlines.chase import chase_asks
from bot.inspection.deadlines.shown import due_words
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.publication.duties import WAITING
from bot.inspection.publication.models import Publication
from bot.inspection.publication.service import latest_of
from bot.inspection.tasks.models import Task, Visit, VisitState
from bot.inspection.tasks.queries import VisitFacts, visit_facts
from bot.inspection.tasks.states import NAMES

_TO_DO = {
    VisitState.RECORDED: "请检查人员提交结果。",
    VisitState.IN_REVIEW: "结果正待审核。",
    VisitState.APPROVED: "结果已审核，正待公示。",
}


def _id(notice: Told) -> int:
    return int(notice.subject.rpartition(":")[2])


def _values(facts: VisitFacts) -> dict[str, Any]:
    return {"object": facts.object.name, "number": facts.visit.number, "department": facts.department}


def publicity_reminder(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """Dropped the moment the result is public."""
    facts = visit_facts(session, _id(notice))
    state, due = VisitState(facts.visit.state), facts.visit.publish_due
    if state not in WAITING:
        return Skip("已公示")
    if due is None:
        return Skip("公示期限未起算")
    left = (due - china_day(now)).days
    when = f"已超期 {-left} 天" if left < 0 else "今天到期" if left == 0 else f"还剩 {left} 天"
    values = _values(facts) | {"due": due_words(facts.visit, due), "when": when, "to_do": _TO_DO[state]}
    pages: tuple[Page, ...] = ()
    if state == VisitState.RECORDED and facts.officer(notice.recipient_id):
        pages = (Page("打开检查表", "form", (facts.visit.id,)),)
    elif state == VisitState.IN_REVIEW and facts.officer(notice.recipient_id) is None:
        pages = (Page("查看", "review", (facts.visit.id,)),)
    shown = (("检查对象", facts.object.name), ("公示期限", values["due"]), ("现状", NAMES[state]))
    asks, closed = chase_asks(session, notice, now=now)
    return Content(values, shown, asks, pages, closed=closed)


def enterprise_published(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the enterprise at once, with the way to object."""
    facts = visit_facts(session, _id(notice))
    public = latest_of(session, _id(notice))
    if public is None:
        return Skip("尚未公示")
    if notice.recipient_id not in facts.contacts:
        return Skip("不再是这家单位的联络员")
    values = _values(facts) | {
        "results": labels(public),
        "withdrawn": public.withdrawn,
        "version": public.version,
        "ground": public.ground,
    }
    pages = (
        Page("查看公示", path=f"/public/results/{first_id(session, public.visit_id)}"),
        Page("如何提出异议", "enterprise", (facts.visit.id,)),
    )
    return Content(values, (("检查单位", facts.department), ("检查结果", values["results"])), (), pages)


def labels(public: Publication) -> str:
    """The published results in one line, each once; 已撤回 when nothing is shown any more."""
    words = dict.fromkeys(detail["raninsCheckResName"] for detail in public.body["details"])
    return "已撤回" if public.withdrawn else "；".join(words)


def first_id(session: Session, visit_id: int) -> str:
    """The permanent id of a visit's public record: that of its first version."""
    return session.exec(
        select(Publication.id).where(Publication.visit_id == visit_id, Publication.version == 1)
    ).one()


def publication_blocked(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the coordinators: the guard refused a record; it names the field, never the number."""
    facts = visit_facts(session, _id(notice))
    public = latest_of(session, _id(notice))
    done = public is not None and (public.withdrawn or public.published_at > notice.created_at)
    if done or facts.visit.state == VisitState.NON_PUBLIC:
        return Skip("已处理")
    values = _values(facts) | {"where": notice.data["where"]}
    shown = (("检查对象", facts.object.name), ("字段", notice.data["where"]))
    return Content(values, shown, (Ask("已更正，重新公示", "publish_again", "primary"),))


def task_completed(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    task = session.get_one(Task, _id(notice))
    visits = session.exec(select(func.count()).where(Visit.task_id == task.id)).one()
    published = session.exec(
        select(func.count()).where(Visit.task_id == task.id, Visit.state == VisitState.PUBLISHED)
    ).one()
    values = {"task": task.name, "number": task.number, "visits": visits, "published": published}
    return Content(
        values,
        (("检查对象", f"{visits} 户"), ("已公示", f"{published} 户")),
        (),
        (Page("查看公示", path=f"/public?task={task.number}"),),
    )


_SAMPLE = {"object": "云溪县某某餐饮店", "number": "450900202603100001-012", "department": "市场监管局"}
_DUE = {"due": "04月13日", "when": "还剩 3 天", "to_do": "结果正待审核。"}
_PUBLIC = {"results": "未发现问题", "withdrawn": False, "version": 1, "ground": ""}
KINDS = (
    Kind("publicity_reminder", publicity_reminder, Content(_SAMPLE | _DUE), card=True),
    Kind(
        "enterprise_published",
        enterprise_published,
        Content(
            _SAMPLE | _PUBLIC,
            (("检查结果", "未发现问题"),),
            (),
            (Page("查看公示", path="/public/results/1"), Page("如何提出异议", "enterprise", (1,))),
        ),
        card=True,
    ),
    Kind(
        "publication_blocked",
        publication_blocked,
        Content(
            _SAMPLE | {"where": "名称（手机号）"},
            (),
            (Ask("已更正，重新公示", "publish_again", "primary"),),
        ),
        card=True,
    ),
    Kind(
        "task_completed",
        task_completed,
        Content(
            {"task": "餐饮服务食品安全抽查", "number": "450900202603100001", "visits": 25, "published": 25},
            (("检查对象", "25 户"),),
        ),
    ),
)
