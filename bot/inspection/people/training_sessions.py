"""Trainings before the check: planned, invited to, attended by a code said on the spot (C14, ZJ-2.6.c)."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.notices.service import supersede
from bot.inspection.people.models import Officer, Person, Training, TrainingSession
from bot.inspection.people.quiz import Question

INVITATION = "training_invitation"
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that reads as something else
_LENGTH = 6  # one of 31 ** 6, good for one afternoon
AROUND = dt.timedelta(minutes=30)  # before it begins and after it ends


def subject_of(training_id: int) -> str:
    return f"training:{training_id}"


def plan_session(
    session: Session, *, name: str, place: str, starts_at: dt.datetime, ends_at: dt.datetime, valid_to: dt.date,
    now: dt.datetime, department_id: int | None = None, actor: int | None = None,
    quiz: Sequence[Question] = (), pass_percent: int | None = None,
) -> tuple[TrainingSession, str]:  # fmt: skip
    """A sitting and its attendance code, which is shown once: only the digest is kept.

    Raises ``training_hours``, ``training_validity``, ``training_twice`` (a sitting of that name exists),
    ``quiz_invalid`` (a quiz and its pass mark belong together).
    """
    name = name.strip()
    if not starts_at < ends_at or ends_at <= now:
        raise Problem("training_hours", "培训结束时间应晚于开始时间和现在。", 开始=_shown(starts_at))
    if valid_to < china_day(ends_at):
        raise Problem("training_validity", "有效期止不能早于培训当天。", 有效期止=valid_to.isoformat())
    if not name or session.exec(select(TrainingSession.id).where(TrainingSession.name == name)).first():
        raise Problem("training_twice", "培训名称为空或已有同名培训，请换一个名称。", 名称=name)
    if bool(quiz) != (pass_percent is not None) or (quiz and not 1 <= (pass_percent or 0) <= 100):
        raise Problem(
            "quiz_invalid", "测验题目和合格分（1 至 100）要一起写。", 合格分=str(pass_percent or "")
        )
    code = _new_code()
    planned = TrainingSession(
        name=name, place=place.strip(), starts_at=starts_at, ends_at=ends_at, valid_to=valid_to,
        department_id=department_id, code_sha256=_digest(code), created_at=now,
        quiz=[one.stored() for one in quiz], pass_percent=pass_percent,
    )  # fmt: skip
    session.add(planned)
    session.flush()
    record(session, "training.planned", subject_of(planned.id or 0), now=now, actor=actor, name=name)
    return planned, code


def renew_code(session: Session, *, training_id: int, now: dt.datetime, actor: int | None = None) -> str:
    """A new attendance code; the one before ends."""
    planned = session.get(TrainingSession, training_id, with_for_update=True)
    if planned is None:
        raise Problem("not_found", "没有这场培训。", 编号=str(training_id))
    code = _new_code()
    planned.code_sha256 = _digest(code)
    session.add(planned)
    record(session, "training.code_renewed", subject_of(training_id), now=now, actor=actor)
    return code


def attend(session: Session, *, person_id: int, code: str, now: dt.datetime) -> TrainingSession:
    """Somebody says the code on the spot: from here the form opens, or the quiz begins. Twice is once.

    Raises ``training_code_wrong``, ``training_not_now``, ``forbidden`` for who is not in the inspector library.
    """
    query = select(TrainingSession).where(TrainingSession.code_sha256 == _digest(code))
    held = session.exec(query).one_or_none()
    if held is None:
        raise Problem("training_code_wrong", "签到码不对，请看现场公布的签到码。")
    if session.get(Officer, person_id) is None:
        raise Problem("forbidden", "您不在执法检查人员名录库，不用签到。")
    if not held.starts_at - AROUND <= now <= held.ends_at + AROUND:
        raise Problem("training_not_now", "现在不是这场培训的签到时间。", 培训=held.name)
    if not has_attended(session, person_id, held.name):
        session.add(
            Training(person_id=person_id, session=held.name, held_on=china_day(held.starts_at), valid_to=held.valid_to,
                     quiz_due=bool(held.quiz))
        )  # fmt: skip
        subject = subject_of(held.id or 0)
        record(session, "training.attended", subject, now=now, actor=person_id)
        supersede(session, subject, kinds=(INVITATION,), recipient_id=person_id, reason="已签到", now=now)
    return held


def has_attended(session: Session, person_id: int, name: str) -> bool:
    """Whether the person is on the sheet of the sitting *name*, by code or by import."""
    query = select(Training.id).where(Training.person_id == person_id, Training.session == name)
    return session.exec(query).first() is not None


def attendance(session: Session, person_id: int, name: str) -> Training:
    """The person's line on the sheet of the sitting *name*; its validity is the one the gate reads."""
    return session.exec(
        select(Training).where(Training.person_id == person_id, Training.session == name)
    ).one()


def holds_on(day: dt.date) -> tuple[ColumnElement[bool], ...]:
    """What makes an attendance a training that holds on *day*: the one gate of form, draw and invitation."""
    return (col(Training.held_on) <= day, col(Training.valid_to) >= day, ~col(Training.quiz_due))


def untrained(session: Session, days: Mapping[int, dt.date]) -> list[int]:
    """Who has no training that holds on the day they inspect; *days* by person."""
    valid: set[int] = set()
    people = sorted(days)
    for start in range(0, len(people), 1000):
        part = select(Training).where(col(Training.person_id).in_(people[start : start + 1000]))
        for row in session.exec(part):
            if not row.quiz_due and row.held_on <= days[row.person_id] <= row.valid_to:
                valid.add(row.person_id)
    return [person for person in people if person not in valid]


def next_session(session: Session, *, department_id: int | None, now: dt.datetime) -> TrainingSession | None:
    """The next sitting that people of the department may attend."""
    query = select(TrainingSession).where(
        TrainingSession.ends_at > now,
        or_(
            col(TrainingSession.department_id).is_(None),
            col(TrainingSession.department_id) == department_id,
        ),
    )
    return session.exec(query.order_by(col(TrainingSession.starts_at), col(TrainingSession.id))).first()


def department_of(session: Session, person_id: int) -> int | None:
    return session.get_one(Person, person_id).department_id


def _new_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def _digest(code: str) -> str:
    return hashlib.sha256(f"suicha.training.{code.strip().upper()}".encode()).hexdigest()


def _shown(moment: dt.datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")
