"""测验 of a training: its sheet, what an answer means, the score (C14: short quiz optional). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core.columns import Column, Fault, Layout, Need, text

LETTERS: Final = "ABCDEF"
MOST = 30  # a short one, answered standing
_SEPARATORS = re.compile(r"[\s、,，和及.。]+")


@dataclass(frozen=True, slots=True)
class Question:
    """``right`` are the letters of the right options in order; several mean 多选."""

    text: str
    options: tuple[str, ...]
    right: str

    @property
    def letters(self) -> str:
        return LETTERS[: len(self.options)]

    def shown(self, number: int, many: int) -> str:
        """As it is asked in chat."""
        kind = "（多选）" if len(self.right) > 1 else ""
        lines = (f"{letter}. {option}" for letter, option in zip(self.letters, self.options, strict=True))
        return "\n".join([f"第 {number} 题，共 {many} 题{kind}：{self.text}", *lines])

    def stored(self) -> dict[str, Any]:
        return {"text": self.text, "options": list(self.options), "right": self.right}


def letters(cell: str) -> str:
    """``B``, ``ac``, ``A、C``, ``ＡＣ`` as sorted capitals."""
    found = _SEPARATORS.sub("", unicodedata.normalize("NFKC", cell)).upper()
    if not found or set(found) - set(LETTERS) or len(set(found)) < len(found):
        raise ValueError("应是选项的字母，例如B，多选例如AC")
    return "".join(sorted(found))


def options_rule(values: Mapping[str, Any]) -> Fault | None:
    """Two options at least, none left out in between, and the answer is among them."""
    given = [bool(values[letter]) for letter in LETTERS]
    many = sum(given)
    if many < 2 or not all(given[:many]):
        return Fault(LETTERS[given.index(False)], "", "选项从A起依次填写，至少两个")
    if values["right"][-1] > LETTERS[many - 1]:
        return Fault("答案", values["right"], f"只有选项{LETTERS[0]}至{LETTERS[many - 1]}")
    return None


QUIZ: Final = Layout(
    kind="quiz",
    title="培训测验题目",
    key=("text",),
    columns=(
        Column("text", "题目", text(200), need=Need.FILLED, aliases=("问题", "题干")),
        *(Column(letter, letter, text(100), aliases=(f"选项{letter}",)) for letter in LETTERS),
        Column("right", "答案", letters, need=Need.FILLED, note="例如B，多选例如AC", aliases=("正确答案",)),
    ),
    rules=(options_rule,),
)


def question_of(values: Mapping[str, Any]) -> Question:
    """A parsed row of the sheet."""
    return Question(values["text"], tuple(values[x] for x in LETTERS if values[x]), values["right"])


def questions_of(stored: Sequence[Mapping[str, Any]]) -> list[Question]:
    """As kept with the training."""
    return [Question(one["text"], tuple(one["options"]), one["right"]) for one in stored]


def read_answer(words: str, question: Question) -> str | None:
    """The letters somebody means, or None: nothing is guessed, and one letter answers a question with one option."""
    try:
        found = letters(words)
    except ValueError:
        return None
    if set(found) - set(question.letters) or (len(question.right) == 1 and len(found) > 1):
        return None
    return found


def score(questions: Sequence[Question], answers: Sequence[str]) -> int:
    """The share answered right in percent, cut and not rounded: 79.9 is no 80."""
    right = sum(answer == question.right for question, answer in zip(questions, answers, strict=True))
    return right * 100 // len(questions)
