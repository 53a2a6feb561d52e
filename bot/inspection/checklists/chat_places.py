"""Which question a chat message means when it names one: 3 否 标签缺失, 第3项改为是, 回到第2项. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.inspection.checklists import values
from bot.inspection.checklists.definition import NO, NOT_APPLICABLE, YES

_NUMBER = r"(\d{1,3}(?:\s*[-—–]\s*\d{1,2})?|[一二三四五六七八九十]{1,3})"
_VERB = r"(?:回到?|返回|跳到|转到|去|到|改|修改|更正|重答|重填|补充|补|看|查看)"
_BEFORE = rf"(?:请?(?:{_VERB}|(?:把|将)\s*{_VERB}?)\s*)"
_NAMED = re.compile(rf"({_BEFORE})?第\s*{_NUMBER}\s*(?:项|题|条|问|小题)\s*(.*)", re.DOTALL)
_TURNED = re.compile(rf"{_BEFORE}\s*{_NUMBER}\s*(?:项|题|条|问)?\s*(.*)", re.DOTALL)
_PLAIN = re.compile(r"(\d{1,3}(?:-\d{1,2})?)\s*[\s.、:，,;|/]\s*(.+)", re.DOTALL)
_GLUE = re.compile(r"^(?:\s|[:：,，、.。;；]|应?改[为成]?|应[为是该]{1,2}|答案?[是为]?(?=[是否])|写成|填)+")
_WORDS = {"是": YES, "否": NO, "合理缺项": NOT_APPLICABLE, "不适用": NOT_APPLICABLE, "缺项": NOT_APPLICABLE}
_LONGEST_FIRST = sorted(_WORDS, key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class Address:
    """The key of a question and what was said about it; nothing said means: go there.

    ``explicit`` when no other reading is possible; otherwise ``verdict`` is the answer the words begin with.
    """

    key: str
    words: str
    explicit: bool
    verdict: str = ""
    verb: bool = False  # 改, 回到 …: meant so even where free text is awaited


def address(text: str) -> Address | None:
    """Find the question *text* names, or None when it names none."""
    typed = text.strip().strip("/。.!！~")
    plain = values.plain(typed)
    named = _NAMED.fullmatch(plain)
    if named and (named[1] or named[3].strip() or named[2].isdecimal()):
        return _found(typed, named, 2, 3)
    turned = _TURNED.fullmatch(plain)
    if turned:
        return _found(typed, turned, 1, 2)
    bare = _PLAIN.fullmatch(plain)
    if bare is None:
        return None
    said = next((word for word in _LONGEST_FIRST if bare[2].startswith(word)), "")
    if not said or _goes_on(bare[2][len(said) :]):
        return None
    return Address(bare[1], typed[bare.start(2) :].strip(), False, _WORDS[said])


def _found(typed: str, match: re.Match[str], number: int, rest: int) -> Address:
    words = _GLUE.sub("", typed[match.start(rest) :])
    verb = bool(re.match(_BEFORE, values.plain(typed)))
    return Address(_key(match[number]), words.strip(), True, verb=verb)


def _goes_on(rest: str) -> bool:
    """Whether the verdict's character is the beginning of another word: 否则, 是不是."""
    return bool(rest) and rest[0] in "则认定决不否非"


def _key(number: str) -> str:
    if number[0].isdecimal():
        return "_".join(str(int(part)) for part in re.split(r"\s*[-—–]\s*", number))
    return values.read_number(number)
