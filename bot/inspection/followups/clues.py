"""From a clue to a visit at once: non-random task, officers sent, everybody told (C25, YL-3.7.a)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, or_, select

from bot.core.clock import china_day
from bot.core.columns import Fault
from bot.core.errors import Problem
from bot.core.ids import new_id
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.policy import freeze
from bot.inspection.draws.matching import Need, OfficerFacts, match, refusal
from bot.inspection.draws.names import names_of_clue, seed_of_clue
from bot.inspection.draws.officers import department_codes, officer_facts, with_recusals
from bot.inspection.followups.clue_columns import add_clue, resolve
from bot.inspection.followups.clusters import propose_special
from bot.inspection.followups.models import Clue, ClueSource
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue, touch_cards
from bot.inspection.people.models import Department, Person
from bot.inspection.profile import Profile
from bot.inspection.registry.models import InspectionObject, Item, ObjectKind, ObjectStatus
from bot.inspection.tasks.approval import begin_urgently
from bot.inspection.tasks.models import (
    EnterpriseNotice,
    Task,
    TaskItem,
    TaskState,
    Visit,
    VisitApproval,
    VisitOfficer,
)
from bot.inspection.tasks.queries import leads_of
from bot.inspection.tasks.service import useful_until

SOURCE = "CLUE"


def subject_of(clue: Clue) -> str:
    return f"clue:{clue.id}"


def get_clue(session: Session, number: str, *, lock: bool = False) -> Clue:
    """Raises ``clue_unknown``."""
    query = select(Clue).where(Clue.number == number)
    found = session.exec(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise Problem("clue_unknown", "没有这条线索。", 线索编号=number)
    return found


def take_in(
    session: Session, *, clue: Clue, now: dt.datetime, profile: Profile, calendar: WorkCalendar,
    officers: Sequence[int] = (), actor: int | None = None,
) -> Clue:  # fmt: skip
    """Keep the clue, send officers the same moment, tell them and the lead. A number that is there gives that clue.

    Nothing is lost where nobody can be sent: the lead is told why, and every tick tries again.
    """
    existing = session.exec(select(Clue).where(Clue.number == clue.number)).one_or_none()
    if existing is not None:
        return existing
    add_clue(session, clue, now=now, actor=actor)
    _open(session, clue, officers, now=now, profile=profile, calendar=calendar)
    return clue


def report_found(
    session: Session,
    *,
    person_id: int,
    words: str,
    now: dt.datetime,
    profile: Profile,
    calendar: WorkCalendar,
) -> Clue:
    """检查中发现: what an officer sees outside the items of a visit becomes a clue (D22).

    *words* may begin with the code or the whole name of an object of the library. Raises ``forbidden`` for who belongs
    to no department, ``text_missing``, ``clue_invalid``.
    """
    person = session.get(Person, person_id)
    if person is None or person.department_id is None:
        raise Problem("forbidden", "线索由检查部门的人员上报。")
    words = " ".join(words.split())[:2000]
    if not words:
        raise Problem("text_missing", "请写明对象和问题。", 线索="不能为空")
    first, _, rest = words.partition(" ")
    known = session.exec(
        select(InspectionObject).where(
            or_(col(InspectionObject.code) == first, col(InspectionObject.name) == first)
        )
    ).first()
    found = resolve(session, {
        "number": f"XS-{china_day(now):%Y%m%d}-{new_id(now.timestamp())[-6:]}", "source": ClueSource.FOUND,
        "content": rest if known and rest else words, "received_at": now, "object_code": known.code if known else "",
        "object_name": "", "address": "", "industry": "", "district": "", "item": "",
        "department": session.get_one(Department, person.department_id).code,
    })  # fmt: skip
    if isinstance(found, Fault):
        raise Problem("clue_invalid", f"{found.header}：{found.reason}。")
    return take_in(session, clue=found, now=now, profile=profile, calendar=calendar, actor=person_id)


def open_received(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar, limit: int = 500
) -> int:
    """Send officers for clues that have nobody yet: imported ones, and those for which nobody could be found."""
    query = select(Clue).where(col(Clue.task_id).is_(None)).order_by(col(Clue.id)).limit(limit)
    opened = 0
    for clue in session.exec(query.with_for_update(skip_locked=True)).all():
        _open(session, clue, (), now=now, profile=profile, calendar=calendar)
        opened += clue.task_id is not None
    return opened


def assign(
    session: Session, *, number: str, officers: Sequence[int], now: dt.datetime, profile: Profile,
    calendar: WorkCalendar, actor: int | None = None,
) -> Clue:  # fmt: skip
    """Send these officers for a clue that has nobody. Raises ``officers_missing``, ``clue_assigned``."""
    clue = get_clue(session, number, lock=True)
    if clue.task_id is not None:
        raise Problem("clue_assigned", "这条线索已经指派，改派请用回避或交接。", 线索编号=number)
    _make_task(session, clue, officers, now=now, profile=profile, calendar=calendar)
    record(session, "clue.assigned", subject_of(clue), now=now, actor=actor, task=clue.task_id)
    return clue


def link_case(
    session: Session, *, number: str, case_number: str, now: dt.datetime, actor: int | None = None
) -> Clue:
    """需要立案查处的，按照行政处罚程序: from here the case has its own number. Raises ``text_missing``."""
    clue = get_clue(session, number, lock=True)
    case_number = " ".join(case_number.split())[:60]
    if not case_number:
        raise Problem("text_missing", "请写明立案文号。", 立案文号="不能为空")
    if clue.case_number != case_number:
        clue.case_number = case_number
        session.add(clue)
        record(session, "clue.case_linked", subject_of(clue), now=now, actor=actor, case=case_number)
        touch_cards(session, subject_of(clue), now=now)
    return clue


def _open(
    session: Session,
    clue: Clue,
    officers: Sequence[int],
    *,
    now: dt.datetime,
    profile: Profile,
    calendar: WorkCalendar,
) -> None:
    try:
        _make_task(session, clue, officers, now=now, profile=profile, calendar=calendar)
    except Problem as problem:
        clue.hindrance = str(problem)
        session.add(clue)
    for lead in leads_of(session, clue.department_id):
        enqueue(session, "clue_received", subject_of(clue), recipient_id=lead, now=now, priority=Priority.URGENT,
                statutory=True)  # fmt: skip
    propose_special(session, clue, now=now, profile=profile)


def _make_task(
    session: Session, clue: Clue, officers: Sequence[int], *, now: dt.datetime, profile: Profile,
    calendar: WorkCalendar,
) -> None:  # fmt: skip
    """Task and visit in one; the enterprise learns of it at the door, as of every unannounced visit (C15)."""
    today = china_day(now)
    due = calendar.add_workdays(today, profile.clue.visit_workdays)
    team = _team(session, clue, officers, today=today, due=due, size=profile.draw.officers_min)
    inspected = _object(session, clue, now=now)
    task = Task(
        number=clue.number, name=f"线索核查：{clue.object_name or clue.number}"[:200],
        lead_department_id=clue.department_id, state=TaskState.DISPATCHED, targeted=True, source=SOURCE,
        item_ids=[clue.item_id], window_start=today, window_end=due, policy=_policy(profile), created_at=now,
        dispatched_at=now,
    )  # fmt: skip
    session.add(task)
    session.flush()
    visit = Visit(
        number=f"{clue.number}-1", task_id=task.id or 0, object_id=inspected.id or 0, stratum=SOURCE, ticket="",
        rank=1, planned_on=today if calendar.is_workday(today) else calendar.add_workdays(today, 1), due_on=due,
    )  # fmt: skip
    session.add_all(
        [visit, TaskItem(task_id=task.id or 0, item_id=clue.item_id, department_id=clue.department_id)]
    )
    session.flush()
    clue.object_id, clue.task_id, clue.hindrance = inspected.id, task.id, ""
    session.add(clue)
    record(session, "task.created", f"task:{task.id}", now=now, number=task.number, clue=clue.id)
    _send_team(session, visit, team, department_id=clue.department_id, profile=profile, now=now)
    touch_cards(session, subject_of(clue), now=now)  # a lead who was told that nobody could be sent


def _send_team(
    session: Session, visit: Visit, team: Sequence[int], *, department_id: int, profile: Profile, now: dt.datetime
) -> None:  # fmt: skip
    """Name the officers and tell them; where the head approves visits, this one begins and asks afterwards."""
    visit_id = visit.id or 0
    for place, person in enumerate(team):
        session.add(
            VisitOfficer(visit_id=visit_id, person_id=person, department_id=department_id, leader=place == 0, ticket="",
                         assigned_at=now)
        )  # fmt: skip
    session.add(EnterpriseNotice(visit_id=visit_id))
    if profile.rules_2025.head_approval:
        session.add(VisitApproval(visit_id=visit_id, asked_at=now))
        session.flush()
        begin_urgently(session, visit_id=visit_id, person_id=team[0], reason="个案线索应当立即核查", now=now)
    for person in team:
        enqueue(session, "clue_assigned", f"visit:{visit_id}", recipient_id=person, now=now, priority=Priority.URGENT,
                statutory=True, expires_at=useful_until(visit.due_on, now=now))  # fmt: skip


def _policy(profile: Profile) -> dict[str, Any]:
    """The clue's own clock by the hour chases the answer; the days of a random task would only repeat it."""
    frozen = freeze(profile)
    return frozen | {"reminders": frozen["reminders"] | {"assignment": []}}


