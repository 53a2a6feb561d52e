"""Tell the administrators that a chat service needs them: it went silent, or its monthly quota is used up."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Person, PersonRole, Role

KEPT = dt.timedelta(days=2)  # an alarm older than this helps nobody


def report_to_administrators(
    session: Session, *, platform: str, slot: str, text: str, advice: str, now: dt.datetime
) -> int:
    """As :func:`tell_administrators`, for what is only to be known: it may wait for the morning."""
    data = {"text": text, "advice": advice}
    return _promise(session, "contacts_report", platform, data, slot=slot, now=now)


def tell_administrators(
    session: Session, *, platform: str, slot: str, text: str, advice: str, now: dt.datetime
) -> int:
    """Promise the alarm once for each *slot* to every administrator, or to the coordinators where there is none.

    *text* and *advice* are zh-CN and hold no personal data. Returns how many are told.
    """
    data = {"text": text, "advice": advice}
    return _promise(session, ALARM.name, platform, data, slot=slot, now=now)


def _promise(
    session: Session, kind: str, platform: str, data: dict[str, str], *, slot: str, now: dt.datetime
) -> int:
    people = _with_role(session, Role.ADMIN) or _with_role(session, Role.COORDINATOR)
    urgent = kind == ALARM.name
    priority = Priority.URGENT if urgent else Priority.NORMAL
    subject, expires = f"platform:{platform}", now + KEPT
    rows = [
        row(
            kind, subject, recipient_id=person, now=now, slot=slot, priority=priority, statutory=urgent,
            expires_at=expires, data=data,
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


def platform_alarm(_session: Session, notice: Told, _now: dt.datetime) -> Content | Skip:
    """What was seen and what to do about it."""
    return Content(values={"text": notice.data["text"], "advice": notice.data["advice"]})


ALARM = Kind(
    "platform_alarm",
    platform_alarm,
    Content(values={"text": "钉钉连接已中断 5 分钟。", "advice": "检查服务器网络。"}),
)
REPORT = Kind(
    "contacts_report",
    platform_alarm,
    Content(values={"text": "通讯录核对：新增 2、停用 1。", "advice": "逐条记录：suicha audit tail"}),
)
