"""What is known about a visit, gathered once for cards, pages and sheets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from sqlalchemy import and_, bindparam
from sqlmodel import Session, col, select

from bot.core.coordinates import to_gcj02
from bot.core.errors import Problem
from bot.inspection.people.models import Account, Department, EnterpriseContact, Person, PersonRole, Role
from bot.inspection.plans.models import Plan, PlanLine
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.registry.places import place_of
from bot.inspection.tasks.basics import TaskRow, VisitBasics
from bot.inspection.tasks.models import Task, TaskItem, Visit, VisitOfficer, VisitState
from bot.inspection.tasks.states import LIVE


@dataclass(frozen=True, slots=True)
class VisitFacts(VisitBasics):
    """One visit with everything its readers need."""

    visit: Visit
    task: Task
    object: InspectionObject
    officers: list[tuple[Person, VisitOfficer]]
    items: list[Item]

    @property
    def item_names(self) -> str:
        return "、".join(item.name for item in self.items)

    def partners(self, person_id: int) -> str:
        """The names of the other officers; those another department sent with its name."""
        mine = next((o.department_id for p, o in self.officers if p.id == person_id), None)
        return (
            "、".join(
                p.name
                if o.department_id == mine
                else f"{p.name}（{self.departments.get(o.department_id or 0, '')}）"
                for p, o in self.officers
                if p.id != person_id
            )
            or "—"
        )

    def officer(self, person_id: int) -> VisitOfficer | None:
        return next((o for p, o in self.officers if p.id == person_id), None)


ON_SITE = "实地检查"  # a clue, which no plan says anything about, is looked into on site
NOT_AN_OFFICER = "您不是这次检查的执法检查人员。"
# built once: a statement's cache key costs more than SQLite's answer
_VISIT = (
    select(Visit, Task, InspectionObject, Department.name, PlanLine.method, Plan.year)  # type: ignore[call-overload]
    .join(Task, col(Task.id) == Visit.task_id)
    .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
    .join(Department, col(Department.id) == Task.lead_department_id)
    .outerjoin(PlanLine, col(PlanLine.id) == Task.plan_line_id)
    .outerjoin(Plan, col(Plan.id) == PlanLine.plan_id)
    .where(col(Visit.id) == bindparam("visit"))
)
_TEAM = (
    select(Person, VisitOfficer)
    .join(VisitOfficer, col(VisitOfficer.person_id) == Person.id)
    .where(col(VisitOfficer.visit_id) == bindparam("visit"), col(VisitOfficer.state).in_(LIVE))
    .order_by(col(VisitOfficer.leader).desc(), col(VisitOfficer.id))
)
_OFFICERS = (
    select(VisitOfficer)
    .where(col(VisitOfficer.visit_id) == bindparam("visit"), col(VisitOfficer.state).in_(LIVE))
    .order_by(col(VisitOfficer.leader).desc(), col(VisitOfficer.id))
)
_ITEMS = (
    select(Item, TaskItem.department_id)
    .outerjoin(TaskItem, and_(col(TaskItem.item_id) == Item.id, col(TaskItem.task_id) == bindparam("task")))
    .where(col(Item.id).in_(bindparam("items", expanding=True)))
    .order_by(col(Item.id))
)
_YEAR = (
    select(Plan.year)
    .join(PlanLine, col(PlanLine.plan_id) == Plan.id)
    .where(col(PlanLine.id) == bindparam("line"))
)
_WITH_ROLE = (
    select(Person.id)
    .join(PersonRole, col(PersonRole.person_id) == Person.id)
    .where(col(PersonRole.role) == bindparam("role"), col(Person.active))
    .order_by(col(Person.id))
)
_IN_DEPARTMENT = _WITH_ROLE.where(col(Person.department_id) == bindparam("department"))
_CONTACTS = (
    select(EnterpriseContact.person_id)
    .join(Account, col(Account.person_id) == EnterpriseContact.person_id)
    .where(col(EnterpriseContact.object_id) == bindparam("object"), col(Account.dead_since).is_(None))
    .distinct()
    .order_by(col(EnterpriseContact.person_id))
)


def line_of(session: Session, task: Task) -> PlanLine | None:
    """The plan line of a random task; a clue's task has none."""
    return session.get(PlanLine, task.plan_line_id) if task.plan_line_id is not None else None


def year_of(session: Session, task: Task) -> int:
    """The plan year of the task, for a clue the year it came in."""
    if task.plan_line_id is None:
        return task.window_start.year
    return int(session.execute(_YEAR, {"line": task.plan_line_id}).scalar_one())


def departments_of(task: Task | TaskRow) -> list[int]:
    """Every department that sends officers, the lead first."""
    return [task.lead_department_id, *task.joint_department_ids]


