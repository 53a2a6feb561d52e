"""From picks to visits with teams, and to the messages that tell everybody. Part of ``lock_draw``'s transaction."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.policy import freeze
from bot.inspection.draws.algorithm import Pick, officer_ticket
from bot.inspection.draws.matching import Need, Shortage, match
from bot.inspection.draws.models import Draw
from bot.inspection.draws.officers import department_codes, people_behind
from bot.inspection.draws.officers_file import officers_from
from bot.inspection.draws.queries import frozen
from bot.inspection.draws.rules import planned_days
from bot.inspection.draws.telling import Told, tell_dispatched, tell_everybody
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import Task, TaskBatch, TaskState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import departments_of

_CHUNK = 5000
_VISITS: Table = Visit.__table__  # type: ignore[attr-defined]
_TEAMS: Table = VisitOfficer.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The officers one department sends to one visit: row ids, and pseudonyms in the order drawn."""

    visit_id: int
    object: str
    department_id: int
    team: tuple[str, ...]


def dispatch(
    session: Session, task: Task, draw: Draw, picks: Sequence[Pick], objects: Mapping[str, InspectionObject], *,
    rules: Mapping[str, Any], now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    actor: int | None = None,
) -> bytes:  # fmt: skip
    """Store visits and teams, promise every message of the first batch, and return ``visits.jsonl``.

    Raises Problem ``officers_missing`` naming the visits and the rule; then nothing is stored.
    """
    today = china_day(now)
    days = planned_days(rules, [p.batch for p in picks], calendar, today=today)
    departments = department_codes(session, departments_of(task))
    officers = officers_from(frozen(session, draw, "officers.jsonl", rules["officers_sha256"]))
    needs = [need for p, day in zip(picks, days, strict=True) for need in needs_of(rules, objects[p.id], day)]
    seed = bytes.fromhex(draw.seed_hex)
    teams, shortages = match(needs, officers, seed=seed)
    refuse_shortage(shortages)
    batches = _store_batches(session, task, rules, now=now)
    visits = _store_visits(session, task, picks, objects, days=days, closed=batches)
    by_code = {code: key for key, code in departments.items()}
    owners = [p for p in picks for _ in rules["departments"]]
    drawn = [
        Drawn(visits[pick.rank], pick.id, by_code[need.department], tuple(team))
        for pick, need, team in zip(owners, needs, teams, strict=True)
    ]
    person_of = people_behind(session, {officer for team in teams for officer in team})
    assignments = store_teams(session, drawn, person_of, lead=task.lead_department_id, seed=seed, now=now)
    task.state, task.dispatched_at = TaskState.DISPATCHED, now
    task.policy = freeze(profile)
    session.add(task)
    record(
        session, "task.dispatched", f"task:{task.id}", now=now, visits=len(visits), assignments=assignments,
        batches=len(rules["batches"]) or 1,
    )  # fmt: skip
    where = {visits[p.rank]: (objects[p.id].id or 0, day) for p, day in zip(picks, days, strict=True)}
    told = told_of(drawn, where, person_of)
    opened = {visits[p.rank] for p in picks if p.batch not in batches}
    items = [session.get_one(Item, item) for item in task.item_ids]
    first = [visit for visit in told if visit.visit_id in opened]
    tell_everybody(session, task, first, items, now=now, profile=profile, calendar=calendar, actor=actor)
    tell_dispatched(session, task, told, now=now)
    return visits_bytes(needs, teams)


def needs_of(rules: Mapping[str, Any], inspected: InspectionObject, planned: dt.date) -> list[Need]:
    """What each department owes one visit, the lead first."""
    last = dt.date.fromisoformat(rules["window"][1])
    return [
        Need(
            id=inspected.code, department=department["id"], last_day=last, planned=planned,
            officers=rules["officers_per_visit"], labels=frozenset(department["labels"]), district=inspected.district,
        )
        for department in rules["departments"]
    ]  # fmt: skip


