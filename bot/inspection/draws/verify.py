"""Repeat a draw from its bundle and name the first thing that does not hold. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.core.errors import Problem
from bot.inspection.draws import algorithm
from bot.inspection.plans.strata import StratumRule

_NEEDED = ("draw.json", "pool.jsonl", "rules.json", "picks.jsonl")


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
    for name, key, words in (
        ("pool.jsonl", "pool_sha256", "名单"), ("rules.json", "rules_sha256", "规则"),
    ):  # fmt: skip
        if algorithm.fingerprint(files[name]) != head[key]:
            return f"{words}与抽取前公布的指纹不一致"
    if algorithm.fingerprint(bytes.fromhex(head["secret"])) != head["secret_sha256"]:
        return "秘密与抽取前公布的指纹不一致"
    seed = algorithm.seed_of(
        task=head["task"], number=head["round"], pool_sha256=head["pool_sha256"], rules_sha256=head["rules_sha256"],
        secret_hex=head["secret"], public_value=head["public_value"],
    )  # fmt: skip
    if seed.hex() != head["seed"]:
        return "随机种子与公布的值不一致"
    return _check_picks(files, seed) or _check_transcript(files, head["transcript"]) or _check_teams(files)


def _check_picks(files: Mapping[str, bytes], seed: bytes) -> str:
    rules = json.loads(files["rules.json"])
    entries = _lines(files["pool.jsonl"])
    if algorithm.pool_bytes((e["id"], e["stratum"]) for e in entries) != files["pool.jsonl"]:
        return "名单没有按规定排序或书写"
    expected = algorithm.pick(
        [(e["id"], e["stratum"]) for e in entries],
        rules={name: StratumRule.parse(rule) for name, rule in rules["strata"].items()},
        seed=seed,
        batch_size=rules["batch_size"],
    )
    shown = _lines(files["picks.jsonl"])
    for number, pick in enumerate(expected):
        want = {
            "id": pick.id,
            "stratum": pick.stratum,
            "ticket": pick.ticket,
            "rank": pick.rank,
            "batch": pick.batch,
        }
        if number >= len(shown) or shown[number] != want:
            return f"抽取结果第 {number + 1} 个应为 {pick.id}"
    return "" if len(shown) == len(expected) else f"抽取结果多出 {len(shown) - len(expected)} 个"


def _check_transcript(files: Mapping[str, bytes], transcript: Mapping[str, object]) -> str:
    for name, words in (
        ("picks.jsonl", "抽取结果"),
        ("officers.jsonl", "执法人员名录"),
        ("visits.jsonl", "选派结果"),
    ):
        if name not in files:
            return f"缺少文件 {name}"
        if algorithm.fingerprint(files[name]) != transcript[name.replace(".", "_")]:
            return f"{words}与锁定时的指纹不一致"
    return ""


def _check_teams(files: Mapping[str, bytes]) -> str:
    """Every drawn object has enough different officers of the published library."""
    wanted = json.loads(files["rules.json"])["officers_per_visit"]
    library = {officer["id"] for officer in _lines(files["officers.jsonl"])}
    visits = _lines(files["visits.jsonl"])
    if list(dict.fromkeys(v["id"] for v in visits)) != [p["id"] for p in _lines(files["picks.jsonl"])]:
        return "选派结果与抽取结果不对应"
    for visit in visits:
        team = set(visit["officers"])
        if len(team) != len(visit["officers"]) or len(team) < wanted or not team <= library:
            return f"{visit['id']} 的执法人员不符合规则"
    return ""


def _lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]
