"""Where the public part of the seed comes from: announced before the draw, typed by two people after (C10). Pure.

A source is a JSON object as published in the commitment. ``docs/draw-protocol.md`` words every key.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.clock import CHINA
from bot.core.errors import Problem
from bot.inspection.draws.drand import QUICKNET, randomness, speaks_at

KINDS = {
    "witness": "见证人现场号码",
    "published": "公开发布的数值",
    "drand": "drand 公共随机数",
    "none": "仅用封存的秘密",
}
_KEYS = {
    "witness": ({"kind", "digits"}, {"how", "known", "fallback"}),
    "published": ({"kind", "what", "issue", "where", "known"}, {"fallback"}),
    "drand": ({"kind", "chain", "round", "known"}, {"fallback"}),
    "none": ({"kind"}, set()),
}
_HEX = re.compile(r"[0-9a-f]+")
_SIGNATURES = frozenset({96, 192})  # hex digits of a point of G1 or G2
_LAST_ROUND = 10**9
_HEX64 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 120
NO_FALLBACK = "void"  # the round is voided when the source fails


def check_sources(sources: Sequence[Any], *, now: dt.datetime) -> list[dict[str, Any]]:
    """The sources as they will be published, ``known`` in China's time; refused when one is incomplete, unknown, or
    known already."""
    if not sources:
        return [{"kind": "none"}]
    checked = [_check(source, now=now, place=place) for place, source in enumerate(sources, 1)]
    if len(checked) > 1 and any(source["kind"] == "none" for source in checked):
        raise _wrong(1, "none 只能单独使用")
    if len(checked) > 9:
        raise _wrong(10, "最多 9 个来源")
    return checked


def _check(source: Any, *, now: dt.datetime, place: int, nested: bool = False) -> dict[str, Any]:
    if not isinstance(source, Mapping) or source.get("kind") not in _KEYS:
        raise _wrong(place, "kind 只能是 witness、published、drand 或 none")
    source = _with_moment(source, place=place) if source["kind"] == "drand" else source
    needed, allowed = _KEYS[source["kind"]]
    if missing := sorted(needed - set(source)):
        raise _wrong(place, f"缺少 {'、'.join(missing)}")
    if strange := sorted(set(source) - needed - allowed):
        raise _wrong(place, f"不认识的字段 {'、'.join(strange)}")
    checked = {key: _value(key, source[key], place) for key in source if key != "fallback"}
    if "known" in checked:
        checked["known"] = _moment(checked["known"], now=now, place=place)
    if source["kind"] != "none" and not nested:
        fallback = source.get("fallback", NO_FALLBACK)
        checked["fallback"] = (
            _check(fallback, now=now, place=place, nested=True) if fallback != NO_FALLBACK else fallback
        )
    return checked


def _with_moment(source: Mapping[str, Any], *, place: int) -> Mapping[str, Any]:
    """A round of drand's quicknet, which is meant where no chain is named, has its moment by itself."""
    source = {"chain": QUICKNET, **source}
    number = source.get("round")
    if source["chain"] != QUICKNET or not isinstance(number, int) or not 0 < number < _LAST_ROUND:
        return source
    speaks = speaks_at(number)
    told = (
        known_from(source) if isinstance(source.get("known"), str) and _is_moment(source["known"]) else None
    )
    # earlier versions kept the minute only
    if told is not None and told.replace(tzinfo=told.tzinfo or CHINA) < speaks.replace(second=0):
        raise _wrong(place, "known 早于 drand 这一轮产生的时刻")
    if (
        "known" not in source or told is not None
    ):  # a later moment would let a round in that is public already
        source["known"] = speaks.isoformat()
    return source


