"""The ceremony: commit, reveal, lock. Each is one transaction; lock stores visits, teams, notices and audit at once."""

from __future__ import annotations

import datetime as dt
import zlib
from typing import Any

import msgspec
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import SALT, actor_digest, record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws import algorithm
from bot.inspection.draws.dispatch import dispatch
from bot.inspection.draws.models import Draw, DrawFile, DrawPick, DrawState
from bot.inspection.draws.pool import Pool, eligible
from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.strata import StratumRule
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Task, TaskState
from bot.inspection.tasks.queries import line_of


def live_draw(session: Session, task_id: int, *, lock: bool = False) -> Draw | None:
    """The draw of the task that has not been voided; with *lock* others wait until this transaction ends."""
    query = select(Draw).where(Draw.task_id == task_id, Draw.state != DrawState.VOID)
    return session.exec(query.with_for_update() if lock else query).first()


def commit_draw(
    session: Session,
    *,
    task_id: int,
    secret: bytes,
    now: dt.datetime,
    profile: Profile,
    actor: int | None = None,
) -> Draw:
    """Freeze pool and rules and publish their fingerprints with that of the secret (32 bytes), before any
    randomness is known. The secret stays sealed in the database until the reveal."""
    task = session.get_one(Task, task_id, with_for_update=True)
    existing = live_draw(session, task_id)
    if existing is not None:
        return existing
    if task.state != TaskState.LIBRARIES_CONFIRMED:
        raise Problem(
            "libraries_not_confirmed", "抽取前须先确认检查对象名录库和执法检查人员名录库。", 任务=task.number
        )
    line = line_of(session, task)
    if line is None:
        raise Problem("not_random", "个案线索的任务不经抽取。", 任务=task.number)
    pool = eligible(session, task=task, line=line, profile=profile, now=now)
    if not pool.entries:
        raise Problem("pool_empty", "符合条件的检查对象为 0 户，不能抽取。", 任务=task.number)
    _require_rules(line, pool)
    pool_body, rules_body = algorithm.pool_bytes(pool.entries), canonical(rules_of(task, line, pool, profile))
    number = len(session.exec(select(Draw.id).where(Draw.task_id == task_id)).all()) + 1
    draw = Draw(
        task_id=task_id, round=number, pool_size=len(pool.entries), pool_sha256=algorithm.fingerprint(pool_body),
        rules_sha256=algorithm.fingerprint(rules_body), secret_sha256=algorithm.fingerprint(secret),
        secret_hex=secret.hex(), sources=[{"kind": "none"}], committed_at=now,
    )  # fmt: skip
    session.add(draw)
    session.flush()
    _store(session, draw, **{"pool.jsonl": pool_body, "rules.json": rules_body})
    record(session, "draw.committed", f"draw:{draw.id}", now=now, actor=actor, task=task.number, round=number,
           pool=draw.pool_sha256, rules=draw.rules_sha256, secret=draw.secret_sha256)  # fmt: skip
    return draw


def reveal_draw(
    session: Session, *, task_id: int, now: dt.datetime, public_value: str = "", actor: int | None = None
) -> Draw:
    """Open the secret, take in the public value and fix the seed."""
    draw = _require_draw(session, task_id)
    if draw.state != DrawState.COMMITTED:
        return draw
    task = session.get_one(Task, task_id)
    draw.public_value = public_value
    draw.seed_hex = algorithm.seed_of(
        task=task.number, number=draw.round, pool_sha256=draw.pool_sha256, rules_sha256=draw.rules_sha256,
        secret_hex=draw.secret_hex, public_value=public_value,
    ).hex()  # fmt: skip
    draw.state, draw.revealed_at = DrawState.REVEALED, now
    session.add(draw)
    record(session, "draw.revealed", f"draw:{draw.id}", now=now, actor=actor, seed=draw.seed_hex,
           secret=draw.secret_hex, public_value=public_value)  # fmt: skip
    return draw


def lock_draw(
    session: Session, *, task_id: int, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    actor: int | None = None,
) -> Draw:  # fmt: skip
    """Draw and lock, one way. Visits, teams, messages and the transcript are stored in this transaction."""
    draw, task = _ready_to_lock(session, task_id, now=now)
    frozen = _frozen_rules(session, draw)
    picks = algorithm.pick(
        _frozen_pool(session, draw), seed=bytes.fromhex(draw.seed_hex), batch_size=frozen["batch_size"],
        rules={name: StratumRule.parse(rule) for name, rule in frozen["strata"].items()},
    )  # fmt: skip
    rows = _object_rows(session, [p.id for p in picks])
    session.add_all(
        DrawPick(draw_id=draw.id or 0, object_id=rows[p.id].id or 0, stratum=p.stratum, ticket=p.ticket, rank=p.rank,
                 batch=p.batch)
        for p in picks
    )  # fmt: skip
    draw.state, draw.locked_at = DrawState.LOCKED, now
    files = dispatch(
        session, task, draw, picks, rows, team_size=frozen["officers_per_visit"], now=now, profile=profile,
        calendar=calendar, actor=actor,
    )  # fmt: skip
    _keep_transcript(session, draw, {"picks.jsonl": algorithm.picks_bytes(picks), **files}, picks=len(picks))
    session.add(draw)
    subject = f"draw:{draw.id}"
    record(session, "draw.locked", subject, now=now, actor=actor, task=task.number, **draw.transcript)
    return draw


