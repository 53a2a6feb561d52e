"""The ceremony: prepare, commit, reveal, lock (C10). Each is one transaction, and each goes one way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws import algorithm
from bot.inspection.draws.dispatch import dispatch
from bot.inspection.draws.matching import OfficerFacts
from bot.inspection.draws.models import Draw, DrawPick, DrawState
from bot.inspection.draws.officers import (
    department_codes,
    officer_facts,
    with_recusals,
)
from bot.inspection.draws.officers_file import officers_bytes
from bot.inspection.draws.pool import Pool, draw_preview, eligible
from bot.inspection.draws.queries import (
    frozen_pool,
    frozen_rules,
    live_draw,
    object_rows,
    require_draw,
    store_files,
)
from bot.inspection.draws.readiness import Check, check_waiver, readiness, require_ready
from bot.inspection.draws.rules import choose_mode, rules_of, strata_in
from bot.inspection.draws.sources import check_sources, public_value, wants_value
from bot.inspection.draws.telling import tell_committed, tell_prepared
from bot.inspection.notices.service import touch_cards
from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.ratio import Preview
from bot.inspection.profile import Profile
from bot.inspection.tasks.models import Mode, Task, TaskState
from bot.inspection.tasks.queries import departments_of, line_of

_PICKS: Table = DrawPick.__table__  # type: ignore[attr-defined]


def prepare_draw(
    session: Session, *, task_id: int, now: dt.datetime, profile: Profile, sources: Sequence[Any] = (),
    witnesses: Sequence[int] = (), mode: Mode | None = None, mode_reason: str = "", actor: int | None = None,
) -> Draw:  # fmt: skip
    """Choose sources, witnesses and, where numbers force it, the side that is drawn. Prepared again before the
    commitment, the new choice stands; afterwards nothing changes any more."""
    task = session.get_one(Task, task_id, with_for_update=True)
    checked = check_sources(sources, now=now)
    wanted = any(wants_value(source) for source in checked)
    if wanted and len(set(witnesses)) < 2:
        raise Problem(
            "witnesses_missing", "公开随机来源要由两位不同的人确认，请指定至少两位见证人。", 任务=task.number
        )
    draw = live_draw(session, task_id, lock=True)
    if draw is not None and draw.state != DrawState.PREPARED:
        raise Problem("already_committed", "抽取承诺已公布，来源和见证人不能再改。", 任务=task.number)
    if draw is None:
        draw = _new_draw(session, task, now=now)
    draw.sources, draw.witness_ids = checked, list(dict.fromkeys(witnesses))
    if mode is not None:
        _set_mode(task, mode, mode_reason, profile)
        session.add(task)
    session.add(draw)
    session.flush()
    _look_ahead(session, draw, profile=profile, now=now)
    record(session, "draw.prepared", f"draw:{draw.id}", now=now, actor=actor, task=task.number, round=draw.round,
           sources=checked, witnesses=len(draw.witness_ids), mode=task.mode)  # fmt: skip
    tell_prepared(session, draw, now=now)
    touch_cards(session, f"draw:{draw.id}", now=now)
    return draw


def waive_check(
    session: Session, *, task_id: int, check: str, reason: str, now: dt.datetime, profile: Profile,
    actor: int | None = None,
) -> Draw:  # fmt: skip
    """Let the draw go on although a point of the readiness check is missing; the reason is published."""
    reason = check_waiver(check, reason)
    draw = live_draw(session, task_id, lock=True) or _new_draw(
        session, session.get_one(Task, task_id), now=now
    )
    if draw.state != DrawState.PREPARED:
        raise Problem("already_committed", "抽取承诺已公布，不用再放行。")
    kept = [waiver for waiver in draw.waivers if waiver["check"] != check]
    draw.waivers = [*kept, {"check": check, "reason": reason}]
    session.add(draw)
    session.flush()
    _look_ahead(session, draw, profile=profile, now=now)
    record(session, "draw.waived", f"draw:{draw.id}", now=now, actor=actor, check=check, reason=reason)
    touch_cards(session, f"draw:{draw.id}", now=now)
    return draw


@dataclass(frozen=True, slots=True)
class Standing:
    """How a draw would go now: the preview and the readiness check, before anything is fixed."""

    preview: Preview
    checks: tuple[Check, ...]
    mode: str
    mode_reason: str

    @property
    def ready(self) -> bool:
        return all(check.passes for check in self.checks)


def standing(session: Session, *, task_id: int, profile: Profile, now: dt.datetime) -> Standing:
    """Changes nothing."""
    task = session.get_one(Task, task_id)
    line = _line_of(session, task)
    draw = live_draw(session, task_id)
    staffed = _staff(session, task, line, draw, profile=profile, now=now)
    seen = draw_preview(session, task=task, line=line, profile=profile, now=now)
    return Standing(seen, tuple(staffed.checks), task.mode, task.mode_reason)


def commit_draw(
    session: Session, *, task_id: int, secret: bytes, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    actor: int | None = None,
) -> Draw:  # fmt: skip
    """Freeze pool, officers and rules and publish their fingerprints with that of the secret (32 bytes), before any
    randomness is known. The secret stays sealed in the database until the reveal."""
    task = session.get_one(Task, task_id, with_for_update=True)
    draw = live_draw(session, task_id, lock=True)
    if draw is not None and draw.state != DrawState.PREPARED:
        return draw
    if task.state != TaskState.LIBRARIES_CONFIRMED:
        raise Problem(
            "libraries_not_confirmed", "抽取前须先确认检查对象名录库和执法检查人员名录库。", 任务=task.number
        )
    if china_day(now) > task.window_end:
        raise Problem("window_over", "检查期限已过，不能再抽取。请先调整计划。", 期限=f"{task.window_end}")
    draw = draw or _new_draw(session, task, now=now)
    draw.sources = check_sources(
        draw.sources, now=now
    )  # what has become known meanwhile is no source any more
    line = _line_of(session, task)
    pool = eligible(session, task=task, line=line, profile=profile, now=now)
    if not pool.entries:
        raise Problem("pool_empty", "符合条件的检查对象为 0 户，不能抽取。", 任务=task.number)
    staffed = _staff(session, task, line, draw, profile=profile, now=now)
    require_ready(staffed.checks)
    choose_mode(task, line, pool, staffed.able, wanted=staffed.wanted)
    _freeze(
        session, draw, task, line, pool=pool, staffed=staffed, now=now, profile=profile, calendar=calendar
    )
    draw.secret_sha256, draw.secret_hex = algorithm.fingerprint(secret), secret.hex()
    draw.state, draw.committed_at = DrawState.COMMITTED, now
    session.add_all([draw, task])
    record(session, "draw.committed", f"draw:{draw.id}", now=now, actor=actor, task=task.number, round=draw.round,
           pool=draw.pool_sha256, rules=draw.rules_sha256, secret=draw.secret_sha256, sources=draw.sources,
           waivers=draw.waivers)  # fmt: skip
    tell_committed(session, draw, task, now=now)
    touch_cards(session, f"draw:{draw.id}", now=now)
    return draw


def reveal_draw(session: Session, *, task_id: int, now: dt.datetime, actor: int | None = None) -> Draw:
    """Open the secret, mix in what the sources said, and fix the seed. Raises Problem ``values_missing`` while a
    source waits for its value or for the second person."""
    draw = require_draw(session, task_id)
    if draw.state == DrawState.PREPARED:
        raise Problem("not_committed", "尚未公布抽取承诺（名单指纹），不能继续。")
    if draw.state != DrawState.COMMITTED:
        return draw
    _require_not_asked(draw)
    task = session.get_one(Task, task_id)
    known = {value["place"] for value in draw.values}
    waiting = [n for n, source in enumerate(draw.sources, 1) if wants_value(source) and n not in known]
    if waiting:
        raise Problem(
            "values_missing", "还有公开随机来源没有两人确认的数值。", 来源="、".join(f"第{n}个" for n in waiting)
        )  # fmt: skip
    draw.public_value = public_value(draw.values)
    draw.seed_hex = algorithm.seed_of(
        task=task.number, number=draw.round, pool_sha256=draw.pool_sha256, rules_sha256=draw.rules_sha256,
        secret_hex=draw.secret_hex, public_value=draw.public_value,
    ).hex()  # fmt: skip
    draw.state, draw.revealed_at = DrawState.REVEALED, now
    session.add(draw)
    record(session, "draw.revealed", f"draw:{draw.id}", now=now, actor=actor, seed=draw.seed_hex,
           secret=draw.secret_hex, public_value=draw.public_value)  # fmt: skip
    touch_cards(session, f"draw:{draw.id}", now=now)
    return draw


def lock_draw(
    session: Session, *, task_id: int, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    actor: int | None = None,
) -> Draw:  # fmt: skip
    """Draw and lock, one way. Visits, teams, messages and the transcript are stored in this transaction."""
    draw, task = _ready_to_lock(session, task_id, now=now)
    rules = frozen_rules(session, draw)
    picks = algorithm.pick(
        frozen_pool(session, draw), seed=bytes.fromhex(draw.seed_hex), batch_size=rules["batch_size"],
        rules=strata_in(rules),
    )  # fmt: skip
    rows = object_rows(session, [p.id for p in picks])
    _store_picks(session, draw, picks, {code: row.id or 0 for code, row in rows.items()})
    draw.state, draw.locked_at = DrawState.LOCKED, now
    visits = dispatch(
        session,
        task,
        draw,
        picks,
        rows,
        rules=rules,
        now=now,
        profile=profile,
        calendar=calendar,
        actor=actor,
    )
    files = {"picks.jsonl": algorithm.picks_bytes(picks), "visits.jsonl": visits}
    store_files(session, draw, **files)
    prints = {name.replace(".", "_"): algorithm.fingerprint(body) for name, body in files.items()}
    draw.transcript = {"protocol": algorithm.PROTOCOL, "picks": len(picks), **prints,
                       "officers_jsonl": rules["officers_sha256"]}  # fmt: skip
    session.add(draw)
    record(
        session, "draw.locked", f"draw:{draw.id}", now=now, actor=actor, task=task.number, **draw.transcript
    )
    touch_cards(session, f"draw:{draw.id}", now=now)
    return draw


def _line_of(session: Session, task: Task) -> PlanLine:
    line = line_of(session, task)
    if line is None:
        raise Problem("not_random", "个案线索的任务不经抽取。", 任务=task.number)
    return line


def _new_draw(session: Session, task: Task, *, now: dt.datetime) -> Draw:
    rounds = session.exec(select(Draw.round).where(Draw.task_id == task.id)).all()
    draw = Draw(
        task_id=task.id or 0, round=max(rounds, default=0) + 1, sources=[{"kind": "none"}], prepared_at=now
    )
    session.add(draw)
    session.flush()
    return draw


def _look_ahead(session: Session, draw: Draw, *, profile: Profile, now: dt.datetime) -> None:
    """Keep for the coordinator's card how a draw would go now."""
    now_ = standing(session, task_id=draw.task_id, profile=profile, now=now)
    draw.outlook = {
        "pool": now_.preview.pool, "take": now_.preview.total, "excluded": dict(now_.preview.excluded),
        "open": {check.name: check.missing for check in now_.checks if not check.passes},
        "waived": {check.name: check.waived for check in now_.checks if check.missing and check.waived},
    }  # fmt: skip
    session.add(draw)


