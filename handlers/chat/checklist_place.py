"""Where a talk through a checklist is: an officer's own questions, and how each is asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.inspection.checklists.answers import (
    AnswerValue,
    Missing,
    derive_results,
    files_value,
    is_asked,
    missing_parts,
    next_question,
    progress,
    show_answer,
)
from bot.inspection.checklists.chat_places import Address, address
from bot.inspection.checklists.conclusions import is_concluded
from bot.inspection.checklists.definition import Checklist, Question, QuestionType
from bot.inspection.checklists.documents import checklist_of
from bot.inspection.checklists.outcomes import CLEAN
from bot.inspection.checklists.queries import FormFacts
from bot.inspection.checklists.repeats import may_be_asked, unfold
from bot.inspection.checklists.sections import is_own_section
from bot.inspection.checklists.values import list_choices
from bot.inspection.registry.models import Item
from bot.inspection.results.labels import label_of

_LISTED = 12
HELP = (
    "直接回复即可：是、否、不适用，也可以回复编号。否的后面可以接着写情况，例如“否 标签缺失”。\n"
    "- 指定某一项：3 否 标签缺失；第3项改为是；回到第3项\n"
    "- 照片直接发来，归入正在问的这一项\n"
    "- 随时可以说：上一项、撤回、跳过、查看、还差什么、暂停"
)
_HOW = {
    QuestionType.PHOTO: "请发送照片。",
    QuestionType.DATE: "请回复日期，例如 2026年5月1日。",
    QuestionType.PLACE: "请发送位置，或回复纬度和经度。",
    QuestionType.SIGNATURE: "请打开网页版检查表签名，或发送纸面签名的照片。",
    QuestionType.SCAN: "请回复码上的字符。",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the talk is: one question of one checklist, with what is there already."""

    checklist: Checklist
    question: Question
    answer: AnswerValue
    photos: int

    @property
    def key(self) -> str:
        return f"{self.checklist.code}:{self.question.key}"

    @property
    def lacking(self) -> tuple[Missing, ...]:
        return missing_parts(self.question, self.answer, self.photos)


def ask(place: Place) -> str:
    question = place.question
    how = list_choices(question.choices) if question.choices else _how(question)
    extra = f"{question.reading.text}请一起写上。" if question.reading else ""
    now = f"\n（现在的回答：{show_answer(question, place.answer)}）" if place.answer.value else ""
    return f"**{question.label}**\n{how}{extra}{now}"


def _how(question: Question) -> str:
    if question.type is QuestionType.NUMBER:
        return f"请回复{'整数' if question.whole else '数字'}（{question.unit}）。"
    if question.type is QuestionType.PHOTO and question.photos_min > 1:
        return f"请发送照片，至少 {question.photos_min} 张。"
    return _HOW.get(question.type, "请直接回复。")


def ask_part(place: Place) -> str:
    bad = place.question.on_bad
    match place.lacking[0]:
        case Missing.READING:
            assert place.question.reading is not None
            return f"请填写{place.question.reading.text}。"
        case Missing.VERDICT:
            assert bad is not None
            codes = "，".join(f"{n} {label_of(code)}" for n, code in enumerate(bad.codes, start=1))
            return f"认定为：{codes}。"
        case Missing.NOTE:
            return f"请写明情况{f'（{bad.text}）' if bad and bad.text else ''}。"
        case _:
            return f"请发送现场照片，至少 {place.question.photos_min} 张。"


@dataclass(frozen=True, slots=True)
class Turn:
    """Which question a message is about and what it says; ``ask_back`` when that is not clear."""

    place: Place
    words: str
    ask_back: str = ""


def turn(facts: FormFacts, person_id: int, place: Place, words: str, *, free: bool) -> Turn:
    """Look for a question that *words* name; without one they are about *place*. Where free text is awaited only
    an order to go somewhere counts."""
    named = address(words)
    if named is None or (free and not named.verb):
        return Turn(place, words)
    other = find_place(facts, person_id, f"{place.checklist.code}:{named.key}")
    if other is None:
        none = f"现在没有第{named.key.replace('_', '-')}项要答。"
        return Turn(place, words, none if named.explicit else "")
    if not named.explicit and _is_choice(place, other, named):
        which = f"是第{named.key}项答“{named.verdict}”，还是这一项？"
        how = f"请回复“第{named.key}项 {named.verdict}”或“{named.verdict}”。"
        return Turn(place, words, which + how)
    return Turn(other, named.words)


