"""Find draws and their files."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.draws import algorithm
from bot.inspection.draws.models import Draw, DrawFile, DrawState
from bot.inspection.registry.models import InspectionObject


class Entry(msgspec.Struct):
    """One line of ``pool.jsonl``."""

    id: str
    stratum: str


def live_draw(session: Session, task_id: int, *, lock: bool = False) -> Draw | None:
    """The draw of the task that has not been voided; with *lock* others wait until this transaction ends."""
    query = select(Draw).where(Draw.task_id == task_id, Draw.state != DrawState.VOID)
    return session.exec(query.with_for_update() if lock else query).first()


def require_draw(session: Session, task_id: int) -> Draw:
    """The live draw, locked against others. Raises Problem ``not_committed``."""
    draw = live_draw(session, task_id, lock=True)
    if draw is None:
        raise Problem("not_committed", "尚未公布抽取承诺（名单指纹），不能继续。")
    return draw


def store_files(session: Session, draw: Draw, **files: bytes) -> None:
    """Keep files as they were hashed; big ones are compressed quickly, small ones well."""
    for name, body in files.items():
        packed = zlib.compress(body, 1 if len(body) > 1 << 20 else 6)
        session.add(DrawFile(draw_id=draw.id or 0, name=name, body=packed))


def stored_files(session: Session, draw: Draw) -> dict[str, bytes]:
    rows = session.exec(select(DrawFile).where(DrawFile.draw_id == draw.id)).all()
    return {row.name: zlib.decompress(row.body) for row in rows}


def frozen(session: Session, draw: Draw, name: str, sha256: str) -> bytes:
    """A file as it was committed to. Raises Problem ``pool_changed`` when its fingerprint differs."""
    row = session.get(DrawFile, (draw.id, name))
    body = zlib.decompress(row.body) if row is not None else b""
    if algorithm.fingerprint(body) != sha256:
        raise Problem("pool_changed", "名单或规则与已公布的指纹不一致，抽取中止。", 文件=name)
    return body


def frozen_pool(session: Session, draw: Draw) -> list[tuple[str, str]]:
    """The pool as published."""
    body = frozen(session, draw, "pool.jsonl", draw.pool_sha256)
    decoder = msgspec.json.Decoder(Entry)
    return [(entry.id, entry.stratum) for entry in map(decoder.decode, body.splitlines())]


def frozen_rules(session: Session, draw: Draw) -> dict[str, Any]:
    """The rules as published: a plan line changed since has no say."""
    rules: dict[str, Any] = msgspec.json.decode(frozen(session, draw, "rules.json", draw.rules_sha256))
    return rules


def object_rows(session: Session, codes: list[str]) -> dict[str, InspectionObject]:
    """The drawn objects' rows by code. Raises Problem ``pool_changed`` when one is gone."""
    found: dict[str, InspectionObject] = {}
    for start in range(0, len(codes), 5000):
        part = codes[start : start + 5000]
        query = select(InspectionObject).where(col(InspectionObject.code).in_(part))
        found.update({row.code: row for row in session.exec(query)})
    if gone := sorted(set(codes) - set(found)):
        raise Problem("pool_changed", "抽中的检查对象已不在名录库中，抽取中止。", 检查对象=gone[0])
    return found
