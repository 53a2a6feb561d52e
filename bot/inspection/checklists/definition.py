"""A checklist as a document: versioned, checked when it is read, pinned by its fingerprint (C17).

The six shipped lists are those of field guide 10.2 to 10.7, 89 questions. Answers are judged in ``answers``.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.core.errors import Problem
from bot.inspection.checklists.outcomes import CLEAN, ResultCode
from bot.inspection.profile.refusals import first_refusal

DATA = Path(__file__).with_name("data")
MOST_REPEATS = 20
_SINCE_FIRST_RELEASE = {"repeat": "", "whole": False, "camera": False, "photos_min": 1, "points": None}
YES, NO, NOT_APPLICABLE = "是", "否", "合理缺项"


class QuestionType(StrEnum):
    """What kind of answer a question takes."""

    YN = "YN"
    YNA = "YNA"  # with 合理缺项
    TEXT = "TEXT"
    NUMBER = "NUMBER"
    DATE = "DATE"
    ENUM = "ENUM"
    MULTI = "MULTI"
    PHOTO = "PHOTO"
    PLACE = "PLACE"  # a position, as latitude,longitude
    SIGNATURE = "SIGNATURE"  # drawn on the phone; somebody other than the signer of the record sheet
    SCAN = "SCAN"  # a bar code or QR code, or its characters typed


class BadAction(StrEnum):
    """What the officer does about a bad answer."""

    NOTE = "NOTE"  # 仅记录
    PUBLISH = "PUBLISH"  # 认定并公示
    CORRECT = "CORRECT"  # 责令改正、当场改正
    ORDER = "ORDER"  # 责令限期改正
    INSTRUCTION = "INSTRUCTION"  # 特种设备安全监察指令
    HAZARD = "HAZARD"  # 严重事故隐患
    CASE = "CASE"  # 待后续处理（立案、移送）


class Need(StrEnum):
    """What must come with a bad answer."""

    NOTE = "note"
    PHOTO = "photo"


class Part(BaseModel):
    """A piece of a checklist: no unknown keys, never changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OnBad(Part):
    """What a bad answer means and asks for. Several ``codes``: the officer chooses one."""

    codes: tuple[ResultCode, ...] = ()
    action: BadAction
    needs: tuple[Need, ...] = (Need.NOTE, Need.PHOTO)
    text: str = ""

    @model_validator(mode="after")
    def _is_no_clean_result(self) -> OnBad:
        if CLEAN in self.codes:
            raise ValueError("不合格的回答不能得出“未发现问题”")
        return self


class Reading(Part):
    """A value measured or read beside the verdict, such as a temperature or the next inspection date."""

    type: QuestionType
    text: str
    unit: str = ""
    min: float | None = None
    max: float | None = None
    required_on: tuple[str, ...] = (YES, NO)

    @model_validator(mode="after")
    def _is_number_or_date(self) -> Reading:
        if self.type not in {QuestionType.NUMBER, QuestionType.DATE}:
            raise ValueError("附带填写的只能是 NUMBER 或 DATE")
        if self.type is QuestionType.NUMBER and not self.unit:
            raise ValueError("数字要写单位")
        return self


class Question(Part):
    """One question. ``key`` is its number on the paper form."""

    key: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z-]+$")]
    text: Annotated[str, Field(min_length=1)]
    type: QuestionType
    section: str = ""
    starred: bool = False  # ★ 重点项
    required: bool = True
    good: str = YES
    unit: str = ""
    min: float | None = None
    max: float | None = None
    whole: bool = False  # a number without decimals
    options: tuple[str, ...] = ()
    bad_options: tuple[str, ...] = ()
    reading: Reading | None = None
    guidance: str = ""
    article: str = ""
    when: dict[str, str] = {}
    on_bad: OnBad | None = None
    repeat: str = ""  # key of the NUMBER question that says how often this one is asked
    camera: bool = False  # photos are taken now, not chosen from the album
    photos_min: Annotated[int, Field(ge=1, le=20)] = 1  # of a PHOTO question
    points: Annotated[float, Field(ge=0)] | None = None  # scoring is optional: what a good answer is worth

    @model_validator(mode="after")
    def _is_consistent(self) -> Question:
        problem = _question_problem(self)
        if problem:
            raise ValueError(problem)
        return self

    @cached_property
    def is_verdict(self) -> bool:
        """Whether the answer is 是 or 否."""
        return self.type is QuestionType.YN or self.type is QuestionType.YNA

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """The canonical answers one may choose from, in the order they are numbered in chat."""
        if self.is_verdict:
            return (YES, NO, NOT_APPLICABLE) if self.type is QuestionType.YNA else (YES, NO)
        return self.options

    @property
    def label(self) -> str:
        """Number, star and text, as forms and messages show it."""
        return f"{self.number}{'★' if self.starred else ''} {self.text}"

    @property
    def number(self) -> str:
        """The number people read: 6, or 6-2 where the question is asked about a second thing."""
        return self.key.replace("_", "-")

    @cached_property
    def wants_files(self) -> bool:
        """Whether the answer is what was photographed or drawn."""
        return self.type is QuestionType.PHOTO or self.type is QuestionType.SIGNATURE


