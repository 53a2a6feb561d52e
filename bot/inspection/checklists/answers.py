"""Judge the answers of a checklist: what is missing, what is bad, which results follow (C17, guide 2.3). Pure.

Nothing is preselected: an answer that was not given is missing, whatever it might have been. How what was typed becomes
an answer is in ``reading``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from bot.inspection.checklists.definition import NOT_APPLICABLE, Checklist, Need, Question, QuestionType
from bot.inspection.checklists.outcomes import CLEAN, worst_first
from bot.inspection.checklists.repeats import unfold

HAS_PHOTOS, HAS_SIGNED = "已拍照", "已签名"  # the values of answered PHOTO and SIGNATURE questions
_NOTHING = {QuestionType.PHOTO: "请拍照", QuestionType.SIGNATURE: "请签名", QuestionType.PLACE: "请定位"}


class Missing(StrEnum):
    """A part of an answer that is still asked for, in the order chat asks for them."""

    VALUE = "value"
    READING = "reading"
    VERDICT = "verdict"
    NOTE = "note"
    PHOTO = "photo"


class AnswerValue(NamedTuple):
    """One answer in canonical text.

    ``value`` is 是, 否 or 合理缺项, a plain decimal number, an ISO date, an option (several joined by 、) or
    free text. ``reading`` is the number or date beside a verdict. ``verdict`` is the result code the officer
    chose where a bad answer may mean several.
    """

    value: str = ""
    note: str = ""
    reading: str = ""
    verdict: str = ""

    def to_dict(self) -> dict[str, str]:
        """Give the parts that are there, for a draft."""
        parts = {"value": self.value, "note": self.note, "reading": self.reading, "verdict": self.verdict}
        return {name: text for name, text in parts.items() if text}

    @classmethod
    def from_dict(cls, parts: Mapping[str, str]) -> AnswerValue:
        """Read what ``to_dict`` gave; other keys are ignored."""
        known = {"value", "note", "reading", "verdict"}
        return cls(**{name: str(text) for name, text in parts.items() if name in known})


Answers = Mapping[str, AnswerValue]
_UNANSWERED = AnswerValue()


def is_asked(question: Question, answers: Answers) -> bool:
    """Whether the conditions of *question* hold; of several chosen options one is enough."""
    if not question.when:
        return True
    given = ((answers.get(key, _UNANSWERED).value, value) for key, value in question.when.items())
    return all(value in answer.split("、") for answer, value in given)


def is_bad(question: Question, answer: AnswerValue) -> bool:
    """Whether *answer* is a finding."""
    if question.is_verdict:
        return answer.value not in ("", NOT_APPLICABLE, question.good)
    return bool(question.bad_options) and any(
        option in question.bad_options for option in answer.value.split("、")
    )


def missing_parts(question: Question, answer: AnswerValue | None, photos: int = 0) -> tuple[Missing, ...]:
    """Name what *answer* still lacks, in asking order; empty when it is complete."""
    if answer is None or not answer.value:
        return (Missing.VALUE,) if question.required else ()
    if question.type is QuestionType.PHOTO and photos < question.photos_min:
        return (Missing.PHOTO,)
    lacking = []
    if question.reading and answer.value in question.reading.required_on and not answer.reading:
        lacking.append(Missing.READING)
    if question.on_bad and is_bad(question, answer):
        if len(question.on_bad.codes) > 1 and answer.verdict not in question.on_bad.codes:
            lacking.append(Missing.VERDICT)
        if Need.NOTE in question.on_bad.needs and not _says_something(answer.note):
            lacking.append(Missing.NOTE)
        if Need.PHOTO in question.on_bad.needs and photos < 1:
            lacking.append(Missing.PHOTO)
    return tuple(lacking)


def missing_sentences(question: Question, answer: AnswerValue, photos: int = 0) -> list[str]:
    """Say in Chinese what is missing, one clause each."""
    missing = missing_parts(question, answer, photos)
    if not missing:
        return []
    reading = question.reading.text if question.reading else ""
    codes = "、".join(question.on_bad.codes) if question.on_bad else ""
    hint = f"（{question.on_bad.text}）" if question.on_bad and question.on_bad.text else ""
    if question.type is QuestionType.PHOTO and answer.value:
        return [f"请至少拍{question.photos_min}张"]
    words = {
        Missing.VALUE: _NOTHING.get(question.type, "还没有回答"),
        Missing.READING: f"请填写{reading}",
        Missing.VERDICT: f"请选择认定结果（{codes}）",
        Missing.NOTE: f"答“{answer.value}”，请写明情况{hint}",
        Missing.PHOTO: f"答“{answer.value}”，请至少上传1张照片",
    }
    return [words[part] for part in missing]


def derive_results(checklist: Checklist, answers: Answers) -> list[str]:
    """Give the result codes of the item, worst first; R01 alone when every required answer is there and good.

    Empty while nothing is known: no finding yet, and a required answer or the officer's verdict is missing.
    """
    return results_of([q for q in unfold(checklist, answers) if is_asked(q, answers)], answers)


def results_of(asked: Iterable[Question], answers: Answers) -> list[str]:
    """As ``derive_results``, for the questions that are *asked*."""
    codes: set[str] = set()
    undecided = False
    for question in asked:
        answer = answers.get(question.key, _UNANSWERED)
        undecided |= question.required and not answer.value
        if question.on_bad and is_bad(question, answer):
            meant = question.on_bad.codes if len(question.on_bad.codes) < 2 else (answer.verdict,)
            undecided |= "" in meant
            codes.update(code for code in meant if code)
    if codes:
        return worst_first(codes)
    return [] if undecided else [CLEAN.value]


def next_question(
    checklist: Checklist,
    answers: Answers,
    photos: Mapping[str, int] | None = None,
    *,
    skipped: Collection[str] = (),
) -> Question | None:
    """Give the first question that lacks something; those put off (*skipped*) come last; None when done."""
    open_questions = [
        question
        for question in unfold(checklist, answers)
        if is_asked(question, answers)
        and missing_parts(question, answers.get(question.key), (photos or {}).get(question.key, 0))
    ]
    return min(open_questions, key=lambda question: question.key in skipped, default=None)


def progress(
    checklist: Checklist, answers: Answers, photos: Mapping[str, int] | None = None
) -> tuple[int, int]:
    """Count the questions that are complete, and those that are asked."""
    asked = [question for question in unfold(checklist, answers) if is_asked(question, answers)]
    done = [
        question
        for question in asked
        if question.key in answers
        and not missing_parts(question, answers[question.key], (photos or {}).get(question.key, 0))
    ]
    return len(done), len(asked)


def files_value(question: Question) -> str:
    """Give the answer of a question whose files are there."""
    return HAS_PHOTOS if question.type is QuestionType.PHOTO else HAS_SIGNED


def score(checklist: Checklist, answers: Answers) -> tuple[float, float] | None:
    """Give points got and points that could be got; None when the checklist keeps no score.

    合理缺项 and what is not asked take no part; a question with bad answers gives its points or nothing.
    """
    if all(question.points is None for question in checklist.questions):
        return None
    scored = [
        (question.points, answers[question.key], question)
        for question in unfold(checklist, answers)
        if question.points is not None and question.key in answers and is_asked(question, answers)
    ]
    counted = [(p, is_bad(q, a)) for p, a, q in scored if a.value and a.value != NOT_APPLICABLE]
    return sum(p for p, bad in counted if not bad), sum(p for p, _ in counted)


def show_answer(question: Question, answer: AnswerValue) -> str:
    """Show value and reading together, as record sheets and messages do: 是（4℃）."""
    unit = question.reading.unit if question.reading else question.unit
    if answer.reading:
        return f"{answer.value}（{answer.reading}{unit}）"
    return f"{answer.value}{unit}" if question.type is QuestionType.NUMBER else answer.value


def _says_something(note: str) -> bool:
    return len(re.sub(r"[\W_]", "", note)) >= 2
