"""Draw return visits by the tickets of the draw, with officers who were never there, and compare (C31)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlmodel import Session, col, func, select

from bot.core.canonical import canonical
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws import algorithm
from bot.inspection.draws.matching import Need, OfficerFacts, match
from bot.inspection.draws.names import Names
from bot.inspection.draws.officers import department_codes, officer_facts, with_recusals
from bot.inspection.followups.return_models import Finding, ReturnOfficer, ReturnSample, ReturnVisit
from bot.inspection.followups.rules import PROBLEMS
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, enqueue_many, row, supersede
from bot.inspection.people.models import Role
from bot.inspection.plans.strata import StratumRule
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import Task, TaskItem, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.queries import leads_of, people_with_role, visit_facts

STRATUM = "RETURN"
REMINDER = "return_visit_reminder"
_FINISHED = (VisitState.APPROVED, VisitState.PUBLISHED, VisitState.NON_PUBLIC)


def subject_of(found: ReturnVisit) -> str:
    return f"return:{found.id}"


def get_return(session: Session, return_id: int, *, lock: bool = False) -> ReturnVisit:
    """Raises ``not_found``."""
    found = session.get(ReturnVisit, return_id, with_for_update=lock or None)
    if found is None:
        raise Problem("not_found", "没有找到这次回访。")
    return found


def draw_returns(
    session: Session, *, task_id: int, percent: str, secret: bytes, now: dt.datetime, profile: Profile,
    calendar: WorkCalendar, actor: int | None = None,
) -> ReturnSample:  # fmt: skip
    """Draw *percent* of the task's finished visits, rounded up, and send officers who never were on them.

    Raises ``return_visits_off``, ``pool_empty``, ``ratio_invalid``, ``officers_missing``: then nothing is stored.
    """
    if not profile.visit.return_visits:
        raise Problem("return_visits_off", "本地没有开启随机抽查回访（配置 visit.return_visits）。")
    rule = StratumRule.parse(percent)
    task = session.get_one(Task, task_id, with_for_update=True)
    pool = {visit.number: visit for visit in _finished(session, task_id)}
    if not pool or not rule.ratio:
        raise Problem("pool_empty", "没有可以回访的已完成检查，或比例为 0。", 任务=task.number)
    sample = _sample(session, task, sorted(pool), rule, secret=secret, now=now)
    picks = algorithm.pick({STRATUM: list(pool)}, rules={STRATUM: rule}, seed=bytes.fromhex(sample.seed_hex))
    due = calendar.add_workdays(china_day(now), profile.visit.return_workdays)
    teams = _teams(
        session, task, [pool[p.id] for p in picks], sample, due=due, size=profile.draw.officers_min, now=now
    )
    for pick in picks:
        made = ReturnVisit(sample_id=sample.id or 0, visit_id=pool[pick.id].id or 0, ticket=pick.ticket,
                           rank=pick.rank, due_on=due)  # fmt: skip
        _send(session, made, teams[pick.id], appointment=profile.visit.return_appointment, now=now)
    record(session, "returns.drawn", f"sample:{sample.id}", now=now, actor=actor, task=task.number, pool=len(pool),
           picks=len(picks), seed=sample.seed_hex)  # fmt: skip
    return sample


def _send(
    session: Session,
    made: ReturnVisit,
    team: Sequence[tuple[int, str]],
    *,
    appointment: bool,
    now: dt.datetime,
) -> None:
    """Store one return visit with its officers and tell them; the enterprise too where it is to have an appointment."""
    session.add(made)
    session.flush()
    session.add_all(
        ReturnOfficer(return_id=made.id or 0, person_id=person, ticket=ticket) for person, ticket in team
    )
    rows = [
        row("return_visit", subject_of(made), recipient_id=person, now=now, priority=Priority.ASSIGNMENT)
        for person, _ in team
    ]
    if appointment:
        rows += [
            row("return_appointment", subject_of(made), recipient_id=contact, now=now, statutory=True)
            for contact in visit_facts(session, made.visit_id).contacts
        ]
    enqueue_many(session, rows)


def record_return(
    session: Session, *, return_id: int, person_id: int, finding: Finding, now: dt.datetime, note: str = ""
) -> ReturnVisit:
    """What the return visit found; the first entry counts. A problem where none was found goes to the department's lead
    unit and the joint-conference office, not to the officers who were there first.

    Raises ``forbidden``, ``text_missing`` (a problem says which).
    """
    found = get_return(session, return_id, lock=True)
    if session.get(ReturnOfficer, (return_id, person_id)) is None:
        raise Problem("forbidden", "您不是这次回访的人员。")
    if found.done_at is not None:
        return found
    note = " ".join(note.split())[:2000]
    if finding is Finding.PROBLEM and not note:
        raise Problem("text_missing", "请写明回访发现的问题。", 问题="不能为空")
    visit = session.get_one(Visit, found.visit_id)
    found.finding, found.note, found.done_at, found.done_by = finding, note, now, person_id
    found.differs = finding is Finding.PROBLEM and visit.outcome not in {code.value for code in PROBLEMS}
    found.reminded_on = None
    session.add(found)
    session.flush()
    record(
        session,
        "return.recorded",
        subject_of(found),
        now=now,
        actor=person_id,
        finding=finding,
        differs=found.differs,
    )
    supersede(session, subject_of(found), kinds=(REMINDER,), reason="已回访", now=now)
    if found.differs:
        _tell_difference(session, found, visit, now=now)
    return found


def officers_of(session: Session, return_id: int) -> list[int]:
    query = select(ReturnOfficer.person_id).where(ReturnOfficer.return_id == return_id)
    return list(session.exec(query.order_by(col(ReturnOfficer.person_id))))


def _finished(session: Session, task_id: int) -> Sequence[Visit]:
    again = select(ReturnVisit.visit_id)
    return session.exec(
        select(Visit)
        .where(
            Visit.task_id == task_id, col(Visit.state).in_(_FINISHED), Visit.outcome != "", col(Visit.id).not_in(again)
        )
        .order_by(col(Visit.id))
    ).all()  # fmt: skip


def _sample(
    session: Session, task: Task, pool: list[str], rule: StratumRule, *, secret: bytes, now: dt.datetime
) -> ReturnSample:
    """Pool and rule are hashed before the seed is made of them and of the secret, as in every draw."""
    before = session.exec(select(func.count()).where(ReturnSample.task_id == task.id)).one()
    number = f"HF-{task.number}-{before + 1}"[-40:]
    pool_sha = algorithm.fingerprint(algorithm.pool_bytes((visit, STRATUM) for visit in pool))
    rules_sha = algorithm.fingerprint(canonical({STRATUM: rule.as_dict()}))
    seed = algorithm.seed_of(task=task.number, number=before + 1, pool_sha256=pool_sha, rules_sha256=rules_sha,
                             secret_hex=secret.hex(), public_value="")  # fmt: skip
    made = ReturnSample(
        number=number, task_id=task.id or 0, percent=float(rule.ratio), pool=pool, pool_sha256=pool_sha,
        rules_sha256=rules_sha, secret_hex=secret.hex(), seed_hex=seed.hex(), drawn_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _teams(
    session: Session, task: Task, visits: Sequence[Visit], sample: ReturnSample, *, due: dt.date, size: int,
    now: dt.datetime,
) -> dict[str, list[tuple[int, str]]]:  # fmt: skip
    """Person and ticket of each officer by visit number; whoever was ever on a visit, replaced or not, is barred."""
    seed, department = bytes.fromhex(sample.seed_hex), task.lead_department_id
    codes = department_codes(session, [department])
    objects = {visit.number: session.get_one(InspectionObject, visit.object_id) for visit in visits}
    names = Names(session, f"returns:{sample.id}")
    facts = _never_there(
        session, officer_facts(session, codes, names=names, trained_on=None), visits, objects, names=names
    )
    labels = session.exec(
        select(Item.label_required)
        .join(TaskItem, col(TaskItem.item_id) == Item.id)
        .where(TaskItem.task_id == task.id, TaskItem.department_id == department, Item.label_required != "")
    ).all()
    needs = [
        Need(
            id=objects[visit.number].code, department=codes[department], last_day=due, planned=china_day(now),
            officers=size, labels=frozenset(labels), district=objects[visit.number].district,
        )
        for visit in visits
    ]  # fmt: skip
    teams, short = match(needs, facts, seed=seed)
    if short:
        why = "、".join(f"{reason} {n} 人" for reason, n in sorted(short[0].reasons.items()))
        raise Problem("officers_missing", f"有 {len(short)} 户选派不出没有参加过原检查的人员，没有抽取。",
                      检查对象=short[0].id, 排除=why or "人员不足")  # fmt: skip
    person_of = names.people_behind(session, {officer for team in teams for officer in team})
    return {
        visit.number: [(person_of[o], algorithm.officer_ticket(seed, need.id, o)) for o in team]
        for visit, need, team in zip(visits, needs, teams, strict=True)
    }


def _never_there(
    session: Session,
    facts: Sequence[OfficerFacts],
    visits: Sequence[Visit],
    objects: Mapping[str, InspectionObject],
    *,
    names: Names,
) -> list[OfficerFacts]:
    """The officers with every object they must not see again: a relation, or they were there first."""
    there: dict[str, set[str]] = defaultdict(set)
    code_of = {visit.id: objects[visit.number].code for visit in visits}
    query = select(VisitOfficer.visit_id, VisitOfficer.person_id).where(
        col(VisitOfficer.visit_id).in_(list(code_of))
    )
    for visit_id, person in session.exec(query):
        there[names.of(person)].add(code_of[visit_id])
    related = with_recusals(session, facts, code_of.values(), names=names)
    return [replace(o, recused=o.recused | there[o.id]) if o.id in there else o for o in related]


def _tell_difference(session: Session, found: ReturnVisit, visit: Visit, *, now: dt.datetime) -> None:
    task = session.get_one(Task, visit.task_id)
    first = set(session.exec(select(VisitOfficer.person_id).where(VisitOfficer.visit_id == visit.id)))
    told = [*leads_of(session, task.lead_department_id), *people_with_role(session, Role.COORDINATOR)]
    for person in dict.fromkeys(told):
        if person not in first:
            enqueue(session, "return_difference", subject_of(found), recipient_id=person, now=now,
                    priority=Priority.URGENT)  # fmt: skip
