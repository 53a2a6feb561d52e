"""Repeat a draw from its bundle and name the first thing that does not hold. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

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
    except (ValueError, KeyError, TypeError) as error:
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
    rules = json.loads(files["rules.json"])
    entries = [json.loads(line) for line in files["pool.jsonl"].splitlines()]
    if algorithm.pool_bytes((e["id"], e["stratum"]) for e in entries) != files["pool.jsonl"]:
        return "名单没有按规定排序或书写"
    expected = algorithm.pick(
        [(e["id"], e["stratum"]) for e in entries],
        rules={name: StratumRule.parse(rule) for name, rule in rules["strata"].items()},
        seed=seed,
        batch_size=rules["batch_size"],
    )
    shown = [json.loads(line) for line in files["picks.jsonl"].splitlines()]
    for number, pick in enumerate(expected):
        want = {"id": pick.id, "stratum": pick.stratum, "ticket": pick.ticket, "rank": pick.rank, "batch": pick.batch}
        if number >= len(shown) or shown[number] != want:
            return f"抽取结果第 {number + 1} 个应为 {pick.id}"
    return "" if len(shown) == len(expected) else f"抽取结果多出 {len(shown) - len(expected)} 个"
