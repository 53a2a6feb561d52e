"""A small authority with one task, for what happens after a result is handed in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session, col, select

from bot.core.clock import CHINA
from bot.inspection.calendar import Calendar
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Account, Department, EnterpriseContact, Person, PersonRole, Role
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.profile import Profile, load_profile
from bot.inspection.registry.codes import make_uscc
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.results.models import ItemResult
from bot.inspection.tasks.models import OfficerState, Task, TaskState, Visit, VisitOfficer, VisitState

COORDINATOR, LEAD, REVIEWER, P1, P2, REPLACED, CONTACT = 1, 2, 3, 11, 12, 13, 21
NAMES = {
    COORDINATOR: "何协调",
    LEAD: "林科长",
    REVIEWER: "沈审核",
    P1: "王建国",
    P2: "李秀英",
    REPLACED: "赵旧人",
    CONTACT: "钱老板",
}
ROLES = {COORDINATOR: Role.COORDINATOR, LEAD: Role.LEAD, REVIEWER: Role.REVIEWER, CONTACT: Role.ENTERPRISE}
CODE = make_uscc("91440800MA4UABC1")
ITEMS = {1: "食品安全管理制度公示情况", 2: "餐饮服务从业人员健康管理"}
CALENDAR = Calendar.load()
SC, YL = load_profile("SC"), load_profile("YL")


def at(text: str) -> dt.datetime:
    """``2026-09-18 17:00`` on a Chinese wall clock."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHINA)


def authority(session: Session) -> None:
    """People, one published plan line with two items, one task in progress."""
    now = at("2026-09-01 09:00")
    session.add(Department(id=1, code="SJJ", name="山城区市场监督管理局"))
    session.flush()
    for person, name in NAMES.items():
        session.add(
            Person(
                id=person,
                code=f"P{person}",
                name=name,
                department_id=None if person == CONTACT else 1,
                mobile=f"138{person:08}",
            )
        )
    session.flush()
    for person in NAMES:
        session.add(PersonRole(person_id=person, role=ROLES.get(person, Role.OFFICER)))
    session.add(Account(platform="wecom", user_id="contact", person_id=CONTACT, bound_at=now))
    for item, name in ITEMS.items():
        session.add(
            Item(id=item, code=f"SP-{item}", name=name, klass="KEY", basis="食品安全法", department_id=1)
        )
    session.add(
        Plan(
            id=1,
            code="JH2026",
            year=2026,
            name="2026年度抽查计划",
            department_id=1,
            state=PlanState.PUBLISHED,
            created_at=now,
        )
    )
    session.flush()
    session.add(
        PlanLine(
            id=1,
            plan_id=1,
            number=1,
            name="餐饮服务抽查",
            item_ids=[1, 2],
            lead_department_id=1,
            window_start=dt.date(2026, 9, 1),
            window_end=dt.date(2026, 9, 30),
        )
    )
    session.flush()
    session.add(
        Task(
            id=1,
            number="410603202609010001",
            name="餐饮服务抽查",
            plan_line_id=1,
            lead_department_id=1,
            state=TaskState.IN_PROGRESS,
            item_ids=[1, 2],
            window_start=dt.date(2026, 9, 1),
            window_end=dt.date(2026, 9, 30),
            created_at=now,
            dispatched_at=now,
        )
    )
    session.flush()


def visit(
    session: Session,
    number: int,
    codes: Sequence[Sequence[str]],
    *,
    state: VisitState = VisitState.IN_REVIEW,
    ended: str = "2026-09-18",
    problem: str = "",
    contact: bool = True,
    name: str = "",
) -> int:
    """One visit by P1 and P2 with these result codes per item; REPLACED was drawn first and went."""
    first = codes[0][0] if codes and codes[0] else ""
    object_name = name or f"山城区第{number}餐饮店"
    session.add(
        InspectionObject(
            id=number,
            code=CODE if number == 1 else f"{CODE[:-3]}{number:03}",
            name=object_name,
            updated_at=at("2026-09-01 09:00"),
        )
    )
    session.flush()
    day = dt.date.fromisoformat(ended)
    session.add(
        Visit(
            id=number,
            number=f"410603202609010001-{number:03}",
            task_id=1,
            object_id=number,
            state=state,
            stratum="B",
            ticket="0" * 64,
            rank=number,
            planned_on=day,
            due_on=dt.date(2026, 9, 30),
            ended_on=day if first else None,
            submitted_at=at(f"{ended} 17:00") if first else None,
            outcome=first,
        )
    )
    session.flush()
    for person, where in (
        (P1, OfficerState.ACCEPTED),
        (P2, OfficerState.ACCEPTED),
        (REPLACED, OfficerState.REPLACED),
    ):
        session.add(
            VisitOfficer(
                visit_id=number,
                person_id=person,
                leader=person == P1,
                ticket="1" * 64,
                state=where,
                assigned_at=at("2026-09-02 09:00"),
            )
        )
    for item, found in enumerate(codes, start=1):
        session.add(
            ItemResult(
                visit_id=number,
                item_id=item,
                codes=list(found),
                at=at(f"{ended} 17:00"),
                person_id=P1,
                problem=problem if found and found != ["R01"] else "",
            )
        )
    if contact:
        session.add(EnterpriseContact(person_id=CONTACT, object_id=number))
    session.flush()
    return number


def told(session: Session, kind: str) -> list[tuple[str, int, str]]:
    """(subject, recipient, slot) of every notice of *kind* that still waits, in order."""
    query = select(Notice).where(Notice.kind == kind, Notice.state == "queued").order_by(col(Notice.id))
    return [(n.subject, n.recipient_id, n.slot) for n in session.exec(query)]


def profile_with(profile: Profile, **publicity: object) -> Profile:
    """*profile* with other publicity rules."""
    return profile.model_copy(update={"publicity": profile.publicity.model_copy(update=publicity)})
