"""From picks to visits with teams, and to the messages that tell everybody. Part of ``lock_draw``'s transaction."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import SALT, actor_digest, record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.policy import freeze
from bot.inspection.draws.algorithm import Pick, officer_ticket
from bot.inspection.draws.matching import Need, OfficerFacts, Shortage, match
from bot.inspection.draws.models import Draw
from bot.inspection.draws.telling import Told, tell_everybody
from bot.inspection.people.models import Absence, Officer, Person, PersonRole, Relation, Role
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import Task, TaskItem, TaskState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import departments_of
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE


def dispatch(
    session: Session, task: Task, draw: Draw, picks: Sequence[Pick], objects: Mapping[str, InspectionObject], *,
    team_size: int, now: dt.datetime, profile: Profile, calendar: WorkCalendar, actor: int | None = None,
) -> dict[str, bytes]:  # fmt: skip
    """Store visits and teams, promise every message, and return ``officers.jsonl`` and ``visits.jsonl``.

    Raises Problem ``officers_missing`` naming the visits and the rule; then nothing is stored.
    """
    items = [session.get_one(Item, item) for item in task.item_ids]
    days = planned_days(task, calendar, today=china_day(now), count=len(picks))
    departments = departments_of(task)
    officers, person_of = officer_facts(session, departments)
    labels = labels_of(session, task)
    barred = barred_officers(session, [objects[p.id].id or 0 for p in picks])
    needs = [
        need_of(task, objects[p.id], department=department, labels=labels[department], today=china_day(now),
                planned=day, team_size=team_size, barred=barred)
        for p, day in zip(picks, days, strict=True)
        for department in departments
    ]  # fmt: skip
    seed = bytes.fromhex(draw.seed_hex)
    teams, shortages = match(needs, officers, seed=seed)
    if shortages:
        raise _missing(shortages)
    visits = _store_visits(session, task, picks, objects, days=days)
    drawn = [
        _Drawn(visits[pick.rank], pick.id, department, tuple(teams[n * len(departments) + k]))
        for n, pick in enumerate(picks)
        for k, department in enumerate(departments)
    ]
    assignments = _store_teams(session, drawn, person_of, lead=task.lead_department_id, seed=seed, now=now)
    task.state, task.dispatched_at = TaskState.DISPATCHED, now
    task.policy = freeze(profile)
    session.add(task)
    record(
        session, "task.dispatched", f"task:{task.id}", now=now, visits=len(visits), assignments=assignments
    )
    told = _told(drawn, {visits[p.rank]: (objects[p.id].id or 0, day) for p, day in zip(picks, days, strict=True)},
                 person_of)  # fmt: skip
    tell_everybody(session, task, told, items, now=now, profile=profile, calendar=calendar, actor=actor)
    return {
        "officers.jsonl": b"".join(_officer_line(o) for o in sorted(officers, key=lambda o: o.id)),
        "visits.jsonl": b"".join(
            canonical({"id": d.object, "department": str(d.department), "officers": list(d.team)}) + b"\n"
            for d in drawn
        ),
    }


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The officers one department sends to one visit, as pseudonyms in the order drawn."""

    visit_id: int
    object: str
    department: int
    team: tuple[str, ...]


def _told(
    drawn: Sequence[_Drawn], where: Mapping[int, tuple[int, dt.date]], person_of: Mapping[str, int]
) -> list[Told]:
    """Each visit with everybody who goes, the lead's own first."""
    people: dict[int, list[int]] = defaultdict(list)
    for part in drawn:
        people[part.visit_id].extend(person_of[officer] for officer in part.team)
    return [Told(visit, *where[visit], tuple(team)) for visit, team in people.items()]


def need_of(
    task: Task, found: InspectionObject, *, department: int, labels: frozenset[str], today: dt.date,
    planned: dt.date, team_size: int, barred: Mapping[int, Sequence[str]],
) -> Need:  # fmt: skip
    """What one department owes one visit."""
    return Need(
        id=found.code, department=str(department), first_day=today, last_day=task.window_end, planned=planned,
        officers=team_size, labels=labels, district=found.district, barred=frozenset(barred.get(found.id or 0, ())),
    )  # fmt: skip


def labels_of(session: Session, task: Task) -> dict[int, frozenset[str]]:
    """The qualifications the officers of each department need: those of the items it checks."""
    query = (
        select(TaskItem.department_id, Item.label_required)
        .join(Item, col(Item.id) == TaskItem.item_id)
        .where(TaskItem.task_id == task.id, Item.label_required != "")
    )
    found: dict[int, set[str]] = {department: set() for department in departments_of(task)}
    for department, label in session.exec(query):
        found[department or task.lead_department_id].add(label)
    return {department: frozenset(labels) for department, labels in found.items()}