def department_names(session: Session, ids: Collection[int]) -> dict[int, str]:
    """The name of each of these departments by row id."""
    query = select(Department.id, Department.name).where(col(Department.id).in_(ids))
    return {key: name for key, name in session.exec(query) if key is not None}


def map_link(target: InspectionObject) -> str:
    """The way there on a phone's map: to the registered place, else where it looks for the address; empty without both."""
    if (place := place_of(target)) is not None:
        north, east = to_gcj02(place)  # the map's own system
        to = f"{east:.6f},{north:.6f},{quote(target.name)}"
        return f"https://uri.amap.com/navigation?to={to}&mode=car&coordinate=gaode&src=suicha"
    return f"https://uri.amap.com/search?keyword={quote(target.address)}" if target.address else ""


def get_visit(session: Session, visit_id: int, *, lock: bool = False) -> Visit:
    """The visit; with *lock* its officers' other presses wait until this transaction ends."""
    visit = session.get(Visit, visit_id, with_for_update=lock or None)
    if visit is None:
        raise Problem("not_found", "没有找到这次检查。")
    return visit


def visit_ending(session: Session, ending: str, states: Sequence[VisitState]) -> Visit:
    """The one visit in *states* whose number ends so. Raises ``not_found``."""
    ends = col(Visit.number).endswith(ending, autoescape=True)
    found = session.exec(select(Visit).where(ends, col(Visit.state).in_(states)).limit(2)).all()
    if len(found) != 1:
        raise Problem("not_found", "没有找到，或不止一个这样结尾的已审核检查。请写完整的编号。")
    return found[0]


def live_officers(session: Session, visit_id: int) -> list[VisitOfficer]:
    """Officers of the visit who have not been replaced, leader first."""
    return list(session.execute(_OFFICERS, {"visit": visit_id}).scalars())


def require_officer(session: Session, visit_id: int, person_id: int) -> VisitOfficer:
    """The person's live assignment, or a refusal."""
    for officer in live_officers(session, visit_id):
        if officer.person_id == person_id:
            return officer
    raise Problem("forbidden", NOT_AN_OFFICER)


def visit_facts(session: Session, visit_id: int) -> VisitFacts:
    """Everything about one visit in four small queries. Raises Problem ``not_found``."""
    facts = team_facts(session, visit_id)
    joint = facts.task.joint_department_ids
    return replace(
        facts,
        contacts=_contacts(session, facts.visit.object_id),
        departments=department_names(session, departments_of(facts.task)) if joint else {},
    )


def team_facts(session: Session, visit_id: int) -> VisitFacts:
    """A visit with its task, items and officers, without what only messages and pages show."""
    found = session.execute(_VISIT, {"visit": visit_id}).first()
    if found is None:
        raise Problem("not_found", "没有找到这次检查。")
    visit, task, inspected, department, method, year = found
    items = session.execute(_ITEMS, {"items": task.item_ids, "task": task.id}).all()
    return VisitFacts(
        visit=visit,
        task=task,
        object=inspected,
        method=ON_SITE if method is None else method,
        year=year or task.window_start.year,
        sections={item.id or 0: section for item, section in items},
        items=[item for item, _ in items],
        officers=[(person, officer) for person, officer in session.execute(_TEAM, {"visit": visit_id})],
        contacts=[],
        department=department,
        departments={},
    )


def reachable(session: Session, people: Collection[int]) -> set[int]:
    """Those of *people* who have a living chat account."""
    wanted, found = sorted(people), set[int]()
    for start in range(0, len(wanted), 5000):
        part = col(Account.person_id).in_(wanted[start : start + 5000])
        found.update(session.exec(select(Account.person_id).where(part, col(Account.dead_since).is_(None))))
    return found


def _contacts(session: Session, object_id: int) -> list[int]:
    """The object's contacts who can be reached in a chat; the others are told on paper (C37)."""
    return list(session.execute(_CONTACTS, {"object": object_id}).scalars())


def people_with_role(session: Session, role: Role, *, department_id: int | None = None) -> list[int]:
    """Active people of a role, in a department or (when it has none) anywhere; oldest row first."""
    if department_id is None:
        found = session.execute(_WITH_ROLE, {"role": role})
    else:
        found = session.execute(_IN_DEPARTMENT, {"role": role, "department": department_id})
    return [i for i in found.scalars() if i is not None]


def leads_of(session: Session, department_id: int) -> list[int]:
    """The lead (科室负责人) of a department, or the coordinator where a department has none."""
    return people_with_role(session, Role.LEAD, department_id=department_id) or people_with_role(
        session, Role.COORDINATOR
    )


def leads_beside(session: Session, department_id: int, person_id: int) -> list[int]:
    """Who decides about one of a department's people: its leads, never that person; else the coordinators."""
    others = [lead for lead in leads_of(session, department_id) if lead != person_id]
    return others or [p for p in people_with_role(session, Role.COORDINATOR) if p != person_id]
