"""What officers, leads and enterprises are told about tasks and visits before there is a result."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlmodel import Session

from bot.core.clock import china, china_day
from bot.inspection.deadlines.chase import chase_asks
from bot.inspection.deadlines.shown import due_words
from bot.inspection.notices.message import Ask, Content, Kind, Page, Skip, Told
from bot.inspection.people.models import Person
from bot.inspection.tasks.adjustment import KINDS as ADJUSTMENT
from bot.inspection.tasks.approval_messages import KINDS as APPROVAL
from bot.inspection.tasks.models import (
    EnterpriseNotice,
    OfficerState,
    Task,
    TaskState,
    VisitOfficer,
    VisitState,
)
from bot.inspection.tasks.presence import present_at
from bot.inspection.tasks.queries import VisitFacts, map_link, visit_facts
from bot.inspection.tasks.reminders import still_open, unanswered
from bot.inspection.tasks.states import BEFORE_RECORD, BEFORE_SUBMIT, BEFORE_VISIT, NAMES
from bot.inspection.tasks.training_messages import KINDS as TRAINING

_SHOWN = 10  # names in one message; the rest is counted


def _id(notice: Told) -> int:
    return int(notice.subject.rpartition(":")[2])


def _facts(facts: VisitFacts, person_id: int) -> tuple[tuple[str, str], ...]:
    return (
        ("检查对象", facts.object.name),
        ("地址", facts.object.address or "—"),
        ("事项", facts.item_names),
        ("同行人员", facts.partners(person_id)),
        ("检查日期", f"{facts.visit.planned_on:%m月%d日}，最迟 {due_words(facts.visit, facts.visit.due_on)}"),
        ("材料", "执照、许可证件、台账"),
    )


def _values(facts: VisitFacts) -> dict[str, Any]:
    return {
        "number": facts.visit.number, "object": facts.object.name, "task": facts.task.name, "items": facts.item_names,
        "planned": f"{facts.visit.planned_on:%m月%d日}", "due": due_words(facts.visit, facts.visit.due_on),
        "address": facts.object.address, "credit": facts.object.credit_class, "department": facts.department,
    }  # fmt: skip


_SAMPLE = {
    "number": "450900202603100001-012", "object": "云溪县某某餐饮店", "task": "餐饮服务食品安全抽查", "items": "餐饮服务",
    "planned": "03月16日", "due": "03月31日", "address": "云溪县城关镇人民路8号", "credit": "B", "department": "市场监管局",
}  # fmt: skip


def _pages(facts: VisitFacts) -> tuple[Page, ...]:
    """The form, the certificates to hold out, and the way there."""
    visit = (facts.visit.id,)
    way = map_link(facts.object)
    pages = (Page("打开检查表", "form", visit), Page("亮证", "form", visit, then="/show"))
    return (*pages, Page("导航", path=way)) if way else pages


def assignment(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The officer's own card: it lives until the result is in, its buttons follow the visit."""
    facts = visit_facts(session, _id(notice))
    mine = facts.officer(notice.recipient_id)
    if mine is None:
        return Skip("已改派，您不再负责这次检查")
    shown = Content(_values(facts) | {"next_step": ""}, _facts(facts, notice.recipient_id))
    if facts.visit.state not in BEFORE_SUBMIT:
        return replace(shown, closed=NAMES[VisitState(facts.visit.state)], due_on=facts.visit.due_on)
    if mine.state == OfficerState.RECUSAL_ASKED:
        return replace(shown, closed="已申请回避，待决定")
    present = _is_present(session, notice, facts)
    shown.values["next_step"] = _next_step(facts, mine, present=present)
    if mine.state == OfficerState.ASSIGNED:
        schedule = Page("谁在何时会收到什么", "schedule", (facts.visit.id,))
        return replace(shown, asks=_ANSWERS, pages=(schedule, *_pages(facts)[2:]), due_on=facts.visit.due_on)
    return replace(shown, asks=_visit_asks(facts, present=present, recuse=True), pages=_pages(facts))


def _is_present(session: Session, notice: Told, facts: VisitFacts) -> bool:
    return notice.recipient_id in present_at(session, [facts.visit.id or 0])[facts.visit.id or 0]


def _next_step(facts: VisitFacts, mine: VisitOfficer, *, present: bool) -> str:
    """What the officer's own card asks for now; it changes with the buttons."""
    if mine.state == OfficerState.ASSIGNED:
        return "请先确认能否参加。"
    if facts.visit.state == VisitState.RECORDED:
        return "请核对记录，签字后提交。"
    if not facts.on_site:
        return "请逐项核查、填写检查表。"
    if not present:
        return "请按期到场签到。"
    if facts.visit.state in BEFORE_VISIT:
        return "您已签到，同行人员签到后即可开始。"
    return "您已签到，请逐项检查、填写检查表。"


