"""Who attended a training that ends with a quiz is trained once they passed it; every attempt is kept (C14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, func, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.notices.service import touch_cards
from bot.inspection.people.models import Training, TrainingAttempt, TrainingSession
from bot.inspection.people.quiz import questions_of, score
from bot.inspection.people.training_sessions import attendance, subject_of


def quiz_due(
    session: Session, person_id: int, *, day: dt.date, training_id: int | None = None
) -> TrainingSession | None:
    """The training that would still hold on *day* and whose quiz this person has to pass, the latest attended first."""
    query = _attended(person_id, training_id).where(col(Training.quiz_due), col(Training.valid_to) >= day)
    found: tuple[TrainingSession, Training] | None = session.exec(query).first()
    return found[0] if found else None


def why_no_quiz(session: Session, person_id: int, *, training_id: int | None = None) -> Problem:
    """What to say where no quiz is due: ``training_expired`` where the last one attended ended first, or ``no_quiz``."""
    query = _attended(person_id, training_id)
    found: tuple[TrainingSession, Training] | None = session.exec(query).first()
    if found and found[1].quiz_due:
        until = f"{found[1].valid_to:%Y年%m月%d日}"
        return Problem(
            "training_expired", f"这场培训的有效期到 {until}为止，测验不能再答了，请参加下一场培训。"
        )
    return Problem("no_quiz", "您没有待完成的培训测验。")


def _attended(person_id: int, training_id: int | None) -> Any:
    query = (
        select(TrainingSession, Training)
        .join(Training, col(Training.session) == TrainingSession.name)
        .where(Training.person_id == person_id)
        .order_by(col(Training.held_on).desc(), col(Training.id).desc())
    )
    return query if training_id is None else query.where(TrainingSession.id == training_id)


def take_quiz(
    session: Session, *, training_id: int, person_id: int, answers: Sequence[str], now: dt.datetime
) -> TrainingAttempt:
    """One attempt at all questions; at the pass mark the form opens from here.

    Raises ``no_quiz`` (nothing to pass: not attended, passed before), ``training_expired``, ``quiz_incomplete``.
    """
    held = session.get(TrainingSession, training_id, with_for_update=True)
    if held is None or quiz_due(session, person_id, day=china_day(now), training_id=training_id) is None:
        raise why_no_quiz(session, person_id, training_id=training_id)
    questions = questions_of(held.quiz)
    if len(answers) != len(questions):
        raise Problem("quiz_incomplete", "测验还没有答完。", 题数=str(len(questions)))
    before = select(func.count(col(TrainingAttempt.id))).where(
        TrainingAttempt.training_id == training_id, TrainingAttempt.person_id == person_id
    )
    reached = score(questions, answers)
    made = TrainingAttempt(
        training_id=training_id, person_id=person_id, number=session.exec(before).one() + 1, answers=list(answers),
        score=reached, passed=reached >= (held.pass_percent or 0), at=now,
    )  # fmt: skip
    session.add(made)
    subject = subject_of(training_id)
    record(session, "training.quiz_taken", subject, now=now, actor=person_id, number=made.number, score=reached,
           passed=made.passed)  # fmt: skip
    if made.passed:
        attendance(session, person_id, held.name).quiz_due = False
        touch_cards(session, subject, now=now)
    return made