def _set_mode(task: Task, mode: Mode, reason: str, profile: Profile) -> None:
    if str(mode) not in {str(one) for one in profile.draw.modes}:
        raise Problem("mode_not_allowed", "本地配置不允许这种抽取方式。", 方式=mode)
    if mode != Mode.BOTH and not reason.strip():
        raise Problem("mode_without_reason", "只抽取一方必须说明理由。", 方式=mode)
    if task.source == "LICENSING" and mode != Mode.PERSON_ONLY:
        raise Problem("mode_not_allowed", "行政许可实地核查的对象是申请人，只抽取检查人员。", 方式=mode)
    task.mode, task.mode_reason = mode, reason.strip()[:200]


@dataclass(frozen=True, slots=True)
class _Staff:
    """The officers of every department that takes part, and what the readiness check says."""

    departments: Mapping[int, str]
    officers: list[OfficerFacts]
    able: Mapping[str, int]  # who may be drawn at all, by department
    wanted: int
    gate: bool
    checks: list[Check]


def _staff(
    session: Session, task: Task, line: PlanLine, draw: Draw | None, *, profile: Profile, now: dt.datetime
) -> _Staff:
    waived = {waiver["check"]: waiver["reason"] for waiver in draw.waivers} if draw is not None else {}
    departments = department_codes(session, departments_of(task))
    wanted = max(line.officers_per_visit, profile.draw.officers_min)
    gate = profile.visit.training_gate and "training" not in waived
    day = max(task.window_start, china_day(now))
    known = officer_facts(session, departments, trained_on=day if profile.visit.training_gate else None)
    usable = known if gate else [officer.without_gate() for officer in known]
    able = {
        code: sum(1 for o in usable if o.department == code and not o.gate and o.valid_to >= task.window_end)
        for code in departments.values()
    }
    checks = readiness(
        session, task, officers=known, staff=able, wanted=wanted, profile=profile, now=now, waived=waived,
        witnesses=draw.witness_ids if draw is not None else (),
    )  # fmt: skip
    return _Staff(departments, usable, able, wanted, gate, checks)


