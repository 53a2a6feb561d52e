"""What officers and their leads are told about the training before a check (C14)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china, china_day
from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.people.models import Person, TrainingSession
from bot.inspection.people.quizzes import quiz_due
from bot.inspection.people.training_sessions import INVITATION, has_attended, next_session, untrained
from bot.inspection.tasks.models import Task
from bot.inspection.tasks.training import GAP, MISSED, open_days

_SHOWN = 10  # names in one message; the rest is counted


def training_invitation(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """When and where; after attendance the card says so."""
    planned = session.get_one(TrainingSession, int(notice.subject.rpartition(":")[2]))
    values = {"name": planned.name, "place": planned.place, "when": hours(planned)}
    shown = (("时间", values["when"]), ("地点", planned.place or "—"))
    if has_attended(session, notice.recipient_id, planned.name):
        due = quiz_due(session, notice.recipient_id, day=china_day(now), training_id=planned.id)
        return Content(values, shown, closed="已签到，请回复“培训测验”" if due else "已签到")
    if now > planned.ends_at:
        return Skip("培训已结束")
    return Content(values, shown)


def training_missed(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To who was invited and cannot open a form on the day: the quiz they owe, or the next sitting and why they need it
    (they were there or are trained today, but that does not hold on the day; or they did not come)."""
    held = session.get_one(TrainingSession, int(notice.subject.rpartition(":")[2]))
    person = notice.recipient_id
    days = open_days(session, today=china_day(now))
    if person not in days:
        return Skip("没有待查任务")
    day, today = days[person], china_day(now)
    if not untrained(session, {person: day}):
        return Skip("已培训")
    if due := quiz_due(session, person, day=day):
        return Content({"name": due.name, "next": "", "quiz": True, "lapses": ""})
    planned = next_session(session, department_id=session.get_one(Person, person).department_id, now=now)
    was_trained = has_attended(session, person, held.name) or not untrained(session, {person: today})
    lapses = f"{day:%m月%d日}" if was_trained else ""
    return Content({"name": held.name, "next": _next(planned), "quiz": False, "lapses": lapses})


def officers_untrained(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """To the lead of a department: who of its officers in this task cannot open a form yet."""
    task = session.get_one(Task, int(notice.subject.rpartition(":")[2]))
    department = notice.data["department"]
    missing = untrained(session, open_days(session, today=china_day(now), task_id=task.id))
    people = [p for p in (session.get_one(Person, i) for i in missing) if p.department_id == department]
    if not people:
        return Skip("均已培训")
    planned = next_session(session, department_id=department, now=now)
    return Content(
        {
            "task": task.name, "count": len(people), "names": "、".join(p.name for p in people[:_SHOWN]),
            "next": _next(planned),
        },
        (("未培训", f"{len(people)} 人"),),
    )  # fmt: skip


def _next(planned: TrainingSession | None) -> str:
    return f"{planned.name}，{hours(planned)}" if planned else ""


def hours(planned: TrainingSession) -> str:
    """``03月12日 14:00—16:30``."""
    return f"{china(planned.starts_at):%m月%d日 %H:%M}—{china(planned.ends_at):%H:%M}"


_SAMPLE = {"name": "2026年度双随机业务培训", "place": "三楼会议室", "when": "03月12日 14:00—16:30"}
_GAP = {"task": "餐饮服务食品安全抽查", "count": 2, "names": "王一、李二", "next": ""}
KINDS = (
    Kind(INVITATION, training_invitation, Content(_SAMPLE, (("时间", _SAMPLE["when"]),)), card=True),
    Kind(
        MISSED,
        training_missed,
        Content({"name": _SAMPLE["name"], "next": "补训，03月19日 14:00—15:00", "quiz": False, "lapses": ""}),
    ),
    Kind(GAP, officers_untrained, Content(_GAP, (("未培训", "2 人"),))),
)
