"""``plan.yaml``: the annual plan as a file. Every mistake is named at once, with its line and a remedy."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from bot.core.errors import Problem
from bot.inspection.plans.parts import NamedStratum, Part, Scope, Uplift, readable
from bot.inspection.plans.ratio import CLASSES
from bot.inspection.plans.strata import LONGEST_NAME, UPLIFTED, StratumRule

MAX_BYTES = 1 << 20
Code = Annotated[str, Field(min_length=1, max_length=32)]
_SAID = {
    "missing": "缺少这一项",
    "string_type": "应是文字（数字请加引号）",
    "int_type": "应是整数",
    "int_from_float": "应是整数",
    "list_type": "应是列表",
    "dict_type": "应是“名称: 值”的一组",
    "model_type": "应是“名称: 值”的一组",
    "model_attributes_type": "应是“名称: 值”的一组",
    "date_type": "应是日期，例如2026-03-01",
    "date_from_datetime_inexact": "应是日期，不带时间",
}
_LIMITS = {
    "string_too_short": "不能为空",
    "string_too_long": "最多{max_length}个字",
    "too_short": "至少要有{min_length}项",
    "greater_than": "应大于{gt}",
    "greater_than_equal": "不能小于{ge}",
    "less_than_equal": "不能大于{le}",
}


class Line(Part):
    """One line of the plan: one task. ``lead`` and ``joint`` are codes or names of departments."""

    number: Annotated[int, Field(ge=1, le=9999)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    items: Annotated[list[Code], Field(min_length=1)]
    lead: Annotated[str, Field(min_length=1, max_length=100)]
    joint: Annotated[list[str], Field(default_factory=list)]
    ratios: dict[str, Any]
    scope: Annotated[Scope, Field(default_factory=Scope)]
    focus: str = ""
    method: Annotated[str, Field(max_length=60)] = "实地检查"
    officers_per_visit: Annotated[int, Field(ge=1, le=20)] = 2
    batch_size: Annotated[int, Field(ge=0)] = 0
    batch_opens: Annotated[list[dt.date], Field(default_factory=list)]
    strata: Annotated[list[NamedStratum], Field(default_factory=list)]
    uplifts: Annotated[list[Uplift], Field(default_factory=list)]
    floor: Annotated[int, Field(ge=0)] = 0
    exclude_months: Annotated[int, Field(ge=0, le=120)] = 0
    window_start: dt.date
    window_end: dt.date
    authorisation: Annotated[str, Field(max_length=100)] = (
        ""  # where the ratio is the upper level's (SC-4.2.2)
    )

    @model_validator(mode="before")
    @classmethod
    def _unfold(cls, value: Any) -> Any:
        """Take ``window: {start, end}``, and one ratio for all classes."""
        if not isinstance(value, Mapping):
            return value
        line = dict(value)
        window = line.pop("window", None)
        if isinstance(window, Mapping):
            line |= {f"window_{end}": window[end] for end in ("start", "end") if end in window}
        ratios = line.get("ratios")
        one_for_all = not isinstance(ratios, Mapping) or set(ratios) <= {"ratio", "min", "max", "number"}
        if ratios and one_for_all:
            line["ratios"] = dict.fromkeys(CLASSES, ratios)
        return line

    @field_validator("ratios")
    @classmethod
    def _every_class(cls, ratios: dict[str, Any]) -> dict[str, Any]:
        if strange := sorted(set(ratios) - set(CLASSES)):
            raise ValueError(f"不认识的信用风险等级{'、'.join(strange)}，只有A、B、C、D")
        if missing := [klass for klass in CLASSES if klass not in ratios]:
            raise ValueError(f"缺少等级{'、'.join(missing)}的比例；不抽查请写0")
        for klass, rule in ratios.items():
            readable(f"等级{klass}", rule)
        return ratios

    @model_validator(mode="after")
    def _strata_differ(self) -> Self:
        for kind, names in (
            ("strata", [one.name for one in self.strata]), ("uplifts", [one.label for one in self.uplifts]),
        ):  # fmt: skip
            if len(set(names)) < len(names):
                raise ValueError(f"{kind} 里有重复的名称")
        return self

    @model_validator(mode="after")
    def _strata_fit(self) -> Self:
        """A raised stratum carries both names into the draw."""
        name = max((one.name for one in self.strata), key=len, default="")
        label = max((one.label for one in self.uplifts), key=len, default="")
        if len(f"{name}{UPLIFTED}{label}") > LONGEST_NAME:
            raise ValueError(f"分层“{name}”和标签“{label}”合起来太长，最多 {LONGEST_NAME - 1} 字")
        return self

    @model_validator(mode="after")
    def _batches_open_in_the_window(self) -> Self:
        days = self.batch_opens
        if days and not self.batch_size:
            raise ValueError("写了 batch_opens，就要写 batch_size")
        if days != sorted(set(days)) or any(not self.window_start <= day <= self.window_end for day in days):
            raise ValueError("batch_opens 应按先后排列，不重复，并在检查期限之内")
        return self

    @model_validator(mode="after")
    def _window_runs_forward(self) -> Self:
        if self.window_start > self.window_end:
            raise ValueError("window_end 早于 window_start")
        return self

    def rules(self) -> dict[str, StratumRule]:
        return {klass: StratumRule.parse(rule) for klass, rule in self.ratios.items()}


class PlanDocument(Part):
    """The whole file."""

    code: Code
    year: Annotated[int, Field(ge=2015, le=2100)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    department: Annotated[str, Field(min_length=1, max_length=100)]
    lines: Annotated[list[Line], Field(min_length=1)]

    @field_validator("lines")
    @classmethod
    def _numbers_differ(cls, lines: list[Line]) -> list[Line]:
        numbers = [line.number for line in lines]
        if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
            raise ValueError(f"行号{'、'.join(map(str, twice))}用了两次")
        return lines


def parse_plan(body: str) -> PlanDocument:
    """Read the file's text; ``Problem`` ``plan_document`` names every mistake by line and path."""
    if len(body) > MAX_BYTES:
        raise Problem("plan_document", "计划文件太大")
    node = _compose(body)
    try:
        return PlanDocument.model_validate(yaml.SafeLoader("").construct_document(node))
    except ValidationError as error:
        said = dict(_explain(item, node) for item in error.errors(include_url=False))
        raise Problem("plan_document", "计划文件有误", **said) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Problem("plan_document", "计划文件读不懂", 原因=str(error)[:200]) from None


