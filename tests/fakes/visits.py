"""One visit ready to be inspected: two officers who accepted, a lead, a reviewer, a contact, its items."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass

from PIL import Image, ImageDraw
from sqlmodel import Session, select

from bot.inspection.checklists.definition import Checklist, load_checklist
from bot.inspection.checklists.models import VisitForm
from bot.inspection.checklists.pinning import publish_checklist
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
from bot.inspection.plans.models import Plan, PlanLine
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.models import (
    CheckIn,
    OfficerState,
    Task,
    TaskItem,
    TaskState,
    Visit,
    VisitOfficer,
    VisitState,
)

WANG, LI, LEAD, REVIEWER, CONTACT, STRANGER, BOSS, SUN, HE = 1, 2, 3, 4, 5, 6, 7, 8, 9
VISIT = 1


@dataclass(frozen=True)
class World:
    """Ids of what ``make_visit`` stored."""

    visit_id: int
    items: tuple[int, ...]


def make_visit(
    session: Session,
    *,
    now: dt.datetime,
    checklists: tuple[Checklist, ...] = (),
    method: str = "实地检查",
    item_departments: tuple[int | None, ...] = (),
) -> World:
    """Store the visit; when an item belongs to department 2, it sends Li and He beside Wang and Sun of the first."""
    lists = checklists or (load_checklist("CL-1"),)
    joint = 2 in item_departments
    team = (WANG, LI, SUN, HE) if joint else (WANG, LI)
    session.add(Department(id=1, code="SJJ", name="云溪县市场监督管理局"))
    session.add(Department(id=2, code="YJJ", name="云溪县应急管理局"))
    session.flush()
    for person, name, role in (
        (WANG, "王建国", Role.OFFICER),
        (LI, "李秀英", Role.OFFICER),
        (LEAD, "林科长", Role.LEAD),
        (REVIEWER, "赵审核", Role.REVIEWER),
        (CONTACT, "陈联络", Role.ENTERPRISE),
        (STRANGER, "路人甲", Role.OFFICER),
        (BOSS, "何协调", Role.COORDINATOR),
        *(((SUN, "孙同行", Role.OFFICER), (HE, "贺同行", Role.OFFICER)) if joint else ()),
    ):
        department = 2 if joint and person in (LI, HE) else None if person == CONTACT else 1
        session.add(Person(id=person, code=f"P{person}", name=name, department_id=department))
        session.flush()
        session.add(PersonRole(person_id=person, role=role))
    for person in team:
        session.add(
            Officer(
                person_id=person,
                certificate_no=f"粤K{person:05}",
                valid_from=dt.date(2024, 1, 1),
                valid_to=dt.date(2028, 1, 1),
            )
        )
        train(session, person)
    session.add(
        InspectionObject(
            id=1,
            code="92440802MA4W1X2Y3Z",
            name="云溪县老街面馆",
            address="人民路 8 号",
            district="城关镇",
            industry="餐饮",
            updated_at=now,
        )
    )
    session.add(Plan(id=1, code="2026", year=2026, name="2026年计划", department_id=1, created_at=now))
    session.flush()
    session.add(EnterpriseContact(person_id=CONTACT, object_id=1))
    session.add(Account(platform="wecom", user_id="chen", person_id=CONTACT, bound_at=now))
    versions, items = [], []
    for n, checklist in enumerate(lists, start=1):
        department = item_departments[n - 1] if item_departments else 1
        session.add(
            Item(
                id=n,
                code=f"I{n}",
                name=checklist.name,
                klass="KEY",
                basis="法",
                checklist_code=checklist.code,
                department_id=department,
                method=method,
            )
        )
        items.append(n)
        versions.append(publish_checklist(session, checklist=checklist, now=now).id)
    session.add(
        PlanLine(
            id=1,
            plan_id=1,
            number=1,
            name="餐饮",
            item_ids=items,
            lead_department_id=1,
            method=method,
            window_start=dt.date(2026, 3, 9),
            window_end=dt.date(2026, 3, 31),
        )
    )
    session.flush()
    session.add(
        Task(
            id=1,
            number="450900202603090001",
            name="餐饮服务部门联合抽查",
            plan_line_id=1,
            lead_department_id=1,
            state=TaskState.DISPATCHED,
            item_ids=items,
            joint_department_ids=[2] if joint else [],
            checklist_ids=versions,
            window_start=dt.date(2026, 3, 9),
            window_end=dt.date(2026, 3, 31),
            created_at=now,
        )
    )
    session.flush()
    for n in items:
        department = item_departments[n - 1] if item_departments else 1
        session.add(TaskItem(task_id=1, item_id=n, department_id=department))
    session.add(
        Visit(
            id=VISIT,
            number="450900202603090001-001",
            task_id=1,
            object_id=1,
            state=VisitState.ACCEPTED,
            stratum="B",
            ticket="0" * 64,
            rank=1,
            planned_on=dt.date(2026, 3, 10),
            due_on=dt.date(2026, 3, 31),
            accepted_at=now,
        )
    )
    session.flush()
    for person in team:
        session.add(
            VisitOfficer(
                visit_id=VISIT,
                person_id=person,
                department_id=2 if joint and person in (LI, HE) else 1,
                state=OfficerState.ACCEPTED,
                leader=person == WANG,
                ticket="0" * 64,
                assigned_at=now,
                accepted_at=now,
            )
        )
    session.flush()
    return World(VISIT, tuple(items))


def many_visits(session: Session, count: int, *, now: dt.datetime) -> None:
    """*count* more visits like the first, on site, each with an open form: ``form-2`` of visit 2, and so on."""
    first = session.get_one(Visit, VISIT).model_dump()
    target = session.get_one(InspectionObject, 1).model_dump()
    for n in range(2, count + 2):
        session.add(InspectionObject(**{**target, "id": n, "code": f"B{n:017}"}))
        session.flush()
        session.add(
            Visit(**{**first, "id": n, "object_id": n, "number": f"B-{n}", "state": VisitState.ON_SITE})
        )
        session.flush()
        for person in (WANG, LI):
            session.add(VisitOfficer(visit_id=n, person_id=person, department_id=1, state=OfficerState.ACCEPTED,
                                     leader=person == WANG, ticket="0" * 64, assigned_at=now))  # fmt: skip
            session.add(CheckIn(visit_id=n, person_id=person, at=now))
        session.add(VisitForm(id=f"form-{n}", visit_id=n, opened_at=now, opened_by=WANG))


def train(session: Session, person_id: int) -> None:
    """A training that is valid all year."""
    session.add(
        Training(
            person_id=person_id,
            session="2026年度",
            held_on=dt.date(2026, 1, 5),
            valid_to=dt.date(2026, 12, 31),
        )
    )


def untrain(session: Session, person_id: int) -> None:
    """Take this person's trainings away."""
    for training in session.exec(select(Training).where(Training.person_id == person_id)):
        session.delete(training)


def picture(shade: int = 90, kind: str = "JPEG", size: tuple[int, int] = (320, 240)) -> bytes:
    """A photo; another shade is another file."""
    out = io.BytesIO()
    Image.new("RGB", size, (shade, 120, 160)).save(out, kind)
    return out.getvalue()


def signature(hand: int = 0) -> bytes:
    """A PNG with strokes, as the pad draws them; another hand writes otherwise."""
    image = Image.new("RGBA", (600, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).line(
        [(60, 150), (160, 40 + 9 * hand), (260, 160), (420, 60)], fill=(16, 35, 58, 255), width=8
    )
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
