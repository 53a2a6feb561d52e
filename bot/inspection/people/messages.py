"""What the people slice tells: a certificate that runs out (C4)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session

from bot.core.clock import china_day
from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.people.alarms import ALARM, REPORT
from bot.inspection.people.models import Officer, Person


def certificate_expiring(session: Session, notice: Told, now: dt.datetime) -> Content | Skip:
    """How long the certificate still holds, while the library knows no newer one."""
    person_id = int(notice.subject.partition(":")[2])
    officer, person = session.get(Officer, person_id), session.get(Person, person_id)
    if officer is None or person is None or not person.active:
        return Skip("已不在执法检查人员名录库")
    if not notice.slot.startswith(officer.valid_to.isoformat()):  # the slot begins with the day it warned of
        return Skip("执法证已换发")
    days = (officer.valid_to - china_day(now)).days
    mine = notice.recipient_id == person_id
    return Content(
        values={"name": person.name, "mine": mine, "days": days, "day": officer.valid_to.isoformat()}
    )


KINDS: tuple[Kind, ...] = (
    ALARM,
    REPORT,
    Kind(
        "certificate_expiring",
        certificate_expiring,
        Content(values={"name": "王检查", "mine": False, "days": 30, "day": "2026-04-09"}),
    ),
)
