"""For whoever may see officers' days (an auditor, a court): the sealed files bear out what was published. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from bot.inspection.draws.algorithm import fingerprint
from bot.inspection.draws.barred import barred_bytes, barred_spans
from bot.inspection.draws.matching import OfficerFacts
from bot.inspection.draws.officers_file import officers_bytes, officers_from, opens, read_lines


def sealed_fault(files: Mapping[str, bytes], rules: Mapping[str, Any], transcript: Mapping[str, Any]) -> str:
    """The first thing that does not hold (zh-CN); empty when all does, or when there are no sealed files."""
    if "sealed.jsonl" not in files:
        return ""
    published, sealed = files["officers.jsonl"], files["sealed.jsonl"]
    lines = read_lines(published)
    if not opens(lines, sealed):
        return "封存的人员情况与抽取前公布的指纹不一致"
    officers = officers_from(lines, read_lines(sealed))
    first, last = (dt.date.fromisoformat(day) for day in rules["window"])
    labels = {department["id"]: frozenset(department["labels"]) for department in rules["departments"]}
    if officers_bytes(officers, sealed.splitlines(), labels=labels, window=(first, last)) != published:
        return "公布的执法人员名录与封存的人员情况不一致"
    return _days_fault(files, officers, transcript, window=(first, last))


def _days_fault(
    files: Mapping[str, bytes], officers: Sequence[OfficerFacts], transcript: Mapping[str, Any], *,
    window: tuple[dt.date, dt.date],
) -> str:  # fmt: skip
    if fingerprint(files["days.jsonl"]) != transcript["days_jsonl"]:
        return "检查日期与锁定时的指纹不一致"
    planned = read_lines(files["days.jsonl"])[1:]
    ids, days = [line["id"] for line in planned], [dt.date.fromisoformat(line["planned"]) for line in planned]
    if ids != [pick["id"] for pick in read_lines(files["picks.jsonl"])]:
        return "检查日期与抽取结果不对应"
    if any(not window[0] <= day <= window[1] for day in days):
        return "有检查日期不在检查期限内"
    if barred_bytes(barred_spans(officers, ids, days, window=window)) != files["barred.jsonl"]:
        return "不能参加的名单与封存的人员情况不一致"
    return ""
