"""Whose browser this is: a forwarded link opens nothing, because only the officer's own chat is told the code."""

from __future__ import annotations

import datetime as dt
import hmac

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.checklists.models import FormDevice
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue

_DEVICE = select(FormDevice).where(FormDevice.key_sha256 == bindparam("key"))
CODE_LIVES = dt.timedelta(minutes=10)
DEVICE_LIVES = dt.timedelta(days=180)
_CODES_PER_HOUR, _TRIES = 6, 5


def is_known(session: Session, *, person_id: int, key_sha256: str, now: dt.datetime) -> bool:
    """Whether the browser with this key was let in for this person, and still is."""
    device = _device(session, key_sha256)
    return (
        device is not None
        and device.person_id == person_id
        and device.bound_at is not None
        and device.gone_at is None
        and now - device.bound_at < DEVICE_LIVES
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


def _is_open(device: FormDevice, now: dt.datetime) -> bool:
    return bool(device.code) and device.tries < _TRIES and now - device.asked_at < CODE_LIVES


def _device(session: Session, key_sha256: str) -> FormDevice | None:
    return session.execute(_DEVICE, {"key": key_sha256}).scalars().one_or_none()
