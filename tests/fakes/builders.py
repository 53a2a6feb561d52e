"""Rows with sensible defaults. Each takes a Session, flushes, and returns what it made."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from bot.core.clock import CHINA
from bot.inspection.people.models import (
    Account,
    Department,
    EnterpriseContact,
    Officer,
    Person,
    PersonRole,
    Role,
    Training,
)
from bot.inspection.plans.models import Plan, PlanLine, PlanState
from bot.inspection.registry.models import InspectionObject, Item, ItemClass
from bot.inspection.tasks.creation import item_department, joint_departments
from bot.inspection.tasks.models import (
    EnterpriseNotice,
    Library,
    LibraryConfirmation,
    Task,
    TaskItem,
    TaskState,
    Visit,
    VisitOfficer,
)
from bot.inspection.tasks.queries import departments_of

NOW = dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA)  # a Tuesday; the same as the ``clock`` fixture
WINDOW = (dt.date(2026, 3, 11), dt.date(2026, 3, 31))
_numbers = itertools.count(1)
T = TypeVar("T")


def _add(session: Session, row: T) -> T:
    session.add(row)
    session.flush()
    return row


def make_department(session: Session, **fields: Any) -> Department:
    n = next(_numbers)
    return _add(session, Department(**{"code": f"D{n}", "name": f"市场监管局{n}"} | fields))


def make_person(
    session: Session, *, role: Role | None = None, account: str = "", platform: str = "wecom", **fields: Any
) -> Person:
    """A person; with *role*, and reachable at *account* on *platform*."""
    n = next(_numbers)
    person = _add(session, Person(**{"code": f"P{n}", "name": f"人员{n}"} | fields))
    if role is not None:
        _add(session, PersonRole(person_id=person.id or 0, role=role))
    if account:
        make_account(session, person.id or 0, user_id=account, platform=platform)
    return person


def make_account(session: Session, person_id: int, *, user_id: str, platform: str = "wecom") -> Account:
    return _add(session, Account(platform=platform, user_id=user_id, person_id=person_id, bound_at=NOW))


def make_officer(
    session: Session, department_id: int, *, account: str = "", trained: bool = False, **fields: Any
) -> Person:
    """A person of the inspector library; *fields* are those of ``Officer``, and the person's ``name``."""
    name = {"name": fields.pop("name")} if "name" in fields else {}
    person = make_person(session, role=Role.OFFICER, account=account, department_id=department_id, **name)
    defaults: dict[str, Any] = {
        "certificate_no": f"ZJ{person.id:08}",
        "valid_from": dt.date(2024, 1, 1),
        "valid_to": dt.date(2029, 12, 31),
    }
    _add(session, Officer(person_id=person.id or 0, **defaults | fields))
    if trained:
        made = Training(
            person_id=person.id or 0,
            session="业务培训",
            held_on=dt.date(2026, 1, 5),
            valid_to=dt.date(2027, 12, 31),
        )
        _add(session, made)
    return person


def make_object(session: Session, **fields: Any) -> InspectionObject:
    n = next(_numbers)
    defaults: dict[str, Any] = {
        "code": f"91440800MA{n:08}",
        "name": f"企业{n}",
        "address": f"人民路{n}号",
        "district": "赤坎区",
        "updated_at": NOW,
    }
    return _add(session, InspectionObject(**defaults | fields))


def make_enterprise(session: Session, object_id: int, *, account: str = "", **fields: Any) -> Person:
    """联络员 of an object, reachable when *account* is given."""
    person = make_person(session, role=Role.ENTERPRISE, account=account, **fields)
    _add(session, EnterpriseContact(person_id=person.id or 0, object_id=object_id))
    return person


def make_item(session: Session, **fields: Any) -> Item:
    n = next(_numbers)
    defaults: dict[str, Any] = {
        "code": f"I{n}",
        "name": f"事项{n}",
        "klass": ItemClass.KEY,
        "basis": "某法第一条",
    }
    return _add(session, Item(**defaults | fields))


