"""The draw certificate (field guide 8.3): one printable page with fingerprints, sources, witnesses and a QR code."""

from __future__ import annotations

import datetime as dt
import functools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import segno
import typst
from sqlmodel import Session

from bot.core.clock import china
from bot.inspection.draws.algorithm import PROTOCOL
from bot.inspection.draws.bundle import SEALED
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.draws.queries import frozen_pool, stored_files
from bot.inspection.draws.sources import words_of
from bot.inspection.people.models import Department, Person
from bot.inspection.plans.ratio import percent
from bot.inspection.plans.strata import StratumRule, take
from bot.inspection.tasks.models import Task
from bot.inspection.tasks.queries import departments_of

_TEMPLATE = Path(__file__).with_name("certificate.typ")
_STATES = {
    "PREPARED": "已准备", "COMMITTED": "已公布承诺", "REVEALED": "已揭示种子", "LOCKED": "已锁定", "VOID": "已作废",
}  # fmt: skip
_MODES = {"BOTH": "对象和人员都随机", "OBJECT_ONLY": "只随机抽取对象", "PERSON_ONLY": "只随机选派人员"}
_one_at_a_time = threading.Lock()  # a compiler keeps its last input


def certificate_of(session: Session, draw: Draw, *, public_url: str, names: bool = False) -> bytes:
    """The certificate of one round as PDF; until the round changes, the same bytes. *names*: with the witnesses' names,
    for the file; without, for everybody."""
    task = session.get_one(Task, draw.task_id)
    url = f"{public_url.rstrip('/')}/public/draws/{task.number}/{draw.round}"
    values = _values(session, draw, task, names=names) | {
        "url": url,
        "qr": segno.make(url, error="m").svg_inline(scale=4, border=1),
    }
    last = draw.void_at or draw.locked_at or draw.revealed_at or draw.committed_at or draw.prepared_at
    return _pdf(json.dumps(values, ensure_ascii=False), int(last.timestamp()) if last else 0)


@functools.lru_cache(maxsize=64)
def _pdf(values: str, timestamp: int) -> bytes:
    """Typeset once and kept: anybody may ask for it, as often as they like."""
    return typeset_pdf(values, timestamp)


def typeset_pdf(values: str, timestamp: int) -> bytes:
    """The page of these values; takes a quarter of a second of one core."""
    with _one_at_a_time:
        pdf = _compiler().compile(format="pdf", sys_inputs={"certificate": values}, timestamp=timestamp)
    assert isinstance(pdf, bytes)
    return pdf


def _values(session: Session, draw: Draw, task: Task, *, names: bool) -> dict[str, Any]:
    rules: dict[str, Any] = json.loads(stored_files(session, draw, ("rules.json",)).get("rules.json", b"{}"))
    sealed = draw.state in SEALED or not draw.seed_hex
    departments = [session.get_one(Department, one).name for one in departments_of(task)]
    picks = draw.transcript.get("picks")
    return {
        "protocol": PROTOCOL, "number": task.number, "task_name": task.name, "round": draw.round,
        "department": "、".join(departments), "state": _STATES[draw.state], "mode": _mode(rules),
        "window": f"{task.window_start} 至 {task.window_end}", "pool": draw.pool_size,
        "picks": f"{picks} 户" if picks else "尚未抽取", "committed_at": _moment(draw.committed_at),
        "before": [["名单指纹", draw.pool_sha256], ["规则指纹", draw.rules_sha256], ["秘密指纹", draw.secret_sha256]],
        "sources": _sources(session, draw, names=names), "after": [["状态", "尚未揭示"]] if sealed else _after(draw),
        "strata": _strata(_sizes(session, draw), rules),
        "excluded": "，".join(f"{reason} {n} 户" for reason, n in rules.get("excluded", {}).items()),
        "notes": _notes(draw),
    }  # fmt: skip


def _mode(rules: Mapping[str, Any]) -> str:
    """Of a round as it was committed: its task may have moved on."""
    reason = rules.get("mode_reason")
    return _MODES.get(rules.get("mode", ""), "") + (f"（{reason}）" if reason else "")


def _after(draw: Draw) -> list[list[str]]:
    rows = [
        ["揭示时间", _moment(draw.revealed_at)], ["秘密", draw.secret_hex], ["公开随机值", draw.public_value or "无"],
        ["种子", draw.seed_hex], ["锁定时间", _moment(draw.locked_at)],
    ]  # fmt: skip
    for name, words in (
        ("picks_jsonl", "抽取结果"),
        ("officers_jsonl", "人员名录"),
        ("visits_jsonl", "选派结果"),
        ("barred_jsonl", "不能参加"),
    ):
        if name in draw.transcript:
            rows.append([f"{words}指纹", draw.transcript[name]])
    return rows


def _sources(session: Session, draw: Draw, *, names: bool) -> list[list[str]]:
    witnesses = f"{len(draw.witness_ids)} 人"
    if names:
        witnesses = "、".join(session.get_one(Person, person).name for person in draw.witness_ids)
    said = {value["place"]: value["value"] or "启用备用来源" for value in draw.values}
    return [
        [words_of(source), said.get(place, "—"), witnesses if source["kind"] != "none" else "—"]
        for place, source in enumerate(draw.sources, 1)
    ]


def _sizes(session: Session, draw: Draw) -> Mapping[str, int]:
    """Of each stratum, as noted at the commitment; counted from the pool in rounds from before."""
    noted: Mapping[str, int] | None = draw.outlook.get("sizes")
    if noted is not None or draw.state == DrawState.PREPARED:
        return noted or {}
    return {stratum: len(ids) for stratum, ids in frozen_pool(session, draw).items()}


def _strata(sizes: Mapping[str, int], rules: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, written in sorted(rules.get("strata", {}).items()):
        rule = StratumRule.parse(written)
        words = (
            f"固定 {rule.number} 户" if rule.number is not None else f"比例 {percent(rule.ratio)}，向上取整"
        )
        words += f"，至少 {rule.minimum}" if rule.minimum else ""
        words += f"，至多 {rule.maximum}" if rule.maximum is not None else ""
        words += f"；{rule.uplift}" if rule.uplift else ""
        size = sizes.get(name, 0)
        rows.append([name, str(size), str(take(size, rule)), words])
    return rows


def _notes(draw: Draw) -> list[str]:
    notes = [f"放行（{waiver['check']}）：{waiver['reason']}" for waiver in draw.waivers]
    if draw.state == "VOID":
        notes.append(f"本轮于 {_moment(draw.void_at)} 作废，理由：{draw.void_ground}")
    return notes


def _moment(at: dt.datetime | None) -> str:
    return f"{china(at):%Y-%m-%d %H:%M:%S}" if at is not None else "—"


@functools.cache
def _compiler() -> typst.Compiler:
    """One kept compiler: the first certificate pays for the fonts."""
    fonts = typst.Fonts(
        include_system_fonts=True,
        include_embedded_fonts=True,
        font_paths=[str(pylopdf_fonts_zh_cn.sans_path().parent)],
    )
    return typst.Compiler(str(_TEMPLATE), font_paths=fonts)
