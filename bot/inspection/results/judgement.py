"""What a form says as a whole: which answers stand, what is missing, which result each item has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.core.clock import china_day
from bot.inspection.checklists.answers import AnswerValue, is_bad, results_of, score, show_answer
from bot.inspection.checklists.basics import FormBasics
from bot.inspection.checklists.conclusions import NOTHING_FOUND, conclusion_key, is_concluded
from bot.inspection.checklists.definition import BadAction, Checklist, Question
from bot.inspection.checklists.documents import checklist_of
from bot.inspection.checklists.outcomes import WHOLE_VISIT, ResultCode, settle_visit, worst
from bot.inspection.checklists.reading import Filled, read_draft
from bot.inspection.checklists.service import OUTCOME
from bot.inspection.registry.models import Item
from bot.inspection.results.labels import LABELS, label_of
from bot.inspection.tasks.basics import Named

ACTIONS: dict[BadAction, str] = {
    BadAction.NOTE: "记录在案",
    BadAction.PUBLISH: "认定并公示",
    BadAction.CORRECT: "责令改正",
    BadAction.ORDER: "责令限期改正",
    BadAction.INSTRUCTION: "下达特种设备安全监察指令",
    BadAction.HAZARD: "按严重事故隐患处理",
    BadAction.CASE: "待后续处理",
}


class Given(NamedTuple):
    """One answered question: ``key`` is the draft key, ``shown`` the answer in words."""

    key: str
    question: Question
    answer: AnswerValue
    shown: str
    section: str


@dataclass(frozen=True, slots=True)
class ItemJudgement:
    """The result of one item, codes worst first, the problem in words, and what is done about it."""

    item_id: int
    name: str
    codes: list[str]
    problem: str
    handling: str

    @property
    def result(self) -> str:
        """The published words."""
        return "；".join(label_of(code) for code in self.codes)


@dataclass(frozen=True, slots=True)
class Score:
    """Points a checklist gave, and how many it could have given."""

    name: str
    got: float
    most: float

    @property
    def words(self) -> str:
        return f"{self.got:g}/{self.most:g} 分"


@dataclass(slots=True)
class Judgement:
    """``errors`` by draft key; empty means the form may be closed and submitted."""

    outcome: str = ""
    note: str = ""
    given: list[Given] = field(default_factory=list)
    items: list[ItemJudgement] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    concluded: list[str] = field(default_factory=list)  # draft keys of the items said to be clean
    scores: list[Score] = field(default_factory=list)  # of the checklists that keep one

    @property
    def worst(self) -> str:
        """The overall result of the visit."""
        return worst(code for item in self.items for code in item.codes) or ""


def judge(facts: FormBasics, *, attempts_min: int) -> Judgement:
    """Judge the draft of an open form. *attempts_min* days of trying make R04 (C24)."""
    draft = facts.form.draft if facts.form else {}
    chosen = draft.get(OUTCOME, {})
    if chosen.get("value"):
        return _unable(facts, chosen["value"], chosen.get("note", ""), attempts_min)
    return _by_questions(facts, attempts_min)


def attempts(facts: FormBasics, keys: Iterable[str] = ()) -> int:
    """On how many days the team left proof of trying to reach the party."""
    wanted = {OUTCOME, *keys}
    return len({china_day(e.at) for e in facts.evidence if e.question in wanted})


def _unable(facts: FormBasics, code: str, note: str, attempts_min: int) -> Judgement:
    label = label_of(code) if code in {c.value for c in WHOLE_VISIT} else ""
    judged = Judgement(outcome=code, note=note)
    if not label:
        judged.errors[OUTCOME] = "请选择未能检查的情形。"
        return judged
    needs = "、".join(LABELS[ResultCode(code)].needs)
    if len(re.sub(r"[\W_]", "", note)) < 2:
        judged.errors[OUTCOME] = f"“{label}”：请写明经过。"
    elif not facts.photos()[OUTCOME]:
        judged.errors[OUTCOME] = f"“{label}”：请上传凭据（{needs}）。"
    elif code == ResultCode.R04 and attempts(facts) < attempts_min:
        judged.errors[OUTCOME] = _try_again(attempts(facts), attempts_min)
    judged.items = [
        ItemJudgement(_id(item), item.name, [code], note, LABELS[ResultCode(code)].follows)
        for item, _ in facts.checklists
    ]
    return judged


def _by_questions(facts: FormBasics, attempts_min: int) -> Judgement:
    judged = Judgement()
    codes: dict[str, list[str]] = {}
    read: dict[str, Filled] = {}
    draft, photos = facts.form.draft if facts.form else {}, facts.photos()
    for item, version in facts.checklists:
        if version.code not in read:
            checklist = checklist_of(version)
            filled = read_draft(checklist, draft, photos, prefix=f"{checklist.code}:")
            read[version.code] = filled
            judged.errors.update({f"{checklist.code}:{key}": why for key, why in filled.errors.items()})
            judged.given += _given(checklist, filled)
            points = score(checklist, filled.answers)
            if points is not None:
                judged.scores.append(Score(checklist.name, *points))
        codes[str(item.id)] = results_of(read[version.code].asked, read[version.code].answers)
    _check_attempts(facts, judged, attempts_min)
    settled = settle_visit(codes)
    _check_conclusions(facts, judged, settled)
    judged.items = [
        _item(item, read[version.code], settled[str(item.id)]) for item, version in facts.checklists
    ]
    return judged


def _check_attempts(facts: FormBasics, judged: Judgement, attempts_min: int) -> None:
    """A question may mean "cannot be reached" too: the same days of trying."""
    for given in judged.given:
        meant = given.question.on_bad.codes if given.question.on_bad else ()
        if ResultCode.R04 in meant and is_bad(given.question, given.answer):
            tried = attempts(facts, [given.key])
            if tried < attempts_min:
                judged.errors.setdefault(given.key, _try_again(tried, attempts_min))


def _check_conclusions(facts: FormBasics, judged: Judgement, settled: Mapping[str, list[str]]) -> None:
    """Nobody but an officer says that nothing was found."""
    draft = facts.form.draft if facts.form else {}
    for item, _ in facts.checklists:
        if settled[str(item.id)] != [ResultCode.R01]:
            continue
        if is_concluded(draft, item.id):
            judged.concluded.append(conclusion_key(item.id))
        else:
            judged.errors[conclusion_key(item.id)] = f"“{item.name}”没有不合格项，请确认“{NOTHING_FOUND}”。"


def _try_again(tried: int, attempts_min: int) -> str:
    return f"“无法联系”要在不同日期至少联系 {attempts_min} 次，每次拍照；已有 {tried} 天的凭据，请改天再试。"


def _given(checklist: Checklist, filled: Filled) -> list[Given]:
    return [
        Given(
            f"{checklist.code}:{q.key}",
            q,
            filled.answers[q.key],
            show_answer(q, filled.answers[q.key]),
            checklist.name,
        )
        for q in filled.asked
        if q.key in filled.answers
    ]


def _item(item: Item | Named, filled: Filled, codes: list[str]) -> ItemJudgement:
    bad = [q for q in filled.asked if q.key in filled.answers and is_bad(q, filled.answers[q.key])]
    problem = "；".join(f"第{q.number}项：{filled.answers[q.key].note or q.text}" for q in bad)
    actions = dict.fromkeys(ACTIONS[q.on_bad.action] for q in bad if q.on_bad)
    return ItemJudgement(_id(item), item.name, codes, problem, "；".join(actions) or "—")


def _id(item: Item | Named) -> int:
    assert item.id is not None
    return item.id
