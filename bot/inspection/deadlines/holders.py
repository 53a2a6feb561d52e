"""Who holds which office for a department now: the leads, those above them, the joint-conference office."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import delete, tuple_
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from bot.inspection.deadlines.models import DutyHolder
from bot.inspection.people.models import Department, Person, PersonRole
from bot.inspection.people.models import Role as PersonRoleName
from bot.inspection.profile.terms import Role

Seat = tuple[int, str, int]  # department, office, person


def refresh_holders(session: Session, *, now: dt.datetime) -> None:
    """Bring the table up to date; where nothing changed, nothing is written."""
    wanted = holders(session)
    query = select(DutyHolder.department_id, DutyHolder.who, DutyHolder.person_id)
    stored = {(department, who, person) for department, who, person in session.exec(query)}
    if gone := stored - wanted:
        key = tuple_(col(DutyHolder.department_id), col(DutyHolder.who), col(DutyHolder.person_id))
        session.execute(delete(DutyHolder).where(key.in_(sorted(gone))))
    if new := wanted - stored:
        make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert
        rows = [{"department_id": d, "who": who, "person_id": p, "since": now} for d, who, p in sorted(new)]
        for start in range(0, len(rows), 1000):
            session.execute(make(DutyHolder).values(rows[start : start + 1000]).on_conflict_do_nothing())


def holders(session: Session) -> set[Seat]:
    """Every office of every department. One without a lead is looked after by the joint-conference office; the
    office above a department is its parent's lead, or its own where there is none above."""
    by_role = _people(session)
    anywhere = by_role[PersonRoleName.COORDINATOR].get(None, set())
    leads, keepers = by_role[PersonRoleName.LEAD], by_role[PersonRoleName.ADMIN]
    legal, heads = by_role[PersonRoleName.LEGAL], by_role[PersonRoleName.HEAD]
    parents = {i or 0: parent for i, parent in session.exec(select(Department.id, Department.parent_id))}
    seats: set[Seat] = set()
    for department, parent in parents.items():
        own = leads.get(department) or anywhere
        above = (leads.get(parent) if parent else None) or own
        offices = {
            Role.LEAD: own, Role.DEPARTMENT: above, Role.COORDINATOR: anywhere,
            Role.LIBRARIAN: keepers.get(department) or keepers.get(None, set()) or anywhere,
            Role.HEAD: next((heads[each] for each in _upwards(department, parents) if each in heads), own),
            Role.LEGAL: legal.get(department) or legal.get(None, set()) or anywhere,
        }  # fmt: skip
        seats |= {(department, who.value, person) for who, people in offices.items() for person in people}
    return seats


def _upwards(department: int, parents: Mapping[int, int | None]) -> list[int]:
    """The department and those above it, nearest first."""
    path, current = list[int](), department
    while current is not None and current not in path:
        path.append(current)
        current = parents.get(current)  # type: ignore[assignment]
    return path


def _people(session: Session) -> dict[str, dict[int | None, set[int]]]:
    """Active people by role and department; under None all of the role."""
    found: dict[str, dict[int | None, set[int]]] = defaultdict(dict)
    query = (
        select(PersonRole.role, Person.department_id, Person.id)
        .join(Person, col(Person.id) == PersonRole.person_id)
        .where(col(Person.active))
    )
    for role, department, person in session.exec(query):
        assert person is not None
        for key in {None, department}:
            found[role].setdefault(key, set()).add(person)
    return found