def make_plan_line(session: Session, department_id: int, *, item_ids: list[int], **fields: Any) -> PlanLine:
    """A line of a published plan of its own."""
    n = next(_numbers)
    plan = _add(
        session,
        Plan(
            code=f"44080020{n:04}",
            year=2026,
            name="年度抽查计划",
            department_id=department_id,
            state=PlanState.PUBLISHED,
            created_at=NOW,
            published_at=NOW,
        ),
    )
    defaults: dict[str, Any] = {
        "plan_id": plan.id,
        "number": 1,
        "name": "餐饮服务抽查",
        "item_ids": item_ids,
        "lead_department_id": department_id,
        "ratios": {"A": 10, "B": 10, "C": 10, "D": 10},
        "window_start": WINDOW[0],
        "window_end": WINDOW[1],
    }
    return _add(session, PlanLine(**defaults | fields))


def make_task(session: Session, *, line: PlanLine | None = None, **fields: Any) -> Task:
    """A task whose libraries are confirmed; without *line* it gets a plan of its own."""
    if line is None:
        department, item = make_department(session), make_item(session)
        line = make_plan_line(session, department.id or 0, item_ids=[item.id or 0])
    n = next(_numbers)
    defaults: dict[str, Any] = {
        "number": f"4408002026{n:06}",
        "name": line.name,
        "plan_line_id": line.id,
        "lead_department_id": line.lead_department_id,
        "joint_department_ids": joint_departments(line),
        "state": TaskState.LIBRARIES_CONFIRMED,
        "item_ids": line.item_ids,
        "window_start": line.window_start,
        "window_end": line.window_end,
        "created_at": NOW,
    }
    task = _add(session, Task(**defaults | fields))
    for item in task.item_ids:
        department = item_department(session.get_one(Item, item), departments_of(task))
        session.add(TaskItem(task_id=task.id or 0, item_id=item, department_id=department))
    for library in Library if task.state == TaskState.LIBRARIES_CONFIRMED else ():
        session.add(LibraryConfirmation(task_id=task.id or 0, library=library, at=task.created_at))
    session.flush()
    return task


def make_visit(
    session: Session,
    *,
    task: Task | None = None,
    object_id: int | None = None,
    team: int = 2,
    officers: list[int] | None = None,
    **fields: Any,
) -> Visit:
    """A visit assigned at ``NOW`` to *officers* (person ids), or to a new team of the lead department."""
    task = task or make_task(session, state=TaskState.DISPATCHED, dispatched_at=NOW)
    n = next(_numbers)
    defaults: dict[str, Any] = {
        "number": f"{task.number}-{n:04}",
        "task_id": task.id,
        "stratum": "B",
        "ticket": f"{n:064x}",
        "rank": n,
        "object_id": object_id or make_object(session).id,
        "planned_on": dt.date(2026, 3, 16),
        "due_on": task.window_end,
    }
    visit = _add(session, Visit(**defaults | fields))
    department = task.lead_department_id
    people = officers or [make_officer(session, department, account=f"u{n}-{k}").id or 0 for k in range(team)]
    for place, person in enumerate(people):
        session.add(
            VisitOfficer(
                visit_id=visit.id or 0,
                person_id=person,
                department_id=department,
                leader=place == 0,
                ticket=f"{place:064x}",
                assigned_at=NOW,
            )
        )
    session.add(EnterpriseNotice(visit_id=visit.id or 0, due_on=dt.date(2026, 3, 11)))
    session.flush()
    return visit


def team_of(session: Session, visit_id: int) -> list[int]:
    """Person ids of everybody ever drawn for the visit, in the order drawn."""
    query = (
        select(VisitOfficer.person_id).where(VisitOfficer.visit_id == visit_id).order_by(col(VisitOfficer.id))
    )
    return list(session.exec(query))
