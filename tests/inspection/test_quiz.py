"""C14: a training may end with a short quiz; who attended and did not pass it is not trained yet."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bot.core.columns import Row
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.service import QUIZ_DUE, TRAINING_MISSING, open_form
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Person, Training, TrainingAttempt, TrainingSession
from bot.inspection.people.quiz import QUIZ, Question, question_of, read_answer, score
from bot.inspection.people.quizzes import quiz_due, take_quiz
from bot.inspection.people.training_sessions import attend, untrained
from bot.inspection.people.trainings import upsert_trainings
from bot.inspection.profile import load_profile
from bot.inspection.tasks.training import open_session, remind_absentees
from bot.inspection.tasks.training_messages import training_invitation, training_missed
from tests.fakes.desk import Desk
from tests.fakes.visits import LI, VISIT, WANG, untrain
from tests.inspection.test_training import CALENDAR, HELD, UNTIL

PROFILE = load_profile("default")
QUESTIONS = (
    Question("执法人员不得少于几人？", ("一人", "两人", "三人"), "B"),
    Question("哪些属于“五个严禁”？", ("逐利检查", "主动亮证", "下达检查指标"), "AC"),
    Question("没有发现问题时，结果由谁填写？", ("系统默认", "检查人员逐项填写"), "B"),
)
RIGHT, TWO_OF_THREE = ["B", "AC", "B"], ["B", "AC", "A"]


def plan(session: Session, *, now: dt.datetime = HELD - dt.timedelta(hours=5)) -> tuple[int, str]:
    planned, code, _ = open_session(
        session, name="双随机业务培训", place="三楼", starts_at=HELD, ends_at=UNTIL, valid_to=dt.date(2026, 12, 31),
        now=now, quiz=QUESTIONS, pass_percent=80,
    )  # fmt: skip
    return planned.id or 0, code


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("AC", "AC"), ("ｃａ", "AC"), ("A、C", "AC"), (" a 和 c。", "AC"), ("A,C", "AC"), ("C", "C"),
        ("AD", None), ("AA", None), ("", None), ("选A", None), ("13", None), ("A或C", None),
    ],
)  # fmt: skip
def test_letters_are_read_as_meant_and_nothing_is_guessed(words: str, meant: str | None) -> None:
    assert read_answer(words, QUESTIONS[1]) == meant


def test_one_letter_answers_a_question_with_one_right_option() -> None:
    assert read_answer("AB", QUESTIONS[0]) is None


def test_the_score_is_cut_and_not_rounded() -> None:
    assert [score(QUESTIONS, given) for given in (RIGHT, TWO_OF_THREE, ["A", "A", "A"])] == [100, 66, 0]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"题目": "一", "选项A": "甲", "B": "乙", "答案": "b"}, ""),
        ({"题目": "一", "选项A": "甲", "B": "", "答案": "A"}, "至少两个"),
        ({"题目": "一", "选项A": "甲", "B": "乙", "D": "丁", "答案": "A"}, "依次填写"),
        ({"题目": "一", "选项A": "甲", "B": "乙", "答案": "C"}, "只有选项A至B"),
        ({"题目": "一", "选项A": "甲", "B": "乙", "答案": "是"}, "选项的字母"),
        ({"题目": "", "选项A": "甲", "B": "乙", "答案": "A"}, "未填写"),
    ],
)
def test_a_row_of_the_sheet_is_a_question_or_says_why_not(cells: dict[str, str], said: str) -> None:
    values, faults = QUIZ.bind(list(cells)).parse(cells)
    assert said in "".join(fault.reason for fault in faults)
    assert bool(faults) == bool(said)
    if not said:
        assert question_of(values) == Question("一", ("甲", "乙"), "B")


def opened(desk: Desk, now: dt.datetime = HELD) -> str:
    try:
        desk.db.write_now(open_form, visit_id=VISIT, person_id=WANG, now=now, profile=PROFILE)
    except Problem as problem:
        return problem.text
    return "open"


def lapse_on(session: Session, day: dt.date) -> None:
    """The validity on the person's own line, as an imported sheet may have it."""
    session.exec(select(Training).where(Training.person_id == WANG)).one().valid_to = day


def test_c14_the_form_opens_once_the_quiz_is_passed(desk: Desk) -> None:
    """Given an officer who attended: the form stays closed until the pass mark; each attempt is kept."""
    desk.db.write_now(untrain, WANG)
    training, code = desk.db.write_now(plan)
    desk.clock.move_to(HELD)
    desk.db.write_now(attend, person_id=WANG, code=code, now=HELD)
    desk.arrive(WANG, LI)

    assert "还差测验" in opened(desk)
    assert WANG in desk.db.read_now(untrained, {WANG: HELD.date()})
    first, second = (
        desk.db.write_now(take_quiz, training_id=training, person_id=WANG, answers=given, now=HELD)
        for given in (TWO_OF_THREE, RIGHT)
    )
    assert [(a.number, a.score, a.passed) for a in (first, second)] == [(1, 66, False), (2, 100, True)]
    assert opened(desk) == "open"
    assert desk.db.read_now(untrained, {WANG: HELD.date()}) == []
    with pytest.raises(Problem, match="没有待完成"):
        desk.db.write_now(take_quiz, training_id=training, person_id=WANG, answers=RIGHT, now=HELD)
    taken = select(AuditEntry).where(AuditEntry.action == "training.quiz_taken")
    assert [e.data for e in desk.db.read_now(lambda s: s.exec(taken).all())] == [
        {"number": 1, "score": 66, "passed": False}, {"number": 2, "score": 100, "passed": True},
    ]  # fmt: skip