def _is_choice(place: Place, other: Place, named: Address) -> bool:
    """Whether 2 否 may as well be the second choice of the question that is being asked."""
    choices = place.question.choices
    if other.key == place.key or not named.key.isdecimal() or not 1 <= int(named.key) <= len(choices):
        return False
    return choices[int(named.key) - 1] == named.verdict


def left(facts: FormFacts, person_id: int) -> str:
    """What still lacks something, by number."""
    open_ones = [p for p in places(facts, person_id) if p.lacking]
    listed = "\n".join(f"- {p.question.label}" for p in open_ones[:_LISTED])
    more = f"\n……还有 {len(open_ones) - _LISTED} 项" if len(open_ones) > _LISTED else ""
    return f"还差 {len(open_ones)} 项：\n{listed}{more}" if open_ones else "每一项都答完了。"


def last_place(facts: FormFacts, person_id: int) -> Place | None:
    return next(reversed(list(places(facts, person_id))), None)


def overview(facts: FormFacts, person_id: int) -> str:
    done, asked = count(facts, person_id)
    lines = [f"已答 {done}/{asked} 项。"]
    lines += [f"- {p.question.number} {show_answer(p.question, p.answer)}" for p in places(facts, person_id)
              if p.answer.value]  # fmt: skip
    return "\n".join(lines)


def to_conclude(facts: FormFacts, person_id: int) -> list[Item]:
    """The officer's own items in which nothing is bad and nobody has said so yet."""
    draft = facts.form.draft if facts.form else {}
    found = []
    for item, version in facts.checklists:
        if not is_own_section(facts, item, person_id) or is_concluded(draft, item.id):
            continue
        checklist = checklist_of(version)
        if derive_results(checklist, _answers(facts, checklist)) == [CLEAN.value]:
            found.append(item)
    return found


def count(facts: FormFacts, person_id: int) -> tuple[int, int]:
    pairs = [progress(c, _answers(facts, c), _photos(facts, c)) for c in _checklists(facts, person_id)]
    return sum(done for done, _ in pairs), sum(asked for _, asked in pairs)


def first_open(facts: FormFacts, person_id: int, skipped: list[str]) -> Place | None:
    for put_off in ([], skipped):  # what was skipped comes after everything else
        for checklist in _checklists(facts, person_id):
            here = {k.rpartition(":")[2] for k in skipped if k.startswith(f"{checklist.code}:")}
            answers, photos = _answers(facts, checklist), _photos(facts, checklist)
            found = next_question(checklist, answers, photos, skipped=here)
            if found and (put_off or found.key not in here):
                return find_place(facts, person_id, f"{checklist.code}:{found.key}")
    return None


def before(facts: FormFacts, person_id: int, place: Place) -> Place | None:
    last = None
    for other in places(facts, person_id):
        if other.key == place.key:
            break
        last = other
    return last


def find_place(facts: FormFacts, person_id: int, key: str) -> Place | None:
    return next((place for place in places(facts, person_id) if place.key == key), None)


def places(facts: FormFacts, person_id: int) -> Iterator[Place]:
    for checklist in _checklists(facts, person_id):
        answers, photos = _answers(facts, checklist), _photos(facts, checklist)
        for q in unfold(checklist, answers):
            if is_asked(q, answers):
                yield Place(checklist, q, answers.get(q.key, AnswerValue()), photos.get(q.key, 0))


def _checklists(facts: FormFacts, person_id: int) -> list[Checklist]:
    """The officer's own sections, each once."""
    mine = {v.code: v for item, v in facts.checklists if is_own_section(facts, item, person_id)}
    return [checklist_of(version) for version in mine.values()]


def _answers(facts: FormFacts, checklist: Checklist) -> dict[str, AnswerValue]:
    draft = facts.form.draft if facts.form else {}
    found = {key: draft.get(f"{checklist.code}:{key}") for key in may_be_asked(checklist)}
    given = {
        key: AnswerValue.from_dict(parts) for key, parts in found.items() if parts and parts.get("value")
    }
    photos = _photos(facts, checklist)
    for question in unfold(checklist, given):
        if question.wants_files and photos[question.key]:  # taken on the page: nothing else was said
            given.setdefault(question.key, AnswerValue(files_value(question)))
    return given


def _photos(facts: FormFacts, checklist: Checklist) -> dict[str, int]:
    counted = facts.photos()
    return {key: counted[f"{checklist.code}:{key}"] for key in may_be_asked(checklist)}
