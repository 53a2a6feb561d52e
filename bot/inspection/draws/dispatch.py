"""From picks to visits with teams, and to the messages that tell everybody. Part of ``lock_draw``'s transaction."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import at_china, china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import SALT, actor_digest, record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws.algorithm import Pick, officer_ticket
from bot.inspection.draws.matching import Need, OfficerFacts, Shortage, match
from bot.inspection.draws.models import Draw
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, row
from bot.inspection.people.models import Absence, Department, Officer, Person, PersonRole, Relation, Role
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject, Item, NoticeMode
from bot.inspection.tasks.models import EnterpriseNotice, Task, TaskState, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.service import promise_enterprise_notice, useful_until
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE


def dispatch(
    session: Session, task: Task, draw: Draw, picks: Sequence[Pick], objects: Mapping[str, InspectionObject], *,
    team_size: int, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
) -> dict[str, bytes]:  # fmt: skip
    """Store visits and teams, promise every message, and return ``officers.jsonl`` and ``visits.jsonl``.

    Raises Problem ``officers_missing`` naming the visits and the rule; then nothing is stored.
    """
    items = [session.get_one(Item, item) for item in task.item_ids]
    days = planned_days(task, calendar, today=china_day(now), count=len(picks))
    officers, person_of = officer_facts(session, task.lead_department_id)
    labels = frozenset(item.label_required for item in items if item.label_required)
    barred = barred_officers(session, [objects[p.id].id or 0 for p in picks])
    needs = [
        Need(
            id=p.id, department=str(task.lead_department_id), first_day=china_day(now), last_day=task.window_end,
            planned=day, officers=team_size, labels=labels, district=objects[p.id].district,
            barred=frozenset(barred.get(objects[p.id].id or 0, ())),
        )
        for p, day in zip(picks, days, strict=True)
    ]  # fmt: skip
    seed = bytes.fromhex(draw.seed_hex)
    teams, shortages = match(needs, officers, seed=seed)
    if shortages:
        raise _missing(shortages)
    visits = _store_visits(session, task, picks, objects, days, now=now)
    rows = _store_teams(session, visits, picks, teams, person_of, seed, task.lead_department_id, now=now)
    task.state, task.dispatched_at = TaskState.DISPATCHED, now
    task.policy = {"assignment": [s.model_dump(mode="json") for s in profile.reminders["assignment"]]}
    session.add(task)
    record(session, "task.dispatched", f"task:{task.id}", now=now, visits=len(visits), assignments=len(rows))
    _tell(session, task, visits, items, rows, now=now, profile=profile, calendar=calendar)
    return {
        "officers.jsonl": b"".join(_officer_line(o) for o in sorted(officers, key=lambda o: o.id)),
        "visits.jsonl": b"".join(
            canonical({"id": p.id, "officers": team}) + b"\n" for p, team in zip(picks, teams, strict=True)
        ),
    }


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


def officer_facts(session: Session, department_id: int) -> tuple[list[OfficerFacts], dict[str, int]]:
    """The department's officers as the matching rules see them, and the person behind each pseudonym."""
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
            Person.department_id == department_id,
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
    session: Session, task: Task, picks: Sequence[Pick], objects: Mapping[str, InspectionObject],
    days: Sequence[dt.date], *, now: dt.datetime,
) -> list[tuple[int, str, dt.date]]:  # fmt: skip
    """(visit id, object code, planned day) in ticket order."""
    rows = [
        {"number": f"{task.number}-{p.rank:04d}", "task_id": task.id, "object_id": objects[p.id].id,
         "state": VisitState.ASSIGNED, "stratum": p.stratum, "ticket": p.ticket, "rank": p.rank, "batch": p.batch,
         "generation": 1, "planned_on": day, "due_on": task.window_end, "outcome": "", "late": False}
        for p, day in zip(picks, days, strict=True)
    ]  # fmt: skip
    session.flush()
    for start in range(0, len(rows), 1000):
        session.execute(insert(Visit), rows[start : start + 1000])
    ids = {v.rank: v.id or 0 for v in session.exec(select(Visit).where(Visit.task_id == task.id))}
    return [(ids[p.rank], p.id, day) for p, day in zip(picks, days, strict=True)]


def _store_teams(
    session: Session, visits: Sequence[tuple[int, str, dt.date]], picks: Sequence[Pick],
    teams: Sequence[Sequence[str]], person_of: Mapping[str, int], seed: bytes, department_id: int, *, now: dt.datetime,
) -> list[dict[str, object]]:  # fmt: skip
    rows: list[dict[str, object]] = [
        {"visit_id": visit, "person_id": person_of[officer], "department_id": department_id, "state": "ASSIGNED",
         "leader": place == 0, "ticket": officer_ticket(seed, p.id, officer), "assigned_at": now, "recusal_reason": ""}
        for (visit, _, _), p, team in zip(visits, picks, teams, strict=True)
        for place, officer in enumerate(team)
    ]  # fmt: skip
    for start in range(0, len(rows), 1000):
        session.execute(insert(VisitOfficer), rows[start : start + 1000])
    return rows


def _tell(
    session: Session, task: Task, visits: Sequence[tuple[int, str, dt.date]], items: Sequence[Item],
    teams: Sequence[dict[str, object]], *, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
) -> None:  # fmt: skip
    useless = useful_until(task.window_end, now=now)
    enqueue_many(
        session,
        [
            row("assignment", f"visit:{t['visit_id']}", recipient_id=int(str(t["person_id"])), now=now,
                priority=Priority.ASSIGNMENT, expires_at=useless)
            for t in teams
        ],
    )  # fmt: skip
    advance = all(item.notice_mode == NoticeMode.ADVANCE for item in items)  # the strictest item wins
    leader_of = {t["visit_id"]: int(str(t["person_id"])) for t in teams if t["leader"]}
    for visit_id, _, planned in visits:
        due = calendar.add_workdays(planned, -profile.visit.notice_lead_workdays) if advance else None
        session.add(EnterpriseNotice(visit_id=visit_id, due_on=due))
        session.flush()
        if due is None:
            continue
        at = max(now, at_china(due, 9))
        promise_enterprise_notice(session, visit_id, at=at, now=now)
        if session.get_one(EnterpriseNotice, visit_id).delivery == "NOT_DELIVERED":
            enqueue(session, "notice_on_paper", f"visit:{visit_id}", recipient_id=leader_of[visit_id], now=now,
                    not_before=at, expires_at=max(at, at_china(planned, 18)) + dt.timedelta(hours=1))  # fmt: skip
    people = len({t["person_id"] for t in teams})
    department = session.get_one(Department, task.lead_department_id)
    for lead in leads_of(session, department.id or 0):
        enqueue(session, "task_dispatched", f"task:{task.id}", recipient_id=lead, now=now,
                data={"visits": len(visits), "officers": people})  # fmt: skip


def _officer_line(officer: OfficerFacts) -> bytes:
    facts = {
        "id": officer.id, "department": officer.department, "labels": sorted(officer.labels),
        "territory": officer.territory, "load": officer.load, "valid_from": officer.valid_from.isoformat(),
        "valid_to": officer.valid_to.isoformat(),
        "absent": [[first.isoformat(), last.isoformat()] for first, last in officer.absent],
    }  # fmt: skip
    return canonical(facts) + b"\n"
