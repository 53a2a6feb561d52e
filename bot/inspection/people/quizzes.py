"""Who attended a training that ends with a quiz is trained once they passed it; every attempt is kept (C14)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.notices.service import touch_cards
from bot.inspection.people.models import Training, TrainingAttempt, TrainingSession
from bot.inspection.people.quiz import questions_of, score
from bot.inspection.people.training_sessions import subject_of


def quiz_due(session: Session, person_id: int, *, training_id: int | None = None) -> TrainingSession | None:
    """The training whose quiz this person still has to pass, the latest attended first."""
    query = (
        select(TrainingSession)
        .join(Training, col(Training.session) == TrainingSession.name)
        .where(Training.person_id == person_id, col(Training.quiz_due))
        .order_by(col(Training.held_on).desc(), col(Training.id).desc())
    )
    if training_id is not None:
        query = query.where(TrainingSession.id == training_id)
    return session.exec(query).first()


def take_quiz(
    session: Session, *, training_id: int, person_id: int, answers: Sequence[str], now: dt.datetime
) -> TrainingAttempt:
    """One attempt at all questions; at the pass mark the form opens from here.

    Raises ``no_quiz`` (nothing to pass: not attended, passed before), ``quiz_incomplete``.
    """
    held = session.get(TrainingSession, training_id, with_for_update=True)
    if held is None or quiz_due(session, person_id, training_id=training_id) is None:
        raise Problem("no_quiz", "您没有待完成的培训测验。")
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
        attended = select(Training).where(Training.person_id == person_id, Training.session == held.name)
        session.exec(attended).one().quiz_due = False
        touch_cards(session, subject, now=now)
    return made