def _object(session: Session, clue: Clue, *, now: dt.datetime) -> InspectionObject:
    """Who is looked into; somebody without licence becomes an object of kind 行为 under the clue's number."""
    if clue.object_id is not None:
        return session.get_one(InspectionObject, clue.object_id)
    made = InspectionObject(
        code=clue.number, kind=ObjectKind.BEHAVIOUR, name=clue.object_name or f"线索 {clue.number} 所指对象",
        address=clue.address, district=clue.district, industry=clue.industry, status=ObjectStatus.UNREGISTERED,
        updated_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _team(
    session: Session, clue: Clue, officers: Sequence[int], *, today: dt.date, due: dt.date, size: int
) -> list[int]:
    """The officers named, or the least loaded whom nothing stands against. Raises ``officers_missing``."""
    item = session.get_one(Item, clue.item_id)
    known = session.get_one(InspectionObject, clue.object_id).code if clue.object_id else clue.number
    codes = department_codes(session, [clue.department_id])
    names = names_of_clue(session, clue.number)
    facts = with_recusals(
        session, officer_facts(session, codes, names=names, trained_on=None), [known], names=names
    )
    person_of = names.people_behind(session, {fact.id for fact in facts})
    need = Need(
        id=known, department=codes[clue.department_id], last_day=due, planned=today, officers=size,
        labels=frozenset({item.label_required} - {""}), district=clue.district,
    )  # fmt: skip
    if officers:
        return _named(need, officers, {person_of[fact.id]: fact for fact in facts})
    teams, short = match([need], facts, seed=seed_of_clue(clue.number))
    if short:
        why = "、".join(f"{reason} {n} 人" for reason, n in sorted(short[0].reasons.items()))
        raise Problem(
            "officers_missing",
            "选派不出足够的执法检查人员。",
            需要=f"{size} 人",
            排除=why or "名录库中没有人员",
        )
    return [person_of[officer] for officer in teams[0]]


def _named(need: Need, officers: Sequence[int], known: dict[int, OfficerFacts]) -> list[int]:
    people = list(dict.fromkeys(officers))
    if len(people) < need.officers:
        raise Problem("officers_missing", f"执法人员不少于 {need.officers} 人。", 已指定=f"{len(people)} 人")
    for person in people:
        why = refusal(need, known[person]) if person in known else "不在承办部门的执法检查人员名录库"
        if why:
            raise Problem("officers_missing", "指定的人员不能承办这条线索。", 原因=why)
    if not any(need.labels <= known[person].labels for person in people):
        raise Problem(
            "officers_missing", "指定的人员中没有人具备所需资格。", 资格="、".join(sorted(need.labels))
        )
    return people
