"""Read one chat message as the answer to one question: 是, 1, 否 标签缺失, 是 4℃, 跳过. Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from bot.inspection.checklists import values
from bot.inspection.checklists.answers import (
    AnswerValue,
    Missing,
    files_value,
    missing_parts,
)
from bot.inspection.checklists.chat_words import (
    BAD,
    COMMANDS,
    CROSS,
    GOOD,
    LONGEST_FIRST,
    TICK,
    UNCLEAR,
    WORDS,
    ChatCommand,
)
from bot.inspection.checklists.definition import NO, NOT_APPLICABLE, YES, Question, QuestionType
from bot.inspection.checklists.reading import clean_note, read_single, reading_question

__all__ = [
    "ChatCommand",
    "ChatProblem",
    "ChatResult",
    "ParsedAnswer",
    "command_in",
    "complete_chat_answer",
    "parse_chat_answer",
]


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """An answer, and what is still to be asked for."""

    answer: AnswerValue
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatProblem:
    """A Chinese sentence that says how to answer; nothing was stored."""

    text: str


ChatResult = ParsedAnswer | ChatCommand | ChatProblem

_FILES = {
    QuestionType.PHOTO: "请发送现场照片。",
    QuestionType.SIGNATURE: "请打开网页版检查表签名，或发送纸面签名的照片。",
}
CHOICE = re.compile(r"(?:我?选择?|第)?\s*([1-9一二三])(?:项|个|号)?(?![\da-z℃°%一-鿿]|[.。]\d)")
SEPARATORS = " \t\r\n,，。.、;；:：!！~～-—/|\ufe0f"
WORDS_WITH_NO = ("则", "认", "定", "决")  # 否则, 否认 … are words of their own
RANGE_BEFORE = re.compile(r"\d\s*[-~至到]\s*$")
RANGE_AFTER = re.compile(r"\s*[-~至到]\s*\d")


def parse_chat_answer(
    question: Question, text: str, *, photos: int = 0, today: dt.date | None = None
) -> ChatResult:
    """Read *text* as answer to *question*, or as a command. Nothing is guessed: an unclear text is a problem.

    *photos* counts the files already stored for the question; *today* lets 今天 be a date.
    """
    if command := command_in(text):
        return command
    try:
        answer = _read(question, text, photos, today)
    except values.Unreadable as refusal:
        return ChatProblem(str(refusal))
    return ParsedAnswer(answer, missing_parts(question, answer, photos))


def complete_chat_answer(
    question: Question,
    answer: AnswerValue,
    part: Missing,
    text: str,
    *,
    photos: int = 0,
    today: dt.date | None = None,
) -> ChatResult:
    """Read *text* as the missing *part* of *answer* (``ParsedAnswer.missing`` names it)."""
    if part is Missing.VALUE:
        return parse_chat_answer(question, text, photos=photos, today=today)
    if command := command_in(text):
        return command
    try:
        whole = _completed(question, answer, part, text, today)
    except values.Unreadable as refusal:
        return ChatProblem(str(refusal))
    lacking = missing_parts(question, whole, photos)
    if part is Missing.NOTE and part in lacking:
        return ChatProblem("请写明具体情况，至少两个字。")
    return ParsedAnswer(whole, lacking)


def command_in(text: str) -> ChatCommand | None:
    """Give the command that *text* is, or None."""
    typed = values.plain(text).strip("/。.!！~ \t\r\n")
    return COMMANDS.get(typed) or COMMANDS.get(typed.rstrip("?"))


def _completed(
    question: Question, answer: AnswerValue, part: Missing, text: str, today: dt.date | None
) -> AnswerValue:
    if part is Missing.READING:
        return answer._replace(reading=_read(reading_question(question), text, 0, today).value)
    if part is Missing.NOTE:
        return answer._replace(note=clean_note(text))
    if part is Missing.VERDICT and question.on_bad:
        return answer._replace(verdict=values.read_choice(text, question.on_bad.codes))
    raise values.Unreadable("请发送现场照片。")


def _read(question: Question, text: str, photos: int, today: dt.date | None) -> AnswerValue:
    if question.is_verdict:
        return _read_verdict(question, text)
    if question.wants_files:
        if photos:
            return AnswerValue(files_value(question), clean_note(text))
        raise values.Unreadable(_FILES[question.type])
    if question.type is QuestionType.TEXT:
        note = clean_note(text)
        if not note:
            raise values.Unreadable("请写几个字。")
        return AnswerValue(note)
    if question.type is QuestionType.MULTI:
        return AnswerValue(_several(question, text))
    return _read_with_note(question, text, today)


def _several(question: Question, text: str) -> str:
    chosen = values.read_choices(re.split(r"[\s、,，;；]+", text), question.options)
    if not chosen:
        raise values.Unreadable("请选择（可多选）：" + values.list_choices(question.options))
    return chosen


def _read_with_note(question: Question, text: str, today: dt.date | None) -> AnswerValue:
    """Read a number, date or option; a remark may follow after a comma."""
    head, _, tail = re.sub(r"[，；;\n]", "\0", text, count=1).partition("\0")
    try:
        return AnswerValue(read_single(question, text, today=today))
    except values.Unreadable:
        if not tail:
            raise
    return AnswerValue(read_single(question, head, today=today), clean_note(tail))


def _read_verdict(question: Question, text: str) -> AnswerValue:
    """Read 是, 否 or 合理缺项, then a reading and a note if they follow."""
    typed = text.strip()
    value, length = _verdict_word(question, values.plain(typed))
    rest = typed[length:].strip(SEPARATORS)
    _refuse_contradiction(question, value, rest)
    if not question.reading or value == NOT_APPLICABLE:
        return AnswerValue(value, clean_note(rest))
    signed = typed[length:].strip(SEPARATORS.replace("-", "") + "\0")
    reading, note = _take_reading(question, signed)
    return AnswerValue(value, clean_note(note.strip(SEPARATORS)), reading)


def _verdict_word(question: Question, typed: str) -> tuple[str, int]:
    """Give the answer at the start of *typed* and the length of its words; raises ``Unreadable``."""
    match = CHOICE.match(typed)
    if match:
        number = values.read_number(match[1])
        return values.read_choice(number, question.choices), match.end()
    for word in LONGEST_FIRST:
        if typed.startswith(word) and _ends_here(word, typed[len(word) :]):
            return _meaning(question, word), len(word)
    raise values.Unreadable(f"没有看懂。请回复：{values.list_choices(question.choices)}")


def _refuse_contradiction(question: Question, value: str, rest: str) -> None:
    """Refuse 是，不合格: the note begins with the opposite judgement."""
    typed = values.plain(rest)
    for word in LONGEST_FIRST:
        if typed.startswith(word) and _ends_here(word, typed[len(word) :]):
            if WORDS[word] in {GOOD, BAD} and _meaning(question, word) != value:
                raise values.Unreadable(
                    f"“{value}”和“{word}”前后不一致。请回复：{values.list_choices(question.choices)}"
                )
            return


def _ends_here(word: str, rest: str) -> bool:
    """Whether the word ends where it seems to: 否标签缺失 does, 否则 and 是不是 do not."""
    if not rest or not rest[0].isalnum() or not word[-1].isalnum():
        return True
    return word == NO and not rest.startswith(WORDS_WITH_NO)


def _meaning(question: Question, word: str) -> str:
    """Turn a word into the answer it means for this question, whose good answer may be 否."""
    meaning = WORDS[word]
    if meaning in {GOOD, BAD}:
        other = NO if question.good == YES else YES
        return question.good if meaning == GOOD else other
    if meaning in {TICK, CROSS} and question.good == YES:
        return YES if meaning == TICK else NO
    if meaning == UNCLEAR and question.type is QuestionType.YN:
        return NO
    if meaning in question.choices:
        return meaning
    if meaning == NOT_APPLICABLE:
        raise values.Unreadable("这一项不能答“合理缺项”，请回复：1 是，2 否。")
    raise values.Unreadable(f"“{word}”可以有两种理解，请回复：{values.list_choices(question.choices)}")


def _take_reading(question: Question, rest: str) -> tuple[str, str]:
    """Find the number with its unit, or the date, in *rest*; give it canonical, and the rest without it.

    A bare number counts only where it stands first and alone (否 3瓶过期 holds no temperature). Raises
    ``Unreadable`` when several stand there, or a range.
    """
    reading = reading_question(question)
    typed = values.plain(rest)
    found = list(re.finditer(_reading_pattern(reading), typed))
    bare = re.match(rf"(?:(?:实测)?温度[为是:]?\s*)?({values.NUMBER})(?=$|[\s,;、])", typed)
    if not found and not (bare and reading.type is QuestionType.NUMBER):
        return "", rest
    start, end = found[0].span() if found else bare.span(1) if bare else (0, 0)
    if len(found) > 1 or RANGE_BEFORE.search(typed[:start]) or RANGE_AFTER.match(typed[end:]):
        raise values.Unreadable(f"请只写一个{reading.text}，其余写在说明里。")
    remark = (rest[:start] + " " + rest[end:]).strip(SEPARATORS)
    return read_single(reading, typed[start:end]), "" if re.fullmatch(
        r"(实测)?温度[为是]?", remark
    ) else remark


def _reading_pattern(reading: Question) -> str:
    if reading.type is QuestionType.DATE:
        return values.DATE
    units = values.UNIT_WORDS.get(reading.unit, (values.plain(reading.unit),))
    return rf"{values.NUMBER}\s*(?:{'|'.join(re.escape(word) for word in units)})"
