"""Who could not be told is told to their lead by name, one message an hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from bot.core.clock import china
from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.notices.models import Notice, NoticeState, Priority
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Person, Role
from bot.inspection.tasks.queries import leads_of, people_with_role

NO_ANSWER = "未读未答，没有其他联系方式"
_OWN = ("unreached", "platform_alarm", "digest", "reply", "mass_telling")
_GATHER = dt.timedelta(minutes=2)
_SHOWN = 10


def tell_leads(session: Session, notice_ids: Sequence[int], *, now: dt.datetime) -> None:
    """Promise the leads of these notices' recipients that they get the names. One message an hour each."""
    if not notice_ids:
        return
    query = (
        select(Person.department_id)
        .join(Notice, col(Notice.recipient_id) == col(Person.id))
        .where(col(Notice.id).in_(notice_ids), col(Notice.kind).not_in(_OWN))
        .distinct()
    )
    hour = china(now).replace(minute=0, second=0, microsecond=0)
    for department in session.exec(query).all():
        leads = leads_of(session, department) if department else people_with_role(session, Role.COORDINATOR)
        for lead in leads:
            enqueue(
                session, "unreached", f"department:{department or 0}", recipient_id=lead, now=now,
                slot=f"{hour:%Y-%m-%dT%H}", not_before=now + _GATHER, expires_at=now + dt.timedelta(hours=12),
                priority=Priority.ASSIGNMENT, data={"since": hour.isoformat()},
            )  # fmt: skip


def make_kind(titles: Mapping[str, str]) -> Kind:
    """The kind ``unreached``; *titles* are short zh-CN names of the other kinds."""

    def unreached(session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
        department = int(notice.subject.partition(":")[2]) or None
        since = dt.datetime.fromisoformat(notice.data["since"])
        missed = (col(Notice.state) == NoticeState.FAILED) | (col(Notice.detail) == NO_ANSWER)
        query = (
            select(Notice, Person.name)
            .join(Person, col(Person.id) == col(Notice.recipient_id))
            .where(
                missed, Person.department_id == department, col(Notice.kind).not_in(_OWN),
                col(Notice.done_at) >= since, col(Notice.done_at) < since + dt.timedelta(hours=1),
            )
            .order_by(col(Notice.id))
        )  # fmt: skip
        found = session.exec(query).all()
        lines = [
            {"name": name, "what": titles.get(one.kind, "消息"), "why": one.detail}
            for one, name in found[:_SHOWN]
        ]
        people = len({one.recipient_id for one, _ in found})
        if not lines:
            return Skip("都已收到")
        return Content({"count": people, "lines": lines, "more": max(len(found) - _SHOWN, 0)})

    line = {"name": "王检查", "what": "检查任务", "why": "没有可用的联系方式：不在应用可见范围"}
    return Kind("unreached", unreached, Content({"count": 1, "lines": [line], "more": 2}))
