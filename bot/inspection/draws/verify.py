"""Repeat a draw from its bundle and name the first thing that does not hold (``docs/draw-protocol.md``). Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.canonical import canonical
from bot.core.errors import Problem
from bot.inspection.draws import algorithm
from bot.inspection.draws.barred import Ranks, barred_bytes
from bot.inspection.draws.matching import Need, OfficerFacts, match
from bot.inspection.draws.officers_file import officers_from, read_lines
from bot.inspection.draws.verify_changes import Changes
from bot.inspection.draws.verify_sealed import sealed_fault
from bot.inspection.draws.verify_sources import not_checked, sources_fault
from bot.inspection.plans.strata import StratumRule

_NEEDED = ("draw.json", "pool.jsonl", "rules.json", "officers.jsonl", "picks.jsonl", "visits.jsonl")
_LOCKED = {
    "picks.jsonl": "抽取结果", "officers.jsonl": "执法人员名录", "visits.jsonl": "选派结果", "barred.jsonl": "不能参加的名单",
}  # fmt: skip


def verify_bundle(files: Mapping[str, bytes]) -> str:
    """Empty when everything holds; otherwise the first fault (zh-CN)."""
    missing = [name for name in _NEEDED if name not in files]
    if missing:
        return f"缺少文件 {'、'.join(missing)}"
    try:
        return _check(files)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, Problem) as error:
        return f"文件无法读取：{type(error).__name__} {error}"


def taken_on_trust(files: Mapping[str, bytes]) -> list[str]:
    """Of a bundle that verifies: what could not be checked here, in words (zh-CN)."""
    return not_checked(json.loads(files["draw.json"]))


def _check(files: Mapping[str, bytes]) -> str:
    head = json.loads(files["draw.json"])
    if head["protocol"] != algorithm.PROTOCOL:
        return f"不认识的协议 {head['protocol']}"
    if "barred_jsonl" in head["transcript"] and "barred.jsonl" not in files:
        return "缺少文件 barred.jsonl"
    rules = json.loads(files["rules.json"])
    for name, wanted, words in (
        ("pool.jsonl", head["pool_sha256"], "名单"), ("rules.json", head["rules_sha256"], "规则"),
        ("officers.jsonl", rules["officers_sha256"], "执法人员名录"),
    ):  # fmt: skip
        if algorithm.fingerprint(files[name]) != wanted:
            return f"{words}与抽取前公布的指纹不一致"
    if rules["task"] != head["task"]:
        return "规则属于另一个任务"
    seed = bytes.fromhex(head["seed"])
    return (
        _check_seed(head, seed)
        or _check_picks(files, rules, seed)
        or _check_teams(files, rules, seed)
        or _check_transcript(files, head["transcript"])
        or Changes(files, rules, seed).fault()
        or sealed_fault(files, rules, head["transcript"])
    )


def _check_seed(head: Mapping[str, Any], seed: bytes) -> str:
    if algorithm.fingerprint(bytes.fromhex(head["secret"])) != head["secret_sha256"]:
        return "秘密与抽取前公布的指纹不一致"
    if fault := sources_fault(head):
        return fault
    expected = algorithm.seed_of(
        task=head["task"], number=head["round"], pool_sha256=head["pool_sha256"], rules_sha256=head["rules_sha256"],
        secret_hex=head["secret"], public_value=head["public_value"],
    )  # fmt: skip
    return "" if seed == expected else "随机种子与公布的值不一致"


def _check_picks(files: Mapping[str, bytes], rules: Mapping[str, Any], seed: bytes) -> str:
    entries = [(e["id"], e["stratum"]) for e in read_lines(files["pool.jsonl"])]
    if algorithm.pool_bytes(entries) != files["pool.jsonl"] or len(dict(entries)) != len(entries):
        return "名单没有按规定排序或书写，或有重复"
    if canonical(rules) != files["rules.json"]:
        return "规则没有按规定书写"
    strata = {name: StratumRule.parse(rule) for name, rule in rules["strata"].items()}
    if missing := sorted({stratum for _, stratum in entries} - set(strata)):
        return f"分层 {missing[0]} 没有规则"
    expected = algorithm.pick(
        algorithm.by_stratum(entries), rules=strata, seed=seed, batch_size=rules["batch_size"]
    )
    shown = files["picks.jsonl"].splitlines()
    for number, line in enumerate(algorithm.picks_bytes(expected).splitlines()):
        if number >= len(shown) or shown[number] != line:
            return f"抽取结果第 {number + 1} 个应为 {expected[number].id}"
    return "" if len(shown) == len(expected) else f"抽取结果多出 {len(shown) - len(expected)} 个"


def _check_teams(files: Mapping[str, bytes], rules: Mapping[str, Any], seed: bytes) -> str:
    """Draw every team again from the officers' facts."""
    if fault := _check_officers(files):
        return fault
    ids, visits = [p["id"] for p in read_lines(files["picks.jsonl"])], read_lines(files["visits.jsonl"])
    if [(v["id"], v["department"]) for v in visits] != [
        (i, d["id"]) for i in ids for d in rules["departments"]
    ]:
        return "选派结果与抽取结果不对应"
    if any(not rules["window"][0] <= v["planned"] <= rules["window"][1] for v in visits if "planned" in v):
        return "有检查日期不在检查期限内"
    officers, days = _staff(files, rules, ids, visits)
    teams, shortages = match(_needs(visits, rules, days), officers, seed=seed)
    if shortages:
        return f"{shortages[0].id} 按规则选派不出人员"
    for visit, team in zip(visits, teams, strict=True):
        if visit["officers"] != team:
            return f"{visit['id']} 的执法人员（{visit['department']}）应为 {'、'.join(team)}"
    return ""


