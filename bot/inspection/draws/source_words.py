"""Sources and witnesses as a coordinator writes them in chat or fills them in on the console. Pure.

In chat a line each, as ``HOW_TO`` shows; ``备用`` and a source at the end of a line name its fallback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.errors import Problem

HOW_TO = (
    "请逐行回复来源，最后一行写见证人（至少两位的人员编号），例如：\n现场 6 摇号机\n"
    "公布 福利彩票3D 2026060 中国福彩网 2026-03-10T21:30 备用 现场 6\n"
    "drand 12345678\n见证人 GL003 GL004\n只用封存的秘密，请回复：无"
)
_FALLBACK, _WITNESSES = "备用", "见证人"
_PUBLISHED = ("what", "issue", "where", "known")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: sources as ``check_sources`` takes them, and the codes of the witnesses."""

    sources: list[dict[str, Any]]
    witnesses: list[str]


def read_choice(text: str) -> Choice:
    """Of a chat message. Raises Problem ``source_invalid`` naming the line."""
    sources: list[dict[str, Any]] = []
    witnesses: list[str] = []
    for number, line in enumerate((line for line in text.splitlines() if line.strip()), 1):
        words = line.replace("，", " ").replace("、", " ").split()
        if words[0] == _WITNESSES:
            witnesses += words[1:]
        elif words != ["无"]:
            sources.append(_source(words, number))
    return Choice(sources, witnesses)


def choice_of_form(form: Mapping[str, str]) -> Choice:
    """Of the console's page, where each kind is ticked and filled in. Raises Problem ``source_invalid`` naming the field."""
    sources: list[dict[str, Any]] = []
    if form.get("witness"):
        sources.append(_balls(form.get("digits", ""), form.get("how", ""), field="位数"))
    if form.get("published"):
        given = {key: form.get(key, "").strip() for key in _PUBLISHED}
        for key, name in zip(_PUBLISHED, ("公布什么", "期号", "在哪里查", "公布时刻"), strict=True):
            if not given[key]:
                raise _wrong(name, "不能为空")
        sources.append({"kind": "published", **given})
    if form.get("drand"):
        sources.append({"kind": "drand", "round": _number(form.get("round", ""), field="轮次")})
    if sources and form.get("fallback_digits", "").strip():
        for source in sources:
            if source["kind"] != "witness":
                source["fallback"] = _balls(form["fallback_digits"], "", field="备用号码位数")
    return Choice(sources, form.get("witnesses", "").replace("，", " ").replace("、", " ").split())


def _source(words: list[str], line: int) -> dict[str, Any]:
    field = f"第{line}行"
    if _FALLBACK in words:
        place = words.index(_FALLBACK)
        return _source(words[:place] or [""], line) | {"fallback": _source(words[place + 1 :] or [""], line)}
    kind, rest = words[0].lower(), words[1:]
    if kind == "现场" and rest:
        return _balls(rest[0], " ".join(rest[1:]), field=field)
    if kind == "公布" and len(rest) == len(_PUBLISHED):
        return {"kind": "published", **dict(zip(_PUBLISHED, rest, strict=True))}
    if kind == "drand" and len(rest) == 1:
        return {"kind": "drand", "round": _number(rest[0], field=field)}
    raise _wrong(
        field, "应写成“现场 位数”、“公布 什么 期号 在哪里查 时刻”、“drand 轮次”、“见证人 编号 编号”或“无”"
    )


def _balls(digits: str, how: str, *, field: str) -> dict[str, Any]:
    how = how.strip()
    return {"kind": "witness", "digits": _number(digits, field=field)} | ({"how": how} if how else {})


def _number(text: str, *, field: str) -> int:
    text = text.strip().removesuffix("位").strip()
    if not (text.isdecimal() and len(text) < 12):
        raise _wrong(field, "应是数字")
    return int(text)


def _wrong(field: str, why: str) -> Problem:
    return Problem("source_invalid", "公开随机来源写得不对，没有保存。", **{field: why})