def planned_days(task: Task, calendar: WorkCalendar, *, today: dt.date, count: int) -> list[dt.date]:
    """A working day of the window for each visit in ticket order, evenly spread; the last fifth stays in reserve."""
    first = max(task.window_start, calendar.add_workdays(today, 1))
    days = [
        first + dt.timedelta(days=n)
        for n in range((task.window_end - first).days + 1)
        if calendar.is_workday(first + dt.timedelta(days=n))
    ] or [task.window_end]
    days = days[: max(1, len(days) * 4 // 5)]
    return [days[n * len(days) // count] for n in range(count)]


def officer_facts(
    session: Session, department_ids: Sequence[int]
) -> tuple[list[OfficerFacts], dict[str, int]]:
    """The departments' officers as the matching rules see them, and the person behind each pseudonym."""
    salt = session.info[SALT]
    absent = defaultdict(list)
    for absence in session.exec(select(Absence)):
        absent[absence.person_id].append((absence.first_day, absence.last_day))
    loads = current_loads(session)
    facts, person_of = [], {}
    query = (
        select(Officer, Person.department_id)
        .join(Person, col(Person.id) == Officer.person_id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(
            PersonRole.role == Role.OFFICER, col(Person.active), col(Officer.available),
            col(Person.department_id).in_(department_ids),
        )
    )  # fmt: skip
    for officer, department in session.exec(query):
        pseudonym = actor_digest(salt, officer.person_id)
        person_of[pseudonym] = officer.person_id
        facts.append(
            OfficerFacts(
                id=pseudonym, department=str(department), valid_from=officer.valid_from, valid_to=officer.valid_to,
                labels=frozenset(officer.labels), territory=officer.territory,
                absent=tuple(absent[officer.person_id]), load=loads.get(officer.person_id, 0),
            )
        )  # fmt: skip
    return facts, person_of


def current_loads(session: Session) -> dict[int, int]:
    """Open visits each officer has from earlier draws."""
    query = (
        select(VisitOfficer.person_id, func.count())
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .where(col(VisitOfficer.state).in_(LIVE), col(Visit.state).in_(BEFORE_SUBMIT))
        .group_by(col(VisitOfficer.person_id))
    )
    return {person: int(n) for person, n in session.exec(query)}


def barred_officers(session: Session, object_ids: Sequence[int]) -> dict[int, list[str]]:
    """Pseudonyms of officers with a relation to an object, by object."""
    salt = session.info[SALT]
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(object_ids), 5000):
        query = select(Relation).where(col(Relation.object_id).in_(object_ids[start : start + 5000]))
        for relation in session.exec(query):
            found[relation.object_id].append(actor_digest(salt, relation.person_id))
    return found


def _missing(shortages: Sequence[Shortage]) -> Problem:
    first = shortages[0]
    why = "、".join(f"{reason} {n} 人" for reason, n in sorted(first.reasons.items(), key=lambda r: -r[1]))
    return Problem(
        "officers_missing",
        f"有 {len(shortages)} 户选派不出 {first.wanted} 名执法检查人员，没有抽取。",
        检查对象=first.id, 可选=f"{first.found} 人", 排除=why or "名录库中没有执法检查人员",
    )  # fmt: skip


def _store_visits(
    session: Session, task: Task, picks: Sequence[Pick], objects: Mapping[str, InspectionObject], *,
    days: Sequence[dt.date],
) -> dict[int, int]:  # fmt: skip
    """Store a visit for each pick; their row ids by rank."""
    rows = [
        {"number": f"{task.number}-{p.rank:04d}", "task_id": task.id, "object_id": objects[p.id].id,
         "state": VisitState.ASSIGNED, "stratum": p.stratum, "ticket": p.ticket, "rank": p.rank, "batch": p.batch,
         "generation": 1, "planned_on": day, "due_on": task.window_end, "outcome": "", "late": False}
        for p, day in zip(picks, days, strict=True)
    ]  # fmt: skip
    session.flush()
    for start in range(0, len(rows), 1000):
        session.execute(insert(Visit), rows[start : start + 1000])
    query = select(Visit.rank, Visit.id).where(Visit.task_id == task.id).order_by(col(Visit.rank))
    return {rank: visit or 0 for rank, visit in session.exec(query)}


def _store_teams(
    session: Session, drawn: Sequence[_Drawn], person_of: Mapping[str, int], *, lead: int, seed: bytes,
    now: dt.datetime,
) -> int:  # fmt: skip
    """Store every officer of every visit; returns how many assignments these are. The lead's first leads."""
    rows = [
        {"visit_id": part.visit_id, "person_id": person_of[officer], "department_id": part.department,
         "state": "ASSIGNED", "leader": place == 0 and part.department == lead,
         "ticket": officer_ticket(seed, part.object, officer), "assigned_at": now, "recusal_reason": ""}
        for part in drawn
        for place, officer in enumerate(part.team)
    ]  # fmt: skip
    for start in range(0, len(rows), 1000):
        session.execute(insert(VisitOfficer), rows[start : start + 1000])
    return len(rows)


def _officer_line(officer: OfficerFacts) -> bytes:
    facts = {
        "id": officer.id, "department": officer.department, "labels": sorted(officer.labels),
        "territory": officer.territory, "load": officer.load, "valid_from": officer.valid_from.isoformat(),
        "valid_to": officer.valid_to.isoformat(),
        "absent": [[first.isoformat(), last.isoformat()] for first, last in officer.absent],
    }  # fmt: skip
    return canonical(facts) + b"\n"