def _ready_to_lock(session: Session, task_id: int, *, now: dt.datetime) -> tuple[Draw, Task]:
    draw = _require_draw(session, task_id)
    if draw.state == DrawState.LOCKED:
        raise Problem("already_locked", "名单已锁定")
    if draw.state != DrawState.REVEALED:
        raise Problem("not_revealed", "随机种子尚未揭示，不能锁定名单。")
    task = session.get_one(Task, task_id)
    if china_day(now) > task.window_end:
        raise Problem("window_over", "检查期限已过，不能再抽取。请先调整计划。", 期限=f"{task.window_end}")
    return draw, task


def _keep_transcript(session: Session, draw: Draw, files: dict[str, bytes], *, picks: int) -> None:
    """Store what the lock decided, and in the draw the fingerprint of each file."""
    _store(session, draw, **files)
    prints = {name.replace(".", "_"): algorithm.fingerprint(body) for name, body in files.items()}
    draw.transcript = {"protocol": algorithm.PROTOCOL, "picks": picks, **prints}


def rules_of(task: Task, line: PlanLine, pool: Pool, profile: Profile) -> dict[str, object]:
    """``rules.json``: everything that decides how many are taken and who may inspect."""
    return {
        "batch_size": line.batch_size, "excluded": pool.excluded, "mode": task.mode, "mode_reason": task.mode_reason,
        "officers_per_visit": max(line.officers_per_visit, profile.draw.officers_min),
        "scope": line.scope, "strata": {name: rule.as_dict() for name, rule in _stratum_rules(line).items()},
        "task": task.number,
    }  # fmt: skip


def officer_pseudonym(session: Session, person_id: int) -> str:
    """The officer's id in published files: a salted digest."""
    return actor_digest(session.info[SALT], person_id)


def bundle(session: Session, draw: Draw) -> dict[str, bytes]:
    """The files a stranger needs to repeat the draw, by name."""
    task = session.get_one(Task, draw.task_id)
    sealed = draw.state == DrawState.COMMITTED
    head = {
        "protocol": algorithm.PROTOCOL, "task": task.number, "round": draw.round, "state": draw.state,
        "pool_sha256": draw.pool_sha256, "rules_sha256": draw.rules_sha256, "secret_sha256": draw.secret_sha256,
        "sources": draw.sources, "public_value": draw.public_value, "seed": draw.seed_hex,
        "secret": "" if sealed else draw.secret_hex, "transcript": draw.transcript,
    }  # fmt: skip
    files = session.exec(select(DrawFile).where(DrawFile.draw_id == draw.id)).all()
    return {"draw.json": canonical(head), **{f.name: zlib.decompress(f.body) for f in files}}


def _require_draw(session: Session, task_id: int) -> Draw:
    draw = live_draw(session, task_id, lock=True)
    if draw is None:
        raise Problem("not_committed", "尚未公布抽取承诺（名单指纹），不能继续。")
    return draw


def _stratum_rules(line: PlanLine) -> dict[str, StratumRule]:
    return {stratum: StratumRule.parse(rule) for stratum, rule in line.ratios.items()}


def _require_rules(line: PlanLine, pool: Pool) -> None:
    missing = sorted({stratum for _, stratum in pool.entries} - set(line.ratios))
    if missing:
        raise Problem("stratum_without_rule", "有的信用风险等级没有规定抽查比例。", 等级="、".join(missing))


def _store(session: Session, draw: Draw, **files: bytes) -> None:
    for name, body in files.items():
        session.add(DrawFile(draw_id=draw.id or 0, name=name, body=zlib.compress(body, 6)))


def _frozen_pool(session: Session, draw: Draw) -> list[tuple[str, str]]:
    body = _frozen(session, draw, "pool.jsonl", draw.pool_sha256)
    return [(entry["id"], entry["stratum"]) for entry in msgspec.json.Decoder().decode_lines(body)]


def _frozen_rules(session: Session, draw: Draw) -> dict[str, Any]:
    """The rules as published: a plan line changed since has no say."""
    rules: dict[str, Any] = msgspec.json.decode(_frozen(session, draw, "rules.json", draw.rules_sha256))
    return rules


def _frozen(session: Session, draw: Draw, name: str, sha256: str) -> bytes:
    """A file as it was committed to. Raises Problem ``pool_changed`` when its fingerprint differs."""
    body = zlib.decompress(session.get_one(DrawFile, (draw.id, name)).body)
    if algorithm.fingerprint(body) != sha256:
        raise Problem("pool_changed", "名单或规则与已公布的指纹不一致，抽取中止。", 文件=name)
    return body


def _object_rows(session: Session, codes: list[str]) -> dict[str, InspectionObject]:
    found: dict[str, InspectionObject] = {}
    for start in range(0, len(codes), 5000):
        part = codes[start : start + 5000]
        query = select(InspectionObject).where(col(InspectionObject.code).in_(part))
        found.update({row.code: row for row in session.exec(query)})
    if gone := sorted(set(codes) - set(found)):
        raise Problem("pool_changed", "抽中的检查对象已不在名录库中，抽取中止。", 检查对象=gone[0])
    return found
