"""Find draws and their files."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table
from sqlmodel import Session, col, select

from bot.core.bulk import insert_many
from bot.core.errors import Problem
from bot.inspection.draws import algorithm
from bot.inspection.draws.matching import OfficerFacts
from bot.inspection.draws.models import Draw, DrawFile, DrawState
from bot.inspection.draws.officers_file import officers_from, opens
from bot.inspection.registry.models import InspectionObject

_SLICE = 1 << 20


class Entry(msgspec.Struct, gc=False):
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
        session.add(DrawFile(draw_id=draw.id or 0, name=name, body=packed, size=len(body)))


def stored_files(session: Session, draw: Draw, names: Sequence[str]) -> dict[str, bytes]:
    """Those of the files that there are."""
    query = select(DrawFile).where(DrawFile.draw_id == draw.id, col(DrawFile.name).in_(names))
    return {row.name: zlib.decompress(row.body) for row in session.exec(query)}


def frozen(session: Session, draw: Draw, name: str, sha256: str) -> bytes:
    """A file as it was committed to. Raises Problem ``pool_changed`` when its fingerprint differs."""
    row = session.get(DrawFile, (draw.id, name))
    body = zlib.decompress(row.body) if row is not None else b""
    if algorithm.fingerprint(body) != sha256:
        raise Problem("pool_changed", "名单或规则与已公布的指纹不一致，抽取中止。", 文件=name)
    return body


def frozen_officers(session: Session, draw: Draw, rules: Mapping[str, Any]) -> list[OfficerFacts]:
    """Every officer with the facts behind what was published. Raises Problem ``pool_changed`` when a sealed line is
    not the one that was committed to."""
    body = frozen(session, draw, "officers.jsonl", rules["officers_sha256"])
    lines = msgspec.json.decode(_as_list(body))
    sealed = stored_files(session, draw, ("sealed.jsonl",)).get("sealed.jsonl", b"")
    if draw.own_names and not opens(lines, sealed):
        raise Problem("pool_changed", "名单或规则与已公布的指纹不一致，抽取中止。", 文件="sealed.jsonl")
    return officers_from(lines, msgspec.json.decode(_as_list(sealed)))


def frozen_pool(session: Session, draw: Draw) -> dict[str, list[str]]:
    """The pool as published: the ids of each stratum."""
    body = frozen(session, draw, "pool.jsonl", draw.pool_sha256)
    strata: dict[str, list[str]] = {}
    for entries in _slices(body):
        for entry in entries:
            strata.setdefault(entry.stratum, []).append(entry.id)
    return strata


def _slices(body: bytes) -> Iterator[list[Entry]]:
    """The lines of a frozen file some thousands at a time."""
    decoder, start = msgspec.json.Decoder(list[Entry]), 0
    while start < len(body):
        end = body.find(b"\n", start + _SLICE)
        end = len(body) if end < 0 else end + 1
        yield decoder.decode(_as_list(body[start:end]))
        start = end


def _as_list(body: bytes) -> bytes:
    """Of a frozen file, whose newlines only stand between lines."""
    return b"[" + body[:-1].replace(b"\n", b",") + b"]"


def frozen_rules(session: Session, draw: Draw) -> dict[str, Any]:
    """The rules as published: a plan line changed since has no say."""
    rules: dict[str, Any] = msgspec.json.decode(frozen(session, draw, "rules.json", draw.rules_sha256))
    return rules


def insert_rows(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Thousands of rows of one table, past the ORM."""
    session.flush()
    for start in range(0, len(rows), 5000):
        insert_many(session.connection(), table, rows[start : start + 5000])


class Inspected(NamedTuple):
    """What the draw needs to know of an object that was drawn."""

    id: int
    code: str
    district: str


def object_rows(session: Session, codes: Sequence[str]) -> dict[str, Inspected]:
    """The drawn objects by code. Raises Problem ``pool_changed`` when one is gone."""
    found: dict[str, Inspected] = {}
    for start in range(0, len(codes), 5000):
        query = select(InspectionObject.id, InspectionObject.code, InspectionObject.district)
        rows = session.exec(query.where(col(InspectionObject.code).in_(codes[start : start + 5000])))
        found.update((code, Inspected(key or 0, code, district)) for key, code, district in rows)
    if gone := sorted(set(codes) - set(found)):
        raise Problem("pool_changed", "抽中的检查对象已不在名录库中，抽取中止。", 检查对象=gone[0])
    return found
