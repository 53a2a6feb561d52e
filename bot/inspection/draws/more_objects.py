"""After the lock: the next ticket replaces an object found ineligible, and extends a draw whose number is raised.

Earlier picks always stay (C10). The new visit's officers are drawn by the same seed among the officers of now.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.private import public_words
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws.algorithm import next_ticket, ticket
from bot.inspection.draws.dispatch import Drawn, needs_of, refuse_shortage, store_teams, told_of
from bot.inspection.draws.matching import Need, OfficerFacts, match, refusal
from bot.inspection.draws.models import Draw, DrawPick, DrawState
from bot.inspection.draws.names import names_of
from bot.inspection.draws.officers import department_codes, officer_facts, with_recusals
from bot.inspection.draws.queries import Inspected, frozen_pool, frozen_rules, object_rows, require_draw
from bot.inspection.draws.replacement import note_change
from bot.inspection.draws.taking_back import take_back
from bot.inspection.draws.telling import Told, tell_everybody
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import Task, TaskBatch, Visit, VisitState
from bot.inspection.tasks.queries import departments_of

_MOST = 500  # visits added at once


def replace_object(
    session: Session, *, task_id: int, code: str, ground: str, by: int, now: dt.datetime, profile: Profile,
    calendar: WorkCalendar,
) -> Visit:  # fmt: skip
    """A drawn object turned out ineligible before its inspection began: the next ticket of its stratum takes its
    place. Refused without a ground, or when the stratum has no more."""
    draw, task = _locked(session, task_id, ground=ground)
    out = session.exec(
        select(Visit)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .where(Visit.task_id == task_id, InspectionObject.code == code)
    ).first()
    if out is None:
        raise Problem("not_found", "这个对象不在抽中的名单里。", 检查对象=code)
    stratum, batch = out.stratum, out.batch
    take_back(session, task, [out.id or 0], reason="检查对象已更换", ground=ground.strip()[:100], now=now)
    facts: dict[str, Any] = {"out": code, "ground": ground.strip()[:100]}
    visit = _next(session, draw, task, stratum, kind="OBJECT", facts=facts, batch=batch, now=now,
                  profile=profile, calendar=calendar)  # fmt: skip
    record(session, "draw.object_replaced", f"draw:{draw.id}", now=now, actor=by, out=code, visit=visit.id,
           ground=facts["ground"])  # fmt: skip
    return visit


def draw_more(
    session: Session, *, task_id: int, stratum: str, count: int, ground: str, by: int, now: dt.datetime,
    profile: Profile, calendar: WorkCalendar,
) -> list[Visit]:  # fmt: skip
    """The number of a stratum is raised: the next tickets join, earlier picks stay."""
    draw, task = _locked(session, task_id, ground=ground)
    if not 1 <= count <= _MOST:
        raise Problem("count_invalid", f"一次增加 1 到 {_MOST} 户。", 户数=str(count))
    facts: dict[str, Any] = {"ground": ground.strip()[:100]}
    visits = [
        _next(session, draw, task, stratum, kind="MORE", facts=facts, batch=0, now=now, profile=profile,
              calendar=calendar)
        for _ in range(count)
    ]  # fmt: skip
    record(session, "draw.more", f"draw:{draw.id}", now=now, actor=by, stratum=stratum, count=count,
           ground=facts["ground"])  # fmt: skip
    return visits


def _locked(session: Session, task_id: int, *, ground: str) -> tuple[Draw, Task]:
    draw = require_draw(session, task_id)
    if draw.state != DrawState.LOCKED:
        raise Problem("not_locked", "名单还没有锁定。")
    if not ground.strip():
        raise Problem("ground_missing", "锁定之后的变动必须说明理由。", 理由="不能为空")
    public_words(ground)
    return draw, session.get_one(Task, task_id)


def _next(
    session: Session, draw: Draw, task: Task, stratum: str, *, kind: str, facts: dict[str, Any], batch: int,
    now: dt.datetime, profile: Profile, calendar: WorkCalendar,
) -> Visit:  # fmt: skip
    seed, rules = bytes.fromhex(draw.seed_hex), frozen_rules(session, draw)
    if stratum not in rules["strata"]:
        raise Problem("stratum_unknown", "没有这个分层。", 分层=stratum)
    picks = select(DrawPick, InspectionObject.code).join(
        InspectionObject, col(InspectionObject.id) == DrawPick.object_id
    )
    taken = {code: pick for pick, code in session.exec(picks.where(DrawPick.draw_id == draw.id))}
    follows = next_ticket(seed, frozen_pool(session, draw).get(stratum, ()), taken=set(taken))
    if follows is None:
        raise Problem("stratum_empty", "这一层的对象已经全部抽完。", 分层=stratum)
    inspected = object_rows(session, [follows])[follows]
    rank = max(pick.rank for pick in taken.values()) + 1
    last_batch = max(pick.batch for pick in taken.values())
    pick = DrawPick(
        draw_id=draw.id or 0, object_id=inspected.id, stratum=stratum, ticket=ticket(seed, follows), rank=rank,
        batch=batch or last_batch,
    )  # fmt: skip
    session.add(pick)
    opens = _opens_later(session, task, pick.batch)
    first = max(china_day(now), opens or dt.date.min)
    planned = min(calendar.add_workdays(first, 1), task.window_end)
    team = _team(session, draw, task, inspected, rules, planned=planned)
    note_change(
        session, draw, kind, {**facts, "stratum": stratum, "in": follows, "teams": team.lines()}, now=now
    )
    visit, told = _store(session, task, pick, inspected, team, seed=seed, closed=opens is not None, now=now)
    if opens is None:  # else everybody is told when the batch opens (C11)
        items = [session.get_one(Item, item) for item in task.item_ids]
        tell_everybody(session, task, told, items, now=now, profile=profile, calendar=calendar)
    return visit


def _opens_later(session: Session, task: Task, number: int) -> dt.date | None:
    """The day on which a batch that is closed opens; none opens while this transaction adds to it."""
    query = select(TaskBatch).where(TaskBatch.task_id == task.id, TaskBatch.number == number)
    batch = session.exec(query.with_for_update()).first()
    return batch.opens_on if batch is not None and batch.opened_at is None else None


@dataclass(frozen=True, slots=True)
class Team:
    """Who goes to one added visit, by department in the rules' order, and among whom they were drawn."""

    planned: dt.date
    needs: list[Need]
    able: list[list[OfficerFacts]]
    teams: list[list[str]]
    person_of: dict[str, int]

    def lines(self) -> list[dict[str, Any]]:
        """As ``changes.jsonl`` tells it: enough to draw the same."""
        return [
            {"department": need.department, "officers": team,
             "choices": [[o.id, o.load, need.labels <= o.labels] for o in sorted(able, key=lambda o: o.id)]}
            for need, able, team in zip(self.needs, self.able, self.teams, strict=True)
        ]  # fmt: skip