def _freeze(
    session: Session, draw: Draw, task: Task, line: PlanLine, *, pool: Pool, staffed: _Staff, now: dt.datetime,
    profile: Profile, calendar: WorkCalendar,
) -> None:  # fmt: skip
    """The three files that the draw will use and nothing else."""
    officers = officers_bytes(with_recusals(session, staffed.officers, (code for code, _ in pool.entries)))
    rules = canonical(
        rules_of(
            session, task, line, pool, departments=staffed.departments, now=now, profile=profile, calendar=calendar,
            officers_sha256=algorithm.fingerprint(officers), gate=staffed.gate,
        )
    )  # fmt: skip
    body = algorithm.pool_bytes(pool.entries)
    draw.pool_size, draw.pool_sha256 = len(pool.entries), algorithm.fingerprint(body)
    draw.rules_sha256 = algorithm.fingerprint(rules)
    store_files(session, draw, **{"pool.jsonl": body, "rules.json": rules, "officers.jsonl": officers})


def _ready_to_lock(session: Session, task_id: int, *, now: dt.datetime) -> tuple[Draw, Task]:
    draw = require_draw(session, task_id)
    if draw.state == DrawState.LOCKED:
        raise Problem("already_locked", "名单已锁定")
    if draw.state == DrawState.PREPARED:
        raise Problem("not_committed", "尚未公布抽取承诺（名单指纹），不能继续。")
    if draw.state != DrawState.REVEALED:
        raise Problem("not_revealed", "随机种子尚未揭示，不能锁定名单。")
    _require_not_asked(draw)
    task = session.get_one(Task, task_id)
    if china_day(now) > task.window_end:
        raise Problem("window_over", "检查期限已过，不能再抽取。请先调整计划。", 期限=f"{task.window_end}")
    return draw, task


def _require_not_asked(draw: Draw) -> None:
    if draw.void_asked_by is not None:
        raise Problem("void_asked", "已有人申请作废这次抽取，等另一人决定。", 理由=draw.void_ground)


def _store_picks(
    session: Session, draw: Draw, picks: Sequence[algorithm.Pick], rows: Mapping[str, int]
) -> None:
    values = [
        {"draw_id": draw.id, "object_id": rows[p.id], "stratum": p.stratum, "ticket": p.ticket, "rank": p.rank,
         "batch": p.batch}
        for p in picks
    ]  # fmt: skip
    session.flush()
    for start in range(0, len(values), 5000):
        session.connection().execute(insert(_PICKS), values[start : start + 5000])


def rounds_of(session: Session, task_id: int) -> list[Draw]:
    """Every round, the latest first."""
    return list(session.exec(select(Draw).where(Draw.task_id == task_id).order_by(col(Draw.round).desc())))
