"""Whose browser this is: a forwarded link opens nothing, because only the officer's own chat is told the code."""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass

from sqlalchemy import Table, and_, bindparam, func
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.checklists.models import FormDevice, VisitForm
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue
from bot.inspection.tasks.models import Visit, VisitOfficer
from bot.inspection.tasks.queries import NOT_AN_OFFICER
from bot.inspection.tasks.states import LIVE

_DEVICE = select(FormDevice).where(FormDevice.key_sha256 == bindparam("key"))
_VISITS: Table = Visit.__table__  # type: ignore[attr-defined]
_FORMS: Table = VisitForm.__table__  # type: ignore[attr-defined]
_TEAM: Table = VisitOfficer.__table__  # type: ignore[attr-defined]
_DEVICES: Table = FormDevice.__table__  # type: ignore[attr-defined]
_OWN = (
    select(  # type: ignore[call-overload]
        _VISITS.c.id, _VISITS.c.due_on, _VISITS.c.submitted_at, _FORMS.c.id, _DEVICES.c.bound_at, _DEVICES.c.gone_at
    )
    .join(_TEAM, and_(_TEAM.c.visit_id == _VISITS.c.id, _TEAM.c.person_id == bindparam("person"), _TEAM.c.state.in_(LIVE)))
    .outerjoin(_FORMS, _FORMS.c.visit_id == _VISITS.c.id)
    .outerjoin(_DEVICES, and_(_DEVICES.c.key_sha256 == bindparam("key"), _DEVICES.c.person_id == bindparam("person")))
    .where(_VISITS.c.id == bindparam("visit"))
)  # fmt: skip
CODE_LIVES = dt.timedelta(minutes=10)
DEVICE_LIVES = dt.timedelta(days=180)
_CODES_PER_HOUR, _TRIES = 6, 5


@dataclass(frozen=True, slots=True)
class Window:
    """Until when a visit can be filled, and its form (None before it is opened)."""

    visit_id: int
    due_on: dt.date
    submitted_at: dt.datetime | None
    form_id: str | None


def own_visit(
    session: Session, *, visit_id: int, person_id: int, key_sha256: str, now: dt.datetime
) -> Window | None:
    """Until when the officer's visit is open; None in a browser that is not known to be this person's.

    One statement: phones ask this with every answer. Raises ``forbidden``.
    """
    values = {"visit": visit_id, "person": person_id, "key": key_sha256}
    found = session.connection().execute(_OWN, values).one_or_none()
    if found is None:
        raise Problem("forbidden", NOT_AN_OFFICER)
    *window, bound_at, gone_at = found
    return Window(*window) if _lets_in(bound_at, gone_at, now) else None


def is_known(session: Session, *, person_id: int, key_sha256: str, now: dt.datetime) -> bool:
    """Whether the browser with this key was let in for this person, and still is."""
    device = _device(session, key_sha256)
    return (
        device is not None
        and device.person_id == person_id
        and _lets_in(device.bound_at, device.gone_at, now)
    )


def ask_code(session: Session, *, person_id: int, key_sha256: str, code: str, now: dt.datetime) -> FormDevice:
    """Send *code* to the person's chat and remember the browser that asked; raises ``codes_too_many``."""
    asked = select(func.count()).where(
        FormDevice.person_id == person_id, col(FormDevice.asked_at) > now - dt.timedelta(hours=1)
    )
    if session.exec(asked).one() >= _CODES_PER_HOUR:
        raise Problem("codes_too_many", "验证码发得太频繁，请一小时后再试，或联系任务发起科室。")
    device = FormDevice(person_id=person_id, key_sha256=key_sha256, code=code, asked_at=now)
    session.add(device)
    session.flush()
    subject = f"device:{device.id}"
    enqueue(
        session, "form_code", subject, recipient_id=person_id, now=now, priority=Priority.URGENT, statutory=True,
        expires_at=now + CODE_LIVES,
    )  # fmt: skip
    record(session, "device.code_asked", subject, now=now, actor=person_id)
    return device


def waits_for_code(session: Session, *, person_id: int, key_sha256: str, now: dt.datetime) -> bool:
    """Whether a code for this browser is on its way and still good."""
    device = _device(session, key_sha256)
    return device is not None and device.person_id == person_id and _is_open(device, now)


def bind_device(session: Session, *, person_id: int, key_sha256: str, code: str, now: dt.datetime) -> bool:
    """Let the browser in when *code* is right; False when it is wrong, too old or was guessed at too often."""
    device = session.exec(
        select(FormDevice).where(FormDevice.key_sha256 == key_sha256).with_for_update()
    ).one_or_none()
    if device is None or device.person_id != person_id or not _is_open(device, now):
        return False
    if not hmac.compare_digest(device.code.encode(), code.encode()):
        device.tries += 1
        session.add(device)
        return False
    device.bound_at, device.code = now, ""
    session.add(device)
    record(session, "device.bound", f"device:{device.id}", now=now, actor=person_id)
    return True


def _lets_in(bound_at: dt.datetime | None, gone_at: dt.datetime | None, now: dt.datetime) -> bool:
    return bound_at is not None and gone_at is None and now - bound_at < DEVICE_LIVES


def _is_open(device: FormDevice, now: dt.datetime) -> bool:
    return bool(device.code) and device.tries < _TRIES and now - device.asked_at < CODE_LIVES


def _device(session: Session, key_sha256: str) -> FormDevice | None:
    return session.execute(_DEVICE, {"key": key_sha256}).scalars().one_or_none()