def _is_moment(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _value(key: str, value: Any, place: int) -> Any:
    if key == "digits" and (not isinstance(value, int) or not 1 <= value <= 60):
        raise _wrong(place, "digits（位数）应在 1 到 60 之间")
    if key == "round" and (not isinstance(value, int) or not 1 <= value < _LAST_ROUND):
        raise _wrong(place, "round（轮次）应是正整数")
    if key == "chain" and not (isinstance(value, str) and _HEX64.fullmatch(value)):
        raise _wrong(place, "chain（链的指纹）应是 64 位十六进制")
    if isinstance(value, str):
        value = unicodedata.normalize("NFC", value).strip()
        if not value or len(value) > _LONGEST:
            raise _wrong(place, f"{key} 不能为空，最多 {_LONGEST} 字")
    elif not isinstance(value, int):
        raise _wrong(place, f"{key} 应是文字")
    return value


def _moment(text: str, *, now: dt.datetime, place: int) -> str:
    try:
        known = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise _wrong(place, "known 应是时刻，例如 2026-03-10T21:30+08:00") from None
    known = known.replace(tzinfo=CHINA) if known.tzinfo is None else known
    if known <= now:
        raise _wrong(place, "known 已经过去：来源须在公布承诺之后才产生")
    return known.astimezone(CHINA).isoformat(timespec="seconds" if known.second else "minutes")


def _wrong(place: int, why: str) -> Problem:
    return Problem("source_invalid", "公开随机来源写得不对。", **{f"第{place}个来源": why})


def wants_value(source: Mapping[str, Any]) -> bool:
    return bool(source["kind"] != "none")


def read_value(source: Mapping[str, Any], typed: str) -> str:
    """What was typed, in the one form that counts. Raises Problem ``value_invalid``."""
    if source["kind"] == "none":
        return ""  # a fallback that does without
    value = "".join(unicodedata.normalize("NFKC", typed).split())
    if source["kind"] == "witness":
        wanted = source["digits"]
        if not (value.isascii() and value.isdecimal() and len(value) == wanted):
            raise Problem("value_invalid", f"请输入 {wanted} 位数字。", 输入=typed[:40])
    elif source["kind"] == "drand":
        value = _beacon(value.lower())[0]
        if not _HEX64.fullmatch(value):
            raise Problem(
                "value_invalid", "请输入 64 位十六进制的随机数（randomness），或签名（signature），或两者。", 输入=typed[:40]
            )  # fmt: skip
    elif not value or len(value) > _LONGEST or not value.isprintable() or ";" in value:
        raise Problem("value_invalid", f"请输入公布的数值，不超过 {_LONGEST} 字，不含分号。", 输入=typed[:40])
    return value


def read_proof(source: Mapping[str, Any], typed: str) -> str:
    """The signature that was typed with drand's value or instead of it; empty where there is none."""
    return (
        _beacon("".join(unicodedata.normalize("NFKC", typed).split()).lower())[1]
        if source["kind"] == "drand"
        else ""
    )


def _beacon(text: str) -> tuple[str, str]:
    """Randomness and signature in either order; the one follows from the other (SHA-256)."""
    if not _HEX.fullmatch(text):
        return text, ""
    pairs = ((text[:64], text[64:]), (text[-64:], text[:-64]))
    if len(text) in _SIGNATURES:
        return randomness(text), text
    return next(
        (pair for pair in pairs if len(pair[1]) in _SIGNATURES and randomness(pair[1]) == pair[0]), (text, "")
    )


def known_from(source: Mapping[str, Any]) -> dt.datetime | None:
    """The first moment at which the source's value can be typed."""
    return dt.datetime.fromisoformat(source["known"]) if "known" in source else None


def public_value(values: Sequence[Mapping[str, Any]]) -> str:
    """The text that goes into the seed: ``kind=value`` of each source in order, joined by ``;``."""
    return ";".join(f"{value['kind']}={value['value']}" for value in values)


def words_of(source: Mapping[str, Any]) -> str:
    """One source in a line people read."""
    kind = source["kind"]
    if kind == "witness":
        return f"{source.get('how', KINDS[kind])}，{source['digits']} 位数字"
    if kind == "published":
        return f"{source['what']}（{source['issue']}），{source['where']}"
    if kind == "drand":
        return f"drand 第 {source['round']} 轮"
    return KINDS["none"]