def _team(
    session: Session, draw: Draw, task: Task, inspected: Inspected, rules: dict[str, Any], *, planned: dt.date
) -> Team:
    """Drawn by the round's seed among the officers of now."""
    departments, names = department_codes(session, departments_of(task)), names_of(session, draw)
    gate = planned if rules["training_gate"] else None
    officers = officer_facts(session, departments, names=names, trained_on=gate)
    officers = with_recusals(session, officers, [inspected.code], names=names)
    needs = needs_of(rules, [(inspected.code, inspected.district, planned)])
    teams, shortages = match(needs, officers, seed=bytes.fromhex(draw.seed_hex))
    refuse_shortage(shortages)
    able = [[o for o in officers if not refusal(need, o)] for need in needs]
    person_of = names.people_behind(session, {officer for team in teams for officer in team})
    return Team(planned, needs, able, teams, person_of)


def _store(
    session: Session, task: Task, pick: DrawPick, inspected: Inspected, team: Team, *, seed: bytes, closed: bool,
    now: dt.datetime,
) -> tuple[Visit, list[Told]]:  # fmt: skip
    """The visit and its team, and who is to be told of it."""
    visit = Visit(
        number=f"{task.number}-{pick.rank:04d}", task_id=task.id or 0, object_id=inspected.id,
        state=VisitState.SCHEDULED if closed else VisitState.ASSIGNED, stratum=pick.stratum, ticket=pick.ticket,
        rank=pick.rank, batch=pick.batch, planned_on=team.planned, due_on=task.window_end,
    )  # fmt: skip
    session.add(visit)
    session.flush()
    drawn = [
        Drawn(visit.id or 0, inspected.code, key, tuple(officers))
        for key, officers in zip(departments_of(task), team.teams, strict=True)
    ]
    store_teams(session, drawn, team.person_of, lead=task.lead_department_id, seed=seed, now=now)
    return visit, told_of(drawn, {visit.id or 0: (inspected.id, team.planned)}, team.person_of)
