"""What the public sources said, repeated: who confirmed it, when it could be known, and drand's signature. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from bot.inspection.draws import drand
from bot.inspection.draws.sources import public_value

Head = Mapping[str, Any]  # draw.json


def sources_fault(head: Head) -> str:
    """The first thing that does not hold (zh-CN); empty when all does."""
    if public_value(head["values"]) != head["public_value"]:
        return "公开随机值与各来源的数值不一致"
    said = [value["place"] for value in head["values"]]
    if said != [n for n, source in enumerate(head["sources"], 1) if source["kind"] != "none"]:
        return "公布的来源与取得的数值不对应"
    for value in head["values"]:
        if len(set(value["by"])) < 2 or not set(value["by"]) <= set(head["witnesses"]):
            return f"第{value['place']}个来源没有两位见证人确认"
        if value["kind"] == "drand" and (why := _drand_fault(head, value)):
            return f"第{value['place']}个来源{why}"
    return ""


def not_checked(head: Head) -> list[str]:
    """What ``sources_fault`` had to take on trust, in words (zh-CN)."""
    notes = []
    for value in head["values"]:
        place = f"第{value['place']}个来源"
        if value["kind"] != "drand":
            continue
        if "signature" not in value:
            notes.append(f"{place}（drand）没有附签名，没有核对它是不是 drand 的。")
        elif _used(head, value)["chain"] != drand.QUICKNET:
            notes.append(f"{place}（drand）不是 quicknet 链，只核对了随机数由签名得出。")
        elif not drand.can_check():
            notes.append(f"{place}（drand）的签名没有核对：请先安装 suicha[drand]。")
    return notes


def _used(head: Head, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The source that gave the value: as announced, or its fallback."""
    source: Mapping[str, Any] = head["sources"][value["place"] - 1]
    return source["fallback"] if value["fallback"] else source


def _drand_fault(head: Head, value: Mapping[str, Any]) -> str:
    source, signature = _used(head, value), value.get("signature", "")
    if signature and drand.randomness(signature) != value["value"]:
        return "的随机数不是由签名得出的"
    if source["chain"] != drand.QUICKNET:
        return ""
    if drand.speaks_at(source["round"]) <= dt.datetime.fromisoformat(head["committed_at"]):
        return "在公布承诺之前已经产生"
    if signature and drand.can_check() and not drand.is_signed(source["round"], signature):
        return f"的签名不是 drand quicknet 第 {source['round']} 轮的"
    return ""
