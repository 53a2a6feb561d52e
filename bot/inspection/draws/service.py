"""The ceremony: prepare, commit, reveal, lock (C10). Each is one transaction, and each goes one way."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Table
from sqlmodel import Session

from bot.core.canonical import canonical
from bot.core.clock import china_day
from bot.core.collecting import uncollected
from bot.core.db import think_long
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws import algorithm
from bot.inspection.draws.dispatch import dispatch
from bot.inspection.draws.models import Draw, DrawPick, DrawState
from bot.inspection.draws.names import names_of
from bot.inspection.draws.officers import with_recusals
from bot.inspection.draws.officers_file import left_out, officers_bytes, sealed_lines
from bot.inspection.draws.pool import Pool, eligible
from bot.inspection.draws.preparation import Staff, line_for, new_draw, staff_of
from bot.inspection.draws.queries import (
    Inspected,
    frozen_pool,
    frozen_rules,
    insert_rows,
    live_draw,
    object_rows,
    require_draw,
    store_files,
)
from bot.inspection.draws.readiness import require_ready
from bot.inspection.draws.rules import choose_mode, labels_of, rules_of, strata_in
from bot.inspection.draws.sources import check_sources, public_value, wants_value
from bot.inspection.draws.telling import tell_committed
from bot.inspection.notices.service import touch_cards
from bot.inspection.plans.models import PlanLine
from bot.inspection.profile import Profile
from bot.inspection.tasks.models import Task, TaskState

_PICKS: Table = DrawPick.__table__  # type: ignore[attr-defined]


@uncollected()
def commit_draw(
    session: Session, *, task_id: int, secret: bytes, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    actor: int | None = None,
) -> Draw:  # fmt: skip
    """Freeze pool, officers and rules and publish their fingerprints with that of the secret (32 bytes), before any
    randomness is known. The secret stays sealed in the database until the reveal."""
    think_long(session)
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
    draw = draw or new_draw(session, task, now=now)
    draw.own_names = True  # also of a round that an earlier version prepared
    draw.sources = check_sources(draw.sources, now=now)  # what is known by now is no source any more
    line = line_for(session, task)
    pool = eligible(session, task=task, line=line, profile=profile, now=now)
    if not pool.entries:
        raise Problem("pool_empty", "符合条件的检查对象为 0 户，不能抽取。", 任务=task.number)
    staffed = staff_of(session, task, line, draw, profile=profile, now=now)
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


@uncollected()
def lock_draw(
    session: Session, *, task_id: int, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    actor: int | None = None,
) -> Draw:  # fmt: skip
    """Draw and lock, one way. Visits, teams, messages and the transcript are stored in this transaction."""
    think_long(session)
    draw, task = _ready_to_lock(session, task_id, now=now)
    rules = frozen_rules(session, draw)
    picks = algorithm.pick(
        frozen_pool(session, draw), seed=bytes.fromhex(draw.seed_hex), batch_size=rules["batch_size"],
        rules=strata_in(rules),
    )  # fmt: skip
    rows = object_rows(session, [p.id for p in picks])
    _store_picks(session, draw, picks, rows)
    draw.state, draw.locked_at = DrawState.LOCKED, now
    files = {"picks.jsonl": algorithm.picks_bytes(picks)} | dispatch(
        session, task, draw, picks, rows, rules=rules, now=now, profile=profile, calendar=calendar, actor=actor,
    )  # fmt: skip
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


def _freeze(
    session: Session, draw: Draw, task: Task, line: PlanLine, *, pool: Pool, staffed: Staff, now: dt.datetime,
    profile: Profile, calendar: WorkCalendar,
) -> None:  # fmt: skip
    """The files that the draw will use and nothing else."""
    names, window = names_of(session, draw), (task.window_start, task.window_end)
    known = with_recusals(session, staffed.officers, (code for code, _ in pool.entries), names=names)
    sealed = sealed_lines(known, {officer.id: names.seal(officer.id) for officer in known})
    labels = labels_of(session, task, staffed.departments)
    officers = officers_bytes(known, sealed, labels=labels, window=window)
    rules = canonical(
        rules_of(
            session, task, line, pool, departments=staffed.departments, now=now, profile=profile, calendar=calendar,
            labels=labels, officers_sha256=algorithm.fingerprint(officers), gate=staffed.gate,
            left_out=Counter(why for officer in known if (why := left_out(officer, window))),
        )
    )  # fmt: skip
    body = algorithm.pool_bytes(pool.entries)
    draw.pool_size, draw.pool_sha256 = len(pool.entries), algorithm.fingerprint(body)
    draw.rules_sha256, draw.outlook = (
        algorithm.fingerprint(rules),
        {**draw.outlook, "sizes": dict(pool.sizes())},
    )
    store_files(session, draw, **{"pool.jsonl": body, "rules.json": rules, "officers.jsonl": officers,
                                  "sealed.jsonl": b"".join(line + b"\n" for line in sealed)})  # fmt: skip


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
    session: Session, draw: Draw, picks: Sequence[algorithm.Pick], rows: Mapping[str, Inspected]
) -> None:
    values = [
        {"draw_id": draw.id, "object_id": rows[p.id].id, "stratum": p.stratum, "ticket": p.ticket, "rank": p.rank,
         "batch": p.batch}
        for p in picks
    ]  # fmt: skip
    insert_rows(session, _PICKS, values)
