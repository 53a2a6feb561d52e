"""A question that is asked several times, once for each thing counted before it: each freezer, each lift. Pure.

The answers of one asking are kept under ``<key>_<number>``: ``6_2`` is question 6 about the second thing. No question
of a document can have such a key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Protocol

from bot.inspection.checklists.definition import Checklist, Question

SEPARATOR = "_"


class HasValue(Protocol):
    @property
    def value(self) -> str: ...


def unfold(checklist: Checklist, answers: Mapping[str, HasValue]) -> Iterator[Question]:
    """Give the questions as they are asked, in order; a repeated group as often as its number says.

    *answers* may grow while this runs: a count is looked at when its group is reached.
    """
    for repeat, group in groupby(checklist.questions, key=lambda question: question.repeat):
        questions = list(group)
        if not repeat:
            yield from questions
            continue
        counted = answers.get(repeat)
        for number in range(1, times(checklist.question(repeat), counted.value if counted else "") + 1):
            yield from (asking(question, number, group=questions) for question in questions)


def times(count: Question, value: str) -> int:
    """How often a group is asked: the whole number in *value*, at most the count's ``max``."""
    try:
        counted = int(float(value or 0))
    except ValueError:  # a draft keeps what was typed, also what is no number
        return 0
    return max(0, min(counted, int(count.max or 0)))


def asking(question: Question, number: int, *, group: list[Question]) -> Question:
    """The question about the *number*-th thing; conditions inside the group look at the same thing."""
    inside = {other.key for other in group}
    return question.model_copy(
        update={
            "key": f"{question.key}{SEPARATOR}{number}",
            "when": {_numbered(key, number, inside): value for key, value in question.when.items()},
        }
    )


def original(key: str) -> tuple[str, int]:
    """The document's key and the number of the asking; 0 where the question is asked once."""
    name, _, number = key.partition(SEPARATOR)
    return name, int(number) if number.isdecimal() else 0


def may_be_asked(checklist: Checklist) -> set[str]:
    """Every key an answer may have, however high the counts are."""
    keys = set()
    for question in checklist.questions:
        if not question.repeat:
            keys.add(question.key)
            continue
        most = int(checklist.question(question.repeat).max or 0)
        keys |= {f"{question.key}{SEPARATOR}{number}" for number in range(1, most + 1)}
    return keys


def find(checklist: Checklist, key: str) -> Question:
    """The question an answer's key means; raises ``Problem("question_unknown")``."""
    name, number = original(key)
    question = checklist.question(name)
    if bool(question.repeat) != bool(number):
        return checklist.question(f"{name}{SEPARATOR}")  # none has such a key: it refuses
    if not number:
        return question
    group = [other for other in checklist.questions if other.repeat == question.repeat]
    return asking(question, number, group=group)


def _numbered(key: str, number: int, inside: set[str]) -> str:
    return f"{key}{SEPARATOR}{number}" if key in inside else key
