"""A checklist written in Excel by the conventions of XLSForm, turned into our document, with every fault by its cell.

What XLSForm cannot say stands in columns of our own, which other XLSForm tools ignore: ``star unit section good codes
action needs bad_text bad_options article points`` and ``reading_…``. A question's name is its key; ``q12`` is 12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.errors import Problem
from bot.inspection.checklists.definition import (
    MOST_REPEATS,
    NO,
    NOT_APPLICABLE,
    YES,
    Checklist,
    parse_checklist,
)
from bot.inspection.checklists.xlsform_columns import on_bad, parts, reading
from bot.inspection.checklists.xlsform_rows import Fault, Row, Workbook, read_workbook
from bot.inspection.checklists.xlsform_rules import NotUnderstood, bounds, conditions, count_of

_SIMPLE = {
    "integer": "NUMBER", "decimal": "NUMBER", "text": "TEXT", "string": "TEXT", "date": "DATE", "image": "PHOTO",
    "photo": "PHOTO", "geopoint": "PLACE", "barcode": "SCAN",
}  # fmt: skip
_ABOUT_THE_PHONE = {
    "start",
    "end",
    "today",
    "deviceid",
    "username",
    "phonenumber",
    "email",
    "audit",
    "start-geopoint",
}
_YES_WORDS = {"yes", "true", "true()", "是", "1"}
_WORDS = {"不适用": NOT_APPLICABLE}


@dataclass(slots=True)
class Read:
    """What a workbook says: the checklist when it is whole, the faults when it is not, and what was left out."""

    checklist: Checklist | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    book: Workbook
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)  # of the questions
    groups: list[dict[str, Any]] = field(default_factory=list)  # open ones: section, conditions, repeat
    keys: dict[str, str] = field(default_factory=dict)  # name -> key
    options: dict[str, dict[str, str]] = field(default_factory=dict)  # list -> choice name -> label

    def fault(self, row: Row | None, column: str, reason: str, *, sheet: str = "survey") -> None:
        self.faults.append(Fault(sheet, row.number if row else 0, column, reason))


def read_xlsform(path: Path) -> Read:
    """Read *path*; raises ``Problem("xlsform_unreadable")`` for what is no such workbook at all."""
    reader = _Reader(read_workbook(path))
    _read_choices(reader)
    for row in reader.book.survey:
        _read_row(reader, row)
    for group in reader.groups:
        reader.fault(group["row"], "type", "这一组没有结束（缺少 end group 或 end repeat）")
    raw = {**_settings(reader, path), "questions": reader.questions}
    found = Read(faults=reader.faults, notes=reader.notes)
    if not reader.faults:
        _check(reader, raw, found)
    return found


def _check(reader: _Reader, raw: dict[str, Any], found: Read) -> None:
    """Let the document judge itself, and point at the row of what it refuses."""
    try:
        found.checklist = parse_checklist(raw)
    except Problem as problem:
        place = str(problem.fields.get("field", ""))
        number = re.match(r"questions\.(\d+)", place)
        reason = problem.text.partition("有误：")[2] or problem.text
        named = re.match(r"第([0-9A-Za-z-]+)项", reason)
        keys = [question["key"] for question in reader.questions]
        row = reader.rows[int(number[1])] if number else None
        if row is None and named and named[1] in keys:
            row = reader.rows[keys.index(named[1])]
        column = place.rpartition(".")[2] if number and place.count(".") > 1 else ""
        reader.fault(
            row, column, reason, sheet="survey" if row or place.startswith("questions") else "settings"
        )


def _read_choices(reader: _Reader) -> None:
    for row in reader.book.choices:
        if not row["list_name"] or not row["name"]:
            reader.fault(row, "list_name" if not row["list_name"] else "name", "不能为空", sheet="choices")
            continue
        label = row["label"] or row["name"]
        reader.options.setdefault(row["list_name"], {})[row["name"]] = _WORDS.get(label, label)


def _read_row(reader: _Reader, row: Row) -> None:
    kind = (
        " ".join(row["type"].replace("_", " ", 1).split())
        if row["type"].startswith(("begin", "end"))
        else row["type"]
    )
    if not kind:
        reader.fault(row, "type", "没有写题型")
    elif kind in {"begin group", "begin repeat"}:
        _open_group(reader, row, repeats=kind == "begin repeat")
    elif kind in {"end group", "end repeat"}:
        if not reader.groups:
            reader.fault(row, "type", "没有对应的 begin")
        else:
            reader.groups.pop()
    elif kind in _ABOUT_THE_PHONE:
        reader.notes.append(f"survey 第{row.number}行 {kind}：由系统自己记录，未导入")
    elif kind == "note":
        reader.notes.append(f"survey 第{row.number}行 note：不是问题，未导入；提示请写在题目的 guidance_hint")
    else:
        _read_question(reader, row, kind)


def _open_group(reader: _Reader, row: Row, *, repeats: bool) -> None:
    group = {"row": row, "section": row["label"], "when": _conditions(reader, row), "repeat": ""}
    if repeats:
        if any(other["repeat"] for other in reader.groups):
            reader.fault(row, "type", "重复组里不能再有重复组")
        group["repeat"] = _count(reader, row)
        group["section"] = ""
    reader.groups.append(group)


def _count(reader: _Reader, row: Row) -> str:
    """The key of the question that says how often; one is made where the sheet names none."""
    if row["repeat_count"]:
        try:
            name = count_of(row["repeat_count"])
        except NotUnderstood as refusal:
            reader.fault(row, "repeat_count", str(refusal))
            return ""
        if name not in reader.keys:
            reader.fault(row, "repeat_count", f"前面没有题名为 {name} 的题")
        return reader.keys.get(name, "")
    key = _key(reader, row, f"{row['name'] or 'repeat'}-n")
    count = {"key": key, "text": f"“{row['label'] or row['name']}”共有几处？", "type": "NUMBER", "unit": "处",
             "min": 0, "max": MOST_REPEATS, "whole": True}  # fmt: skip
    reader.questions.append(_in_groups(reader, count))
    reader.rows.append(row)
    return key


def _read_question(reader: _Reader, row: Row, kind: str) -> None:
    question = {"key": _key(reader, row, row["name"]), "text": row["label"], **_typed(reader, row, kind)}
    if not row["label"]:
        reader.fault(row, "label", "没有写题目")
    for column, name in (("article", "article"), ("unit", "unit"), ("section", "section")):
        if row[column]:
            question[name] = row[column]
    guidance = row["guidance_hint"] or row["hint"]
    question |= {"guidance": guidance} if guidance else {}
    question |= {"starred": True} if row["star"].lower() in _YES_WORDS | {"★"} else {}
    question["required"] = row["required"].lower() in _YES_WORDS
    if row["points"]:
        question["points"] = row["points"]
    when = _conditions(reader, row)
    if when:
        question["when"] = when
    if question.get("type") in {"YN", "YNA"} or row["bad_options"]:
        question["on_bad"] = on_bad(row)
    if row["bad_options"]:
        question["bad_options"] = parts(row["bad_options"])
    question |= {"good": row["good"]} if row["good"] else {}
    question |= reading(row)
    reader.questions.append(_in_groups(reader, question))
    reader.rows.append(row)


def _typed(reader: _Reader, row: Row, kind: str) -> dict[str, Any]:
    """The type and what belongs to it."""
    word, _, name = kind.partition(" ")
    if word in {"select_one", "select_multiple"}:
        return _choice(reader, row, word, name.split(" ")[0])
    if kind not in _SIMPLE:
        known = "select_one、select_multiple、" + "、".join(_SIMPLE)
        reader.fault(row, "type", f"不支持题型“{kind}”。可用：{known}")
        return {}
    typed: dict[str, Any] = {"type": _SIMPLE[kind]}
    if kind in {"integer", "decimal"}:
        typed |= _number(reader, row, whole=kind == "integer")
    elif row["constraint"]:
        reader.notes.append(f"survey 第{row.number}行 constraint：只有数字题的范围会检查，未导入")
    if typed["type"] == "PHOTO":
        appearance = row["appearance"].split()
        if "signature" in appearance:
            typed["type"] = "SIGNATURE"
        typed |= {"camera": True} if "new" in appearance else {}
        typed |= {"photos_min": row["photos_min"]} if row["photos_min"] else {}
    return typed


def _number(reader: _Reader, row: Row, *, whole: bool) -> dict[str, Any]:
    typed: dict[str, Any] = {"whole": True} if whole else {}
    try:
        low, high = bounds(row["constraint"], whole=whole)
    except NotUnderstood as refusal:
        reader.fault(row, "constraint", str(refusal))
        return typed
    return typed | {name: value for name, value in (("min", low), ("max", high)) if value is not None}


def _choice(reader: _Reader, row: Row, word: str, name: str) -> dict[str, Any]:
    options = reader.options.get(name)
    if not options:
        reader.fault(row, "type", f"choices 里没有选项表“{name}”")
        return {}
    labels = list(options.values())
    if word == "select_multiple":
        return {"type": "MULTI", "options": labels}
    if labels[:2] == [YES, NO] and labels[2:] in ([], [NOT_APPLICABLE]):
        return {"type": "YNA" if labels[2:] else "YN"}
    return {"type": "ENUM", "options": labels}


def _conditions(reader: _Reader, row: Row) -> dict[str, str]:
    """``relevant`` as our conditions: by key and by the words of the choice."""
    try:
        pairs = conditions(row["relevant"])
    except NotUnderstood as refusal:
        reader.fault(row, "relevant", str(refusal))
        return {}
    found = {}
    for name, value in pairs:
        if name not in reader.keys:
            reader.fault(row, "relevant", f"前面没有题名为 {name} 的题")
            continue
        found[reader.keys[name]] = _label(reader, reader.keys[name], value)
    return found


def _label(reader: _Reader, key: str, value: str) -> str:
    at = [question["key"] for question in reader.questions].index(key)
    name = reader.rows[at]["type"].partition(" ")[2].split(" ")[0]
    return reader.options.get(name, {}).get(value, value)


def _in_groups(reader: _Reader, question: dict[str, Any]) -> dict[str, Any]:
    """What the open groups say about every question inside."""
    sections = [group["section"] for group in reader.groups if group["section"]]
    if sections and not question.get("section"):
        question["section"] = " / ".join(sections)
    for group in reader.groups:
        question["when"] = {**group["when"], **question.get("when", {})}
        if group["repeat"]:
            question["repeat"] = group["repeat"]
    return question


def _key(reader: _Reader, row: Row, name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
        reader.fault(
            row, "name", "题名要以字母开头，只用字母、数字、下划线和连字符" if name else "没有写题名"
        )
        return f"row-{row.number}"
    if name in reader.keys:
        reader.fault(row, "name", f"题名 {name} 出现两次")
    key = re.sub(r"[_.]", "-", re.sub(r"^q(?=\d)", "", name)).strip("-")
    if len(key) > 20:
        reader.fault(row, "name", "题名最多 20 个字符")
    reader.keys[name] = key
    return key


def _settings(reader: _Reader, path: Path) -> dict[str, Any]:
    given = reader.book.settings
    version = given.get("version", "")
    if not version.isdecimal():
        reader.fault(None, "version", "请写版本号，例如 1；修改后再导入要用新的版本号", sheet="settings")
    return {
        "code": given.get("form_id") or path.stem,
        "version": version or "1",
        "name": given.get("form_title") or given.get("form_id") or path.stem,
        "field": given.get("field", ""),
        "items": [part for part in given.get("items", "").split("|") if part],
        "basis": [part for part in given.get("basis", "").split("|") if part],
    }