def visits_bytes(needs: Sequence[Need], teams: Sequence[Sequence[str]]) -> bytes:
    """``visits.jsonl``: a line for each visit and department, in ticket order, the lead department first."""
    return b"".join(
        canonical(
            {"id": need.id, "department": need.department, "district": need.district,
             "planned": need.planned.isoformat(), "officers": list(team)}
        ) + b"\n"
        for need, team in zip(needs, teams, strict=True)
    )  # fmt: skip


def told_of(
    drawn: Iterable[Drawn], where: Mapping[int, tuple[int, dt.date]], person_of: Mapping[str, int]
) -> list[Told]:
    """Each visit with everybody who goes, the lead's own first."""
    people: dict[int, list[int]] = defaultdict(list)
    for part in drawn:
        people[part.visit_id].extend(person_of[officer] for officer in part.team)
    return [Told(visit, *where[visit], tuple(team)) for visit, team in people.items()]


def refuse_shortage(shortages: Sequence[Shortage]) -> None:
    """Raises Problem ``officers_missing``: which visits cannot be staffed, and by which rule; ten by name."""
    if not shortages:
        return
    first = shortages[0]
    why = "、".join(f"{reason} {n} 人" for reason, n in sorted(first.reasons.items(), key=lambda r: -r[1]))
    label = {"专业资格": f"可选的人都没有“{first.label}”"} if first.label else {}
    others = {"受阻的": "、".join(s.id for s in shortages[:10])} if len(shortages) > 1 else {}
    raise Problem(
        "officers_missing",
        f"有 {len(shortages)} 户选派不出 {first.wanted} 名执法检查人员，没有抽取。",
        检查对象=first.id, 部门=first.department, 可选=f"{first.found} 人", 排除=why or "没有", **label, **others,
    )  # fmt: skip


def _store_batches(session: Session, task: Task, rules: Mapping[str, Any], *, now: dt.datetime) -> set[int]:
    """Store the batches; the numbers of those that are not open yet. The first opens with the lock."""
    closed = set()
    for number, day in enumerate(rules["batches"], 1):
        opens = dt.date.fromisoformat(day)
        is_open = number == 1 or opens <= china_day(now)
        session.add(
            TaskBatch(task_id=task.id or 0, number=number, opens_on=opens, opened_at=now if is_open else None)
        )
        if not is_open:
            closed.add(number)
    return closed


def _store_visits(
    session: Session, task: Task, picks: Sequence[Pick], objects: Mapping[str, InspectionObject], *,
    days: Sequence[dt.date], closed: set[int],
) -> dict[int, int]:  # fmt: skip
    """Store a visit for each pick; their row ids by rank."""
    rows = [
        {"number": f"{task.number}-{p.rank:04d}", "task_id": task.id, "object_id": objects[p.id].id,
         "state": VisitState.SCHEDULED if p.batch in closed else VisitState.ASSIGNED, "stratum": p.stratum,
         "ticket": p.ticket, "rank": p.rank, "batch": p.batch, "generation": 1, "planned_on": day,
         "due_on": task.window_end, "outcome": "", "late": False}
        for p, day in zip(picks, days, strict=True)
    ]  # fmt: skip
    session.flush()
    for start in range(0, len(rows), _CHUNK):
        session.connection().execute(insert(_VISITS), rows[start : start + _CHUNK])
    query = select(Visit.rank, Visit.id).where(Visit.task_id == task.id).order_by(col(Visit.rank))
    return {rank: visit or 0 for rank, visit in session.exec(query)}


def store_teams(
    session: Session, drawn: Iterable[Drawn], person_of: Mapping[str, int], *, lead: int, seed: bytes,
    now: dt.datetime,
) -> int:  # fmt: skip
    """Store every officer of every visit; returns how many assignments these are. The lead's first leads."""
    rows = [
        {"visit_id": part.visit_id, "person_id": person_of[officer], "department_id": part.department_id,
         "state": "ASSIGNED", "leader": place == 0 and part.department_id == lead,
         "ticket": officer_ticket(seed, part.object, officer), "assigned_at": now, "recusal_reason": ""}
        for part in drawn
        for place, officer in enumerate(part.team)
    ]  # fmt: skip
    for start in range(0, len(rows), _CHUNK):
        session.connection().execute(insert(_TEAMS), rows[start : start + _CHUNK])
    return len(rows)
