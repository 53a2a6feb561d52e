"""Repeat a draw from its bundle and name the first thing that does not hold (``docs/draw-protocol.md``). Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.canonical import canonical
from bot.core.errors import Problem
from bot.inspection.draws import algorithm
from bot.inspection.draws.matching import Need, match
from bot.inspection.draws.officers_file import officers_bytes, officers_from
from bot.inspection.draws.sources import public_value
from bot.inspection.plans.strata import StratumRule

_NEEDED = ("draw.json", "pool.jsonl", "rules.json", "officers.jsonl", "picks.jsonl", "visits.jsonl")


def verify_bundle(files: Mapping[str, bytes]) -> str:
    """Empty when everything holds; otherwise the first fault (zh-CN)."""
    missing = [name for name in _NEEDED if name not in files]
    if missing:
        return f"缺少文件 {'、'.join(missing)}"
    try:
        return _check(files)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, Problem) as error:
        return f"文件无法读取：{type(error).__name__} {error}"


def _check(files: Mapping[str, bytes]) -> str:
    head = json.loads(files["draw.json"])
    if head["protocol"] != algorithm.PROTOCOL:
        return f"不认识的协议 {head['protocol']}"
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
        or _check_changes(files, seed)
    )


def _check_seed(head: Mapping[str, Any], seed: bytes) -> str:
    if algorithm.fingerprint(bytes.fromhex(head["secret"])) != head["secret_sha256"]:
        return "秘密与抽取前公布的指纹不一致"
    if public_value(head["values"]) != head["public_value"]:
        return "公开随机值与各来源的数值不一致"
    said = [value["place"] for value in head["values"]]
    if said != [n for n, source in enumerate(head["sources"], 1) if source["kind"] != "none"]:
        return "公布的来源与取得的数值不对应"
    for value in head["values"]:
        if len(set(value["by"])) < 2 or not set(value["by"]) <= set(head["witnesses"]):
            return f"第{value['place']}个来源没有两位见证人确认"
    expected = algorithm.seed_of(
        task=head["task"], number=head["round"], pool_sha256=head["pool_sha256"], rules_sha256=head["rules_sha256"],
        secret_hex=head["secret"], public_value=head["public_value"],
    )  # fmt: skip
    return "" if seed == expected else "随机种子与公布的值不一致"


def _check_picks(files: Mapping[str, bytes], rules: Mapping[str, Any], seed: bytes) -> str:
    entries = [(e["id"], e["stratum"]) for e in _lines(files["pool.jsonl"])]
    if algorithm.pool_bytes(entries) != files["pool.jsonl"] or len(dict(entries)) != len(entries):
        return "名单没有按规定排序或书写，或有重复"
    if canonical(rules) != files["rules.json"]:
        return "规则没有按规定书写"
    strata = {name: StratumRule.parse(rule) for name, rule in rules["strata"].items()}
    if missing := sorted({stratum for _, stratum in entries} - set(strata)):
        return f"分层 {missing[0]} 没有规则"
    expected = algorithm.pick(entries, rules=strata, seed=seed, batch_size=rules["batch_size"])
    shown = files["picks.jsonl"].splitlines()
    for number, line in enumerate(algorithm.picks_bytes(expected).splitlines()):
        if number >= len(shown) or shown[number] != line:
            return f"抽取结果第 {number + 1} 个应为 {expected[number].id}"
    return "" if len(shown) == len(expected) else f"抽取结果多出 {len(shown) - len(expected)} 个"


def _check_teams(files: Mapping[str, bytes], rules: Mapping[str, Any], seed: bytes) -> str:
    """Draw every team again from the officers' facts."""
    officers = officers_from(files["officers.jsonl"])
    if officers_bytes(officers) != files["officers.jsonl"] or len({o.id for o in officers}) != len(officers):
        return "执法人员名录没有按规定排序或书写，或有重复"
    visits = _lines(files["visits.jsonl"])
    wanted = [(p["id"], d["id"]) for p in _lines(files["picks.jsonl"]) for d in rules["departments"]]
    if [(v["id"], v["department"]) for v in visits] != wanted:
        return "选派结果与抽取结果不对应"
    if any(not rules["window"][0] <= v["planned"] <= rules["window"][1] for v in visits):
        return "有检查日期不在检查期限内"
    teams, shortages = match(_needs(visits, rules), officers, seed=seed)
    if shortages:
        return f"{shortages[0].id} 按规则选派不出人员"
    for visit, team in zip(visits, teams, strict=True):
        if visit["officers"] != team:
            return f"{visit['id']} 的执法人员（{visit['department']}）应为 {'、'.join(team)}"
    return ""


def _needs(visits: Sequence[Mapping[str, Any]], rules: Mapping[str, Any]) -> list[Need]:
    labels = {department["id"]: frozenset(department["labels"]) for department in rules["departments"]}
    last = dt.date.fromisoformat(rules["window"][1])
    return [
        Need(
            id=v["id"], department=v["department"], last_day=last, planned=dt.date.fromisoformat(v["planned"]),
            officers=rules["officers_per_visit"], labels=labels[v["department"]], district=v["district"],
        )
        for v in visits
    ]  # fmt: skip


def _check_transcript(files: Mapping[str, bytes], transcript: Mapping[str, object]) -> str:
    for name, words in (
        ("picks.jsonl", "抽取结果"),
        ("officers.jsonl", "执法人员名录"),
        ("visits.jsonl", "选派结果"),
    ):
        if algorithm.fingerprint(files[name]) != transcript[name.replace(".", "_")]:
            return f"{words}与锁定时的指纹不一致"
    return ""


def _check_changes(files: Mapping[str, bytes], seed: bytes) -> str:
    """Whoever came later was the next by the same tickets."""
    strata: dict[str, list[str]] = {}
    for entry in _lines(files["pool.jsonl"]):
        strata.setdefault(entry["stratum"], []).append(entry["id"])
    taken = {pick["id"] for pick in _lines(files["picks.jsonl"])}
    for number, change in enumerate(_lines(files.get("changes.jsonl", b"")), 1):
        wrong = f"锁定后的第 {number} 次变动不成立"
        if change["number"] != number:
            return wrong
        if change["kind"] == "OFFICER":
            choices = [
                (load, algorithm.officer_ticket(seed, change["object"], one), one)
                for one, load in change["choices"]
            ]
            if change["out"] in dict(change["choices"]) or min(choices)[2] != change["in"]:
                return wrong
        else:
            follows = algorithm.next_ticket(seed, strata[change["stratum"]], taken=taken)
            if follows is None or follows != change["in"]:
                return wrong
            taken.add(follows)
    return ""


def _lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]
