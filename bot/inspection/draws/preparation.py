"""Before the commitment: sources and witnesses, what is not ready, and how a draw would go (C9, C10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.private import public_words
from bot.inspection.audit.service import record
from bot.inspection.draws.matching import OfficerFacts
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.draws.names import names_of
from bot.inspection.draws.officers import department_codes, officer_facts
from bot.inspection.draws.pool import draw_preview
from bot.inspection.draws.queries import live_draw
from bot.inspection.draws.readiness import Check, check_waiver, readiness
from bot.inspection.draws.source_words import Choice
from bot.inspection.draws.sources import check_sources, wants_value
from bot.inspection.draws.telling import tell_prepared
from bot.inspection.notices.service import touch_cards
from bot.inspection.people.models import Person
from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.ratio import Preview
from bot.inspection.profile import Profile
from bot.inspection.tasks.models import Mode, Task
from bot.inspection.tasks.queries import departments_of, line_of


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
        draw = new_draw(session, task, now=now)
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


def choose_sources(
    session: Session, *, task_id: int, choice: Choice, now: dt.datetime, profile: Profile, actor: int
) -> Draw:
    """What a coordinator chose in chat or on the console. Raises as ``prepare_draw``, and ``witness_unknown`` naming the
    code that belongs to nobody."""
    query = select(Person.code, Person.id).where(col(Person.code).in_(choice.witnesses), col(Person.active))
    known = {code: key or 0 for code, key in session.exec(query)}
    if strangers := [code for code in choice.witnesses if code not in known]:
        raise Problem("witness_unknown", "没有这个编号的在职人员，没有保存。", 见证人="、".join(strangers))
    return prepare_draw(
        session, task_id=task_id, sources=choice.sources, witnesses=[known[code] for code in choice.witnesses], now=now,
        profile=profile, actor=actor,
    )  # fmt: skip


def waive_check(
    session: Session, *, task_id: int, check: str, reason: str, now: dt.datetime, profile: Profile,
    actor: int | None = None,
) -> Draw:  # fmt: skip
    """Let the draw go on although a point of the readiness check is missing; the reason is published."""
    reason = check_waiver(check, reason)
    draw = live_draw(session, task_id, lock=True) or new_draw(
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
    line = line_for(session, task)
    draw = live_draw(session, task_id)
    staffed = staff_of(session, task, line, draw, profile=profile, now=now)
    seen = draw_preview(session, task=task, line=line, profile=profile, now=now)
    return Standing(seen, tuple(staffed.checks), task.mode, task.mode_reason)


def line_for(session: Session, task: Task) -> PlanLine:
    line = line_of(session, task)
    if line is None:
        raise Problem("not_random", "个案线索的任务不经抽取。", 任务=task.number)
    return line


def new_draw(session: Session, task: Task, *, now: dt.datetime) -> Draw:
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
    task.mode, task.mode_reason = mode, public_words(reason.strip()[:200])


@dataclass(frozen=True, slots=True)
class Staff:
    """The officers of every department that takes part, and what the readiness check says."""

    departments: Mapping[int, str]
    officers: list[OfficerFacts]
    able: Mapping[str, int]  # who may be drawn at all, by department
    wanted: int
    gate: bool
    checks: list[Check]


def staff_of(
    session: Session, task: Task, line: PlanLine, draw: Draw | None, *, profile: Profile, now: dt.datetime
) -> Staff:
    waived = {waiver["check"]: waiver["reason"] for waiver in draw.waivers} if draw is not None else {}
    departments = department_codes(session, departments_of(task))
    wanted = max(line.officers_per_visit, profile.draw.officers_min)
    gate = profile.visit.training_gate and "training" not in waived
    day = max(task.window_start, china_day(now))
    known = officer_facts(
        session, departments, names=names_of(session, draw), trained_on=day if profile.visit.training_gate else None
    )  # fmt: skip
    usable = known if gate else [officer.without_gate() for officer in known]
    able = {
        code: sum(1 for o in usable if o.department == code and not o.gate and o.valid_to >= task.window_end)
        for code in departments.values()
    }
    checks = readiness(
        session, task, officers=known, staff=able, wanted=wanted, profile=profile, now=now, waived=waived,
        witnesses=draw.witness_ids if draw is not None else (),
    )  # fmt: skip
    return Staff(departments, usable, able, wanted, gate, checks)


def rounds_of(session: Session, task_id: int) -> list[Draw]:
    """Every round, the latest first."""
    return list(session.exec(select(Draw).where(Draw.task_id == task_id).order_by(col(Draw.round).desc())))