class Checklist(Part):
    """A version of a checklist."""

    code: Annotated[str, Field(min_length=1, max_length=32)]
    version: Annotated[int, Field(ge=1)]
    name: Annotated[str, Field(min_length=1)]
    field: str = ""
    items: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _questions_fit_together(self) -> Checklist:
        seen: dict[str, Question] = {}
        for question in self.questions:
            problem = _place_problem(question, seen)
            if problem:
                raise ValueError(f"第{question.key}项{problem}")
            seen[question.key] = question
        return self

    def question(self, key: str) -> Question:
        """Find a question as it stands in the document; raises ``Problem("question_unknown")``."""
        for question in self.questions:
            if question.key == key:
                return question
        raise Problem("question_unknown", f"检查表“{self.name}”没有第{key}项。", question=key)

    def definition(self) -> dict[str, Any]:
        """Give the plain data to store with a task; ``parse_checklist`` reads it back.

        What a question could not say in the first release is left out where it says nothing, so the fingerprint of
        an older document stays what it was.
        """
        plain = self.model_dump(mode="json")
        for question in plain["questions"]:
            for name, empty in _SINCE_FIRST_RELEASE.items():
                if question[name] == empty:
                    del question[name]
        return plain

    def sha256(self) -> str:
        """Give the fingerprint of this version."""
        return fingerprint(self.definition())


def canonical_json(definition: dict[str, Any]) -> str:
    """Write *definition* the one way its fingerprint is taken of: sorted keys, no spaces, no escapes."""
    return json.dumps(definition, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fingerprint(definition: dict[str, Any]) -> str:
    """Give the SHA-256 of a stored definition, in hex."""
    return hashlib.sha256(canonical_json(definition).encode()).hexdigest()


def parse_checklist(raw: object, source: str = "检查表") -> Checklist:
    """Read plain data; raises ``Problem("checklist_invalid")`` naming the place and the reason."""
    try:
        return Checklist.model_validate(raw)
    except ValidationError as error:
        field, reason = first_refusal(error)
        text = f"{source}的“{field or '整个文件'}”有误：{reason}"
        raise Problem("checklist_invalid", text, field=field) from error


def read_checklist(path: Path) -> Checklist:
    """Read a YAML file; raises ``Problem("checklist_invalid")``."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise Problem("checklist_invalid", f"{path.name}不是可读的YAML文件", field="") from error
    return parse_checklist(raw, path.name)


@cache
def all_checklists() -> tuple[Checklist, ...]:
    """Give the shipped checklists in the order of their codes."""
    return tuple(read_checklist(path) for path in sorted(DATA.glob("*.yaml")))


def load_checklist(code: str) -> Checklist:
    """Give a shipped checklist; raises ``Problem("checklist_unknown")``."""
    for checklist in all_checklists():
        if checklist.code == code:
            return checklist
    known = "、".join(checklist.code for checklist in all_checklists())
    raise Problem("checklist_unknown", f"没有编号为“{code}”的检查表。现有：{known}", code=code)


def _question_problem(question: Question) -> str:
    """Say in Chinese what does not fit together; empty when all does."""
    listed = question.type in {QuestionType.ENUM, QuestionType.MULTI}
    checks = (
        (question.is_verdict and question.on_bad is None, "是否题要写明不合格时怎么办（on_bad）"),
        (question.is_verdict and question.good not in {YES, NO}, "good 只能是“是”或“否”"),
        (listed and len(set(question.options)) < 2, "选择题至少要有两个不同的选项"),
        (listed and len(set(question.options)) != len(question.options), "选项重复"),
        (not listed and bool(question.options), "只有选择题可以有选项"),
        (any("、" in option for option in question.options), "选项里不能有“、”"),
        (question.photos_min > 1 and question.type is not QuestionType.PHOTO, "只有拍照题可以要求张数"),
        (not set(question.bad_options) <= set(question.options), "bad_options 里有不存在的选项"),
        (bool(question.bad_options) and question.on_bad is None, "有 bad_options 就要写 on_bad"),
        (question.reading is not None and not question.is_verdict, "只有是否题可以附带填写"),
        (_empty_range(question.min, question.max), "min 大于 max"),
        (question.type is QuestionType.NUMBER and not question.unit, "数字题要写单位"),
    )
    return next((text for wrong, text in checks if wrong), "")


def _place_problem(question: Question, before: dict[str, Question]) -> str:
    """Say what does not fit with the questions before; empty when all does."""
    if question.key in before:
        return "出现两次"
    for other, value in question.when.items():
        if other not in before:
            return f"的条件引用了它前面没有的第{other}项"
        if before[other].choices and value not in before[other].choices:
            return f"的条件“{value}”不是第{other}项的可选回答"
        if before[other].repeat not in {"", question.repeat}:
            return f"的条件引用了另一组重复的第{other}项"
    return _repeat_problem(question, before) if question.repeat else ""


def _repeat_problem(question: Question, before: dict[str, Question]) -> str:
    count = before.get(question.repeat)
    if count is None or count.type is not QuestionType.NUMBER or count.repeat:
        return f"的重复次数应由前面的一道数字题给出，没有找到第{question.repeat}项"
    if not count.whole:
        return f"的重复次数（第{question.repeat}项）应是整数，请写 whole: true"
    if count.max is None or count.max > MOST_REPEATS or (count.min or 0) < 0:
        return f"的重复次数（第{question.repeat}项）要写明 min 不小于 0、max 不大于 {MOST_REPEATS}"
    return ""


def _empty_range(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low > high