def test_c14_the_quiz_of_a_training_that_has_ended_is_due_no_more(desk: Desk) -> None:
    """On its last day it can be passed; from the next day neither chat nor form ask for what would not help."""
    desk.db.write_now(untrain, WANG)
    training, code = desk.db.write_now(plan)
    desk.db.write_now(attend, person_id=WANG, code=code, now=HELD)
    desk.db.write_now(lapse_on, HELD.date())
    desk.clock.move_to(HELD)
    desk.arrive(WANG, LI)
    assert opened(desk) == QUIZ_DUE
    after = HELD + dt.timedelta(days=1)
    assert opened(desk, after) == TRAINING_MISSING
    with pytest.raises(Problem, match="有效期到 2026年03月10日为止") as refused:
        desk.db.write_now(take_quiz, training_id=training, person_id=WANG, answers=RIGHT, now=after)
    assert refused.value.key == "training_expired"
    assert desk.db.read_now(lambda s: s.exec(select(TrainingAttempt)).all()) == []
    assert desk.db.write_now(take_quiz, training_id=training, person_id=WANG, answers=RIGHT, now=HELD).passed


def test_who_is_on_an_imported_sheet_still_owes_the_quiz_of_that_training(desk: Desk) -> None:
    desk.db.write_now(plan)
    values = {
        "code": "P1",
        "session": "双随机业务培训",
        "held_on": HELD.date(),
        "valid_to": dt.date(2026, 12, 31),
    }
    code = desk.db.read_now(lambda s: s.get_one(Person, WANG).code)
    for session_name, due in (("双随机业务培训", True), ("别的培训", False)):
        row = Row(2, values | {"code": code, "session": session_name})
        desk.db.write_now(upsert_trainings, rows=[row], now=HELD)
        kept = select(Training).where(Training.session == session_name)
        assert desk.db.read_now(lambda s, q=kept: s.exec(q).one().quiz_due) is due


def test_nobody_passes_a_quiz_of_a_training_they_did_not_attend(desk: Desk) -> None:
    training, _ = desk.db.write_now(plan)
    with pytest.raises(Problem, match="没有待完成"):
        desk.db.write_now(take_quiz, training_id=training, person_id=LI, answers=RIGHT, now=HELD)


@pytest.mark.parametrize(("quiz", "mark"), [((), 80), (QUESTIONS, None), (QUESTIONS, 0), (QUESTIONS, 101)])
def test_a_quiz_and_its_pass_mark_belong_together(
    sqlite_db: Database, quiz: tuple[Question, ...], mark: int | None
) -> None:
    with pytest.raises(Problem, match="合格分"):
        sqlite_db.write_now(
            open_session, name="训", place="", starts_at=HELD, ends_at=UNTIL, valid_to=UNTIL.date(),
            now=HELD - dt.timedelta(days=1), quiz=quiz, pass_percent=mark,
        )  # fmt: skip


def test_the_database_keeps_one_row_for_each_attempt_and_no_impossible_score(db: Database) -> None:
    def attempt(number: int, reached: int) -> None:
        made = TrainingAttempt(
            training_id=1, person_id=1, number=number, score=reached, passed=False, at=HELD
        )
        db.write_now(lambda s: s.add(made))

    db.write_now(_held)
    attempt(1, 50)
    for number, reached in ((1, 60), (2, 101)):
        with pytest.raises(IntegrityError):
            attempt(number, reached)


def _held(session: Session) -> None:
    session.add(Person(id=1, name="王一", code="P1"))
    session.add(
        TrainingSession(
            id=1, name="训", place="", starts_at=HELD, ends_at=UNTIL, valid_to=UNTIL.date(), code_sha256="x", created_at=HELD
        )
    )  # fmt: skip


def test_who_attended_and_never_passed_is_reminded_of_the_quiz_and_not_of_the_sitting(desk: Desk) -> None:
    desk.db.write_now(untrain, WANG)
    training, code = desk.db.write_now(plan)
    desk.db.write_now(attend, person_id=WANG, code=code, now=HELD)
    after = UNTIL + dt.timedelta(hours=1)
    assert desk.db.write_now(remind_absentees, now=after, profile=PROFILE, calendar=CALENDAR) == 1

    def said(session: Session) -> tuple[object, object]:
        missed = session.exec(select(Notice).where(Notice.kind == "training_missed")).one()
        card = session.exec(select(Notice).where(Notice.kind == "training_invitation")).one()
        return training_missed(session, missed, after), training_invitation(session, card, HELD)

    missed, card = desk.db.read_now(said)
    assert isinstance(missed, Content)
    assert missed.values["quiz"]
    assert isinstance(card, Content)
    assert card.closed == "已签到，请回复“培训测验”"
    desk.db.write_now(take_quiz, training_id=training, person_id=WANG, answers=RIGHT, now=after)
    missed, card = desk.db.read_now(said)
    assert not isinstance(missed, Content)
    assert isinstance(card, Content)
    assert card.closed == "已签到"
    assert desk.db.read_now(lambda s: quiz_due(s, WANG, day=after.date())) is None
