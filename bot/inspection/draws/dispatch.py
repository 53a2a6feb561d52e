"""From picks to visits with teams, and to the messages that tell everybody. Part of ``lock_draw``'s transaction."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.policy import freeze
from bot.inspection.draws.algorithm import Pick, officer_ticket
from bot.inspection.draws.barred import Spans, barred_bytes, barred_spans
from bot.inspection.draws.matching import Need, Shortage, match
from bot.inspection.draws.models import Draw
from bot.inspection.draws.names import names_of
from bot.inspection.draws.officers import department_codes
from bot.inspection.draws.queries import Inspected, frozen_officers, insert_rows
from bot.inspection.draws.rules import planned_days
from bot.inspection.draws.telling import Told, tell_dispatched, tell_everybody
from bot.inspection.profile import Profile
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Task, TaskBatch, TaskState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import departments_of

_VISITS: Table = Visit.__table__  # type: ignore[attr-defined]
_TEAMS: Table = VisitOfficer.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The officers one department sends to one visit: row ids, and names in the order drawn."""

    visit_id: int
    object: str
    department_id: int
    team: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who goes where and when, before anything is stored: ``days`` by pick, ``needs`` and ``teams`` by pick and
    department, the lead first."""

    days: list[dt.date]
    needs: list[Need]
    teams: list[list[str]]
    person_of: dict[str, int]
    barred: dict[str, Spans]


def dispatch(
    session: Session, task: Task, draw: Draw, picks: Sequence[Pick], objects: Mapping[str, Inspected], *,
    rules: Mapping[str, Any], now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    actor: int | None = None,
) -> dict[str, bytes]:  # fmt: skip
    """Store visits and teams, promise every message of the first batch, and return the files that tell of them.

    Raises Problem ``officers_missing`` naming the visits and the rule; then nothing is stored.
    """
    cast = _cast(session, draw, picks, objects, rules=rules, now=now, calendar=calendar)
    closed = _store_batches(session, task, rules, now=now)
    visits = _store_visits(session, task, picks, objects, days=cast.days, closed=closed)
    codes = {code: key for key, code in department_codes(session, departments_of(task)).items()}
    drawn = [
        Drawn(visits[pick.rank], pick.id, codes[need.department], tuple(team))
        for pick, need, team in zip(_each(picks, rules), cast.needs, cast.teams, strict=True)
    ]
    seed = bytes.fromhex(draw.seed_hex)
    assignments = store_teams(
        session, drawn, cast.person_of, lead=task.lead_department_id, seed=seed, now=now
    )
    task.state, task.dispatched_at, task.policy = TaskState.DISPATCHED, now, freeze(profile)
    session.add(task)
    record(
        session, "task.dispatched", f"task:{task.id}", now=now, visits=len(visits), assignments=assignments,
        batches=len(rules["batches"]) or 1,
    )  # fmt: skip
    where = {visits[p.rank]: (objects[p.id].id, day) for p, day in zip(picks, cast.days, strict=True)}
    told = told_of(drawn, where, cast.person_of)
    opened = {visits[p.rank] for p in picks if p.batch not in closed}
    items = [session.get_one(Item, item) for item in task.item_ids]
    first = [visit for visit in told if visit.visit_id in opened]
    tell_everybody(session, task, first, items, now=now, profile=profile, calendar=calendar, actor=actor)
    tell_dispatched(session, task, told, now=now)
    return _files(draw, picks, cast, salt=names_of(session, draw).seal("days"))


def _cast(
    session: Session, draw: Draw, picks: Sequence[Pick], objects: Mapping[str, Inspected], *,
    rules: Mapping[str, Any], now: dt.datetime, calendar: WorkCalendar,
) -> Cast:  # fmt: skip
    """Plan every visit and draw every team from what was frozen."""
    names = names_of(session, draw)
    days = planned_days(
        rules, [p.batch for p in picks], calendar, today=china_day(now), mix=lambda day: names.seal(f"day:{day}")
    )  # fmt: skip
    officers = frozen_officers(session, draw, rules)
    needs = needs_of(rules, ((p.id, objects[p.id].district, day) for p, day in zip(picks, days, strict=True)))
    teams, shortages = match(needs, officers, seed=bytes.fromhex(draw.seed_hex))
    refuse_shortage(shortages)
    person_of = names.people_behind(session, {officer for team in teams for officer in team})
    window = [dt.date.fromisoformat(day) for day in rules["window"]]
    return Cast(
        days, needs, teams, person_of, barred_spans(officers, [p.id for p in picks], days, window=window)
    )


def _each(picks: Sequence[Pick], rules: Mapping[str, Any]) -> list[Pick]:
    """The pick of each need."""
    return [pick for pick in picks for _ in rules["departments"]]


def _files(draw: Draw, picks: Sequence[Pick], cast: Cast, *, salt: str) -> dict[str, bytes]:
    """Days stand in public only in a round whose officers' days stand there already."""
    if not draw.own_names:
        return {"visits.jsonl": visits_bytes(cast.needs, cast.teams, dated=True)}
    days = [
        {"salt": salt},
        *({"id": p.id, "planned": f"{day}"} for p, day in zip(picks, cast.days, strict=True)),
    ]
    return {
        "visits.jsonl": visits_bytes(cast.needs, cast.teams), "barred.jsonl": barred_bytes(cast.barred),
        "days.jsonl": b"".join(canonical(line) + b"\n" for line in days),
    }  # fmt: skip


def needs_of(rules: Mapping[str, Any], visits: Iterable[tuple[str, str, dt.date]]) -> list[Need]:
    """What each department owes each visit (object, district, planned day), the lead first."""
    last, many = dt.date.fromisoformat(rules["window"][1]), rules["officers_per_visit"]
    departments = [(department["id"], frozenset(department["labels"])) for department in rules["departments"]]
    return [
        Need(
            id=code,
            department=key,
            last_day=last,
            planned=planned,
            officers=many,
            labels=labels,
            district=district,
        )
        for code, district, planned in visits
        for key, labels in departments
    ]


def visits_bytes(needs: Sequence[Need], teams: Sequence[Sequence[str]], *, dated: bool = False) -> bytes:
    """``visits.jsonl``: a line for each visit and department, in ticket order, the lead department first."""
    return b"".join(
        canonical(
            {"id": need.id, "department": need.department, "district": need.district, "officers": list(team)}
            | ({"planned": need.planned.isoformat()} if dated else {})
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
    session: Session, task: Task, picks: Sequence[Pick], objects: Mapping[str, Inspected], *,
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
    insert_rows(session, _VISITS, rows)
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
    insert_rows(session, _TEAMS, rows)
    return len(rows)
