"""Read what was typed into a form: every part in canonical text, or a sentence that says what is wrong (C17). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.inspection.checklists import values
from bot.inspection.checklists.answers import AnswerValue, files_value, is_asked, is_bad, missing_sentences
from bot.inspection.checklists.definition import NOT_APPLICABLE, Checklist, Question, QuestionType
from bot.inspection.checklists.repeats import unfold

NOTE_LIMIT = 1000  # characters
_NOTHING: Mapping[str, str] = {}
Draft = Mapping[str, Mapping[str, str]]  # question -> value, note, reading, verdict as typed


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it came in: the questions it asks, what could be read, and what is wrong by question key."""

    asked: list[Question] = field(default_factory=list)
    answers: dict[str, AnswerValue] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether it may be submitted."""
        return not self.errors


def read_draft(checklist: Checklist, draft: Draft, photos: Mapping[str, int], *, prefix: str = "") -> Filled:
    """Read the answers of a form.

    Keys of *draft* and of *photos*, which counts the stored files, are *prefix* (``"CL-1:"``) and the question's key;
    those of the result are without prefix. What belongs to no question that is asked is ignored.
    """
    filled = Filled()
    for question in unfold(checklist, filled.answers):
        if not is_asked(question, filled.answers):
            continue
        filled.asked.append(question)
        name = prefix + question.key
        count = photos.get(name, 0)
        answer, sentences = _read_parts(question, draft.get(name, _NOTHING), count)
        if answer.value or answer.note or answer.reading or answer.verdict:
            filled.answers[question.key] = answer
        sentences = sentences or missing_sentences(question, answer, count)
        if sentences:
            filled.errors[question.key] = (
                f"第{question.number}项“{question.text}”" + "；".join(sentences) + "。"
            )
    return filled


def _read_parts(question: Question, typed: Mapping[str, str], photos: int) -> tuple[AnswerValue, list[str]]:
    """Read what was typed; a part that cannot be read stays empty and gives a clause."""
    sentences: list[str] = []
    value = _attempt(question, typed.get("value", ""), photos, sentences)
    note = typed.get("note", "")
    note = clean_note(note) if note else ""
    if len(note) > NOTE_LIMIT:
        sentences.append(f"说明不能超过{NOTE_LIMIT}字，现为{len(note)}字")
    reading = typed.get("reading", "") if question.reading and value != NOT_APPLICABLE else ""
    if reading:
        reading = _attempt(reading_question(question), reading, photos, sentences)
    verdict = typed.get("verdict", "")
    return AnswerValue(
        value, note, reading, verdict and _verdict(question, value, verdict.strip())
    ), sentences


def _attempt(question: Question, text: str, photos: int, sentences: list[str]) -> str:
    """The value in canonical text; empty with one more clause where it cannot be read."""
    try:
        return _canonical(question, text.strip(), photos)
    except values.Unreadable as refusal:
        sentences.append(str(refusal).rstrip("。"))
        return ""


def reading_question(question: Question) -> Question:
    """Give the reading of *question* as a question of its own; it must have one."""
    reading = question.reading
    assert reading is not None
    return Question(
        key=question.key,
        text=reading.text,
        type=reading.type,
        unit=reading.unit,
        min=reading.min,
        max=reading.max,
    )


def read_single(question: Question, text: str, *, today: dt.date | None = None) -> str:
    """Read a number, a date, a place, a code or one of several choices; raises ``values.Unreadable``."""
    if question.type is QuestionType.NUMBER:
        return values.read_number(
            text, unit=question.unit, low=question.min, high=question.max, whole=question.whole
        )
    if question.type is QuestionType.DATE:
        return values.read_date(text, today=today)
    if question.type is QuestionType.PLACE:
        return values.read_place(text)
    if question.type is QuestionType.SCAN:
        return values.read_code(text)
    return values.read_choice(text, question.choices)


def clean_note(text: str) -> str:
    """Strip a note of control characters and outer space."""
    return "".join(char for char in text if char.isprintable() or char == "\n").strip()


def _verdict(question: Question, value: str, typed: str) -> str:
    """Keep a chosen result code only where the answer is bad and leaves a choice."""
    if not question.on_bad or len(question.on_bad.codes) < 2 or not is_bad(question, AnswerValue(value)):
        return ""
    return typed if typed in question.on_bad.codes else ""


def _canonical(question: Question, typed: str, photos: int) -> str:
    """Read one value of the question's type; empty stays empty. Raises ``values.Unreadable``."""
    if typed in question.choices:
        return typed
    if question.wants_files:
        return files_value(question) if photos else ""
    if not typed:
        return ""
    if question.type is QuestionType.MULTI:
        return values.read_choices(typed.split("、"), question.options)
    return clean_note(typed) if question.type is QuestionType.TEXT else read_single(question, typed)