def _visit_asks(facts: VisitFacts, *, present: bool, recuse: bool = False) -> tuple[Ask, ...]:
    """Arriving, for who is not there yet (another department of a joint visit may have begun); then the questions."""
    asks: tuple[Ask, ...] = ()
    if not present and facts.visit.state != VisitState.RECORDED:
        step_back = (Ask("申请回避", "recuse"),) if recuse else ()
        asks = (Ask("到场签到", "check_in", "primary"), *step_back)
    if facts.visit.state in (VisitState.ON_SITE, VisitState.RECORDED):
        asks = (*asks, Ask("逐项问答", "ask_by_chat"))
    return asks


def assignment_reminder(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    facts = visit_facts(session, _id(notice))
    mine = facts.officer(notice.recipient_id)
    if mine is None:
        return Skip("已改派")
    if mine.state != OfficerState.ASSIGNED:
        return Skip("已答复")
    return Content(_values(facts), _facts(facts, notice.recipient_id)[:3], _ANSWERS)


def visit_day(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    facts = visit_facts(session, _id(notice))
    if facts.officer(notice.recipient_id) is None:
        return Skip("已改派")
    if facts.visit.state not in BEFORE_SUBMIT:
        return Skip("检查已完成")
    asks = _visit_asks(facts, present=_is_present(session, notice, facts))
    return Content(_values(facts), _facts(facts, notice.recipient_id)[:4], asks, _pages(facts))


def visit_window(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    facts = visit_facts(session, _id(notice))
    if facts.officer(notice.recipient_id) is None:
        return Skip("已改派")
    if facts.visit.state not in BEFORE_RECORD:
        return Skip("检查记录已完成")
    begun = facts.visit.state == VisitState.ON_SITE
    if facts.visit.planned_on <= china_day(now) and not begun:
        return Skip("今日检查提醒已说明")  # the morning card of the visit day says it each day
    asks, closed = chase_asks(session, notice, now=now)
    if asks:
        asks = (*asks, Ask("申请延期", "ask_extension", subject=asks[0].subject))
    values = _values(facts) | {"begun": begun}
    return Content(values, _facts(facts, notice.recipient_id)[:3], asks, _pages(facts), closed=closed)


def assignment_overdue(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """Names who has not answered; one a day, however many they are."""
    task = session.get_one(Task, _id(notice))
    waiting = unanswered(session, _id(notice))
    if not waiting:
        return Skip("均已接收")
    names = [session.get_one(Person, person).name for _, person in waiting[:_SHOWN]]
    return Content(
        {"task": task.name, "count": len(waiting), "names": "、".join(dict.fromkeys(names))},
        (("未接收", f"{len(waiting)} 人次"),), (Ask("催办全部", "remind_all", "primary"),), overdue=True,
    )  # fmt: skip


def window_ending(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    task = session.get_one(Task, _id(notice))
    count = still_open(session, _id(notice))
    if not count:
        return Skip("均已检查并记录")
    late = task.window_end < china_day(now)
    return Content(
        {"task": task.name, "count": count, "due": due_words(task, task.window_end), "late": late},
        overdue=late,
    )


def libraries_stale(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the keepers of the libraries before every draw (YL-3.3.b); one press confirms both."""
    task = session.get_one(Task, _id(notice))
    values = {"task": task.name, "number": task.number}
    if task.state != TaskState.APPROVED:
        return Content(values, closed="两库已确认")
    return Content(values, (("任务", task.name),), (Ask("两库已更新，确认", "confirm_libraries", "primary"),))


def partner_waiting(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """To the others of the team: somebody of it has not answered."""
    facts = visit_facts(session, _id(notice))
    if facts.officer(notice.recipient_id) is None:
        return Skip("已改派")
    waiting = [person.name for person, officer in facts.officers if officer.state == OfficerState.ASSIGNED]
    if not waiting:
        return Skip("均已接收")
    return Content(_values(facts) | {"names": "、".join(waiting)})


def recusal_request(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """For the lead, who alone reads the reason (field guide 6)."""
    officer = session.get_one(VisitOfficer, _id(notice))
    facts = visit_facts(session, officer.visit_id)
    person = session.get_one(Person, officer.person_id)
    values = _values(facts) | {"person": person.name, "reason": officer.recusal_reason}
    if officer.state == OfficerState.REPLACED:
        follower = session.get(Person, officer.replaced_by) if officer.replaced_by else None
        return Content(values, closed=f"已同意，改由{follower.name}" if follower else "已同意")
    if officer.state != OfficerState.RECUSAL_ASKED:
        return Content(values, closed="已驳回")
    return Content(
        values, (("申请人", person.name), ("检查对象", facts.object.name)),
        (Ask("同意并重新抽取", "grant_recusal", "primary"), Ask("不同意", "deny_recusal", "danger")),
    )  # fmt: skip


def recusal_decided(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    officer = session.get_one(VisitOfficer, _id(notice))
    facts = visit_facts(session, officer.visit_id)
    return Content(_values(facts) | {"granted": notice.data["granted"]})


def enterprise_notice(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """行政检查通知书 (C15). Once the visit is over it only says so."""
    facts = visit_facts(session, _id(notice))
    told = session.get_one(EnterpriseNotice, facts.visit.id)
    if told.read_at is None and facts.visit.state not in BEFORE_SUBMIT:
        return Skip("检查已结束")
    if notice.recipient_id not in facts.contacts:
        return Skip("联络员没有聊天账号，书面送达")
    officers = "、".join(person.name for person, _ in facts.officers)
    values = _values(facts) | {"officers": officers, "code": facts.object.code}
    shown = (("检查单位", facts.department), ("检查事项", facts.item_names), ("检查时间", values["planned"]),
             ("执法人员", officers))  # fmt: skip
    page = (Page("查看通知书", "enterprise", (facts.visit.id,)),)
    if told.read_at is not None:
        return Content(values, shown, (), page, closed=f"已阅 {china(told.read_at):%m-%d %H:%M}")
    return Content(values, shown, (Ask("已阅", "read_notice", "primary"),), page)


def task_dispatched(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    task = session.get_one(Task, _id(notice))
    return Content({"task": task.name, "number": task.number, **notice.data},
                   (("检查对象", f"{notice.data['visits']} 户"), ("执法人员", f"{notice.data['officers']} 人")))  # fmt: skip


def not_delivered(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """The enterprise cannot be told in chat: the team takes the paper along."""
    facts = visit_facts(session, _id(notice))
    if facts.visit.state not in BEFORE_VISIT:
        return Skip("检查已开始")
    if facts.contacts:
        return Skip("联络员已绑定，通知书已在线发送")
    return Content(_values(facts))


_ROWS = (("检查对象", "云溪县某某餐饮店"), ("事项", "餐饮服务"), ("同行人员", "李四"))
_ANSWERS = (Ask("收到", "accept", "primary"), Ask("申请回避", "recuse"), Ask("不能参加", "cannot_attend"))

KINDS = (
    Kind("assignment", assignment, Content(_SAMPLE | {"next_step": "请先确认能否参加。"}, _ROWS, _ANSWERS), card=True),
    Kind("assignment_reminder", assignment_reminder, Content(_SAMPLE, _ROWS, _ANSWERS), card=True),
    Kind("visit_day", visit_day,
         Content(_SAMPLE, _ROWS, (Ask("到场签到", "check_in", "primary"),), (Page("打开检查表", "form", (1,)),)), card=True),
    Kind("visit_window", visit_window,
         Content(_SAMPLE | {"begun": False}, _ROWS, (Ask("收到", "got_it", "primary", "deadline:1"),),
                 (Page("打开检查表", "form", (1,)),)),
         card=True),
    Kind("assignment_overdue", assignment_overdue,
         Content({"task": "餐饮服务食品安全抽查", "count": 3, "names": "王一、李二"}, (("未接收", "3 人次"),),
                 (Ask("催办全部", "remind_all", "primary"),)), card=True),
    Kind("window_ending", window_ending,
         Content({"task": "餐饮服务食品安全抽查", "count": 3, "due": "03月31日", "late": False})),
    Kind("recusal_request", recusal_request,
         Content(_SAMPLE | {"person": "王一", "reason": "被检查单位负责人是本人近亲属"}, (("申请人", "王一"),),
                 (Ask("同意并重新抽取", "grant_recusal", "primary"), Ask("不同意", "deny_recusal", "danger"))), card=True),
    Kind("recusal_decided", recusal_decided, Content(_SAMPLE | {"granted": True})),
    Kind("enterprise_notice", enterprise_notice,
         Content(_SAMPLE | {"officers": "王一、李二", "code": "91440800XXXX00019Q"}, (("检查单位", "市场监管局"),),
                 (Ask("已阅", "read_notice", "primary"),), (Page("查看通知书", "enterprise", (1,)),)), card=True),
    Kind("task_dispatched", task_dispatched,
         Content({"task": "餐饮服务食品安全抽查", "number": "450900202603100001", "visits": 25, "officers": 30},
                 (("检查对象", "25 户"),))),
    Kind("notice_on_paper", not_delivered, Content(_SAMPLE)),
    *TRAINING,
    *APPROVAL,
    *ADJUSTMENT,
    Kind("partner_waiting", partner_waiting, Content(_SAMPLE | {"names": "李四"})),
    Kind("libraries_stale", libraries_stale,
         Content({"task": "餐饮服务食品安全抽查", "number": "450900202603100001"}, (("任务", "餐饮服务食品安全抽查"),),
                 (Ask("两库已更新，确认", "confirm_libraries", "primary"),)), card=True),
)  # fmt: skip
