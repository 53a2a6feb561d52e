"""Tell the administrators that a chat service needs them: it went silent, or its monthly quota is used up."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.inspection.notices.message import Content, Kind, Skip
from bot.inspection.notices.models import Notice, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Person, PersonRole, Role

KEPT = dt.timedelta(days=2)  # an alarm older than this helps nobody


def tell_administrators(
    session: Session,
    *,
    platform: str,
    slot: str,
    text: str,
    advice: str,
    now: dt.datetime,
    urgent: bool = True,
) -> int:
    """Promise the alarm once for each *slot* to every administrator, or to the coordinators where there is none.

    *text* and *advice* are zh-CN and hold no personal data. Returns how many are told.
    """
    people = _with_role(session, Role.ADMIN) or _with_role(session, Role.COORDINATOR)
    data = {"text": text, "advice": advice}
    priority = Priority.URGENT if urgent else Priority.NORMAL
    subject, expires = f"platform:{platform}", now + KEPT
    rows = [
        row(
            "platform_alarm", subject, recipient_id=person, now=now, slot=slot, priority=priority,
            statutory=urgent, expires_at=expires, data=data,
        )
        for person in people
    ]  # fmt: skip
    return enqueue_many(session, rows)


def _with_role(session: Session, role: Role) -> list[int]:
    query = (
        select(Person.id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(PersonRole.role == role, col(Person.active))
    )
    return [found for found in session.exec(query) if found is not None]


def platform_alarm(_session: Session, notice: Notice, _now: dt.datetime) -> Content | Skip:
    """What was seen and what to do about it."""
    return Content(values={"text": notice.data["text"], "advice": notice.data["advice"]})


ALARM = Kind(
    "platform_alarm",
    platform_alarm,
    Content(values={"text": "钉钉连接已中断 5 分钟。", "advice": "检查服务器网络。"}),
)