def _check_officers(files: Mapping[str, bytes]) -> str:
    lines = read_lines(files["officers.jsonl"])
    by_id = sorted(lines, key=lambda line: str(line["id"]))
    written = b"".join(canonical(line) + b"\n" for line in by_id)
    if written != files["officers.jsonl"] or len({line["id"] for line in lines}) != len(lines):
        return "执法人员名录没有按规定排序或书写，或有重复"
    barred = {line["id"]: line["ranks"] for line in read_lines(files.get("barred.jsonl", b""))}
    return (
        "" if barred_bytes(barred) == files.get("barred.jsonl", b"") else "不能参加的名单没有按规定排序或书写"
    )


def _staff(
    files: Mapping[str, bytes],
    rules: Mapping[str, Any],
    ids: Sequence[str],
    visits: Sequence[Mapping[str, Any]],
) -> tuple[list[OfficerFacts], list[dt.date]]:
    """The officers and a day for each visit. Bundles of today have ranks in place of days; those from before have the
    days themselves."""
    lines = read_lines(files["officers.jsonl"])
    if "barred.jsonl" not in files:
        return officers_from(lines, ()), [dt.date.fromisoformat(v["planned"]) for v in visits]
    labels = {department["id"]: frozenset(department["labels"]) for department in rules["departments"]}
    ranks = Ranks({line["id"]: line["ranks"] for line in read_lines(files["barred.jsonl"])})
    officers = [
        OfficerFacts(
            id=o["id"], department=o["department"], load=o["load"], territory=o["territory"], gate="-" if o["out"] else "",
            labels=labels[o["department"]] if o["holds"] else frozenset(), valid_from=dt.date.min,
            valid_to=dt.date.max, **ranks.facts(o["id"], ids),
        )
        for o in lines
    ]  # fmt: skip
    return officers, [ranks.day(rank) for rank in range(1, len(ids) + 1) for _ in rules["departments"]]


def _needs(
    visits: Sequence[Mapping[str, Any]], rules: Mapping[str, Any], days: Sequence[dt.date]
) -> list[Need]:
    labels = {department["id"]: frozenset(department["labels"]) for department in rules["departments"]}
    last = dt.date.fromisoformat(rules["window"][1])
    return [
        Need(
            id=v["id"], department=v["department"], last_day=last, planned=day, officers=rules["officers_per_visit"],
            labels=labels[v["department"]], district=v["district"],
        )
        for v, day in zip(visits, days, strict=True)
    ]  # fmt: skip


def _check_transcript(files: Mapping[str, bytes], transcript: Mapping[str, object]) -> str:
    for name, words in _LOCKED.items():
        if name in files and algorithm.fingerprint(files[name]) != transcript[name.replace(".", "_")]:
            return f"{words}与锁定时的指纹不一致"
    return ""