def _compose(body: str) -> yaml.Node:
    """The file as nodes with their lines; no anchors, no key twice."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(body, yaml.SafeLoader)):
            raise Problem("plan_document", "计划文件里不要用 & 和 * 引用")
        node = yaml.compose(body, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        where = f"第{error.problem_mark.line + 1}行" if error.problem_mark else "文件"
        raise Problem("plan_document", f"计划文件{where}格式有误", 原因=error.problem or "") from None
    except yaml.YAMLError as error:
        raise Problem("plan_document", "计划文件不是文字", 原因=str(error)[:80]) from None
    if not isinstance(node, yaml.MappingNode):
        raise Problem("plan_document", "计划文件是空的，或不是“名称: 值”的格式")
    _refuse_repeats(node)
    return node


def _refuse_repeats(node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise Problem("plan_document", f"第{key.start_mark.line + 1}行重复了“{key.value}”")
            seen.add(key.value)
            _refuse_repeats(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeats(value)


def _explain(error: Any, node: yaml.Node) -> tuple[str, str]:
    """Where (line and path) and what, in Chinese."""
    path: Sequence[str | int] = error["loc"]
    line = _line_of(node, path)
    shown = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".") or "文件"
    return f"第{line}行 {shown}", _sentence(error, path)


def _sentence(error: Any, path: Sequence[str | int]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _fields_at(path), n=1)
        return f"没有“{path[-1]}”这一项" + (f"，是不是“{near[0]}”？" if near else "")
    if kind == "value_error":
        return str(context["error"])
    if kind in _LIMITS:
        return _LIMITS[kind].format(**context)
    return _SAID.get(kind, str(error["msg"]))


def _fields_at(path: Sequence[str | int]) -> list[str]:
    for part, model in (("scope", Scope), ("strata", NamedStratum), ("uplifts", Uplift)):
        if part in path[:-1]:
            return list(model.model_fields)
    return [*(Line.model_fields if "lines" in path[:-1] else PlanDocument.model_fields), "window"]


def _line_of(node: yaml.Node, path: Sequence[str | int]) -> int:
    """The line in the file of the deepest part of *path* that is there, counted from 1."""
    line = node.start_mark.line
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
    return int(line) + 1
