"""The officers of a draw as the library knows them now."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from bot.inspection.draws.matching import OfficerFacts
from bot.inspection.draws.names import Names
from bot.inspection.people.models import (
    Absence,
    Department,
    Officer,
    Person,
    PersonRole,
    Relation,
    Role,
    Training,
)
from bot.inspection.people.training_sessions import holds_on
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit, VisitOfficer, VisitState
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE

_FACTS: tuple[Any, ...] = (
    Officer.person_id, Officer.valid_from, Officer.valid_to, Officer.labels, Officer.territory, Person.department_id,
)  # fmt: skip
OPEN = (VisitState.SCHEDULED, *BEFORE_SUBMIT)
UNTRAINED = "没有有效的检查前培训"


def department_codes(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """The code of each department, in the order asked for: what published files call it."""
    query = select(Department.id, Department.code).where(col(Department.id).in_(list(ids)))
    found = {key: code for key, code in session.exec(query) if key is not None}
    return {key: found[key] for key in ids}


def officer_facts(
    session: Session, departments: Mapping[int, str], *, names: Names, trained_on: dt.date | None
) -> list[OfficerFacts]:
    """The departments' officers as the matching rules see them now, by *names*; without relations.

    *trained_on*: the day on which a training must be valid (ZJ-2.6.c); None where there is no such gate.
    """
    rows = session.execute(
        sql_select(*_FACTS)
        .join(Person, col(Person.id) == Officer.person_id)
        .join(PersonRole, col(PersonRole.person_id) == Person.id)
        .where(
            col(PersonRole.role) == Role.OFFICER, col(Person.active), col(Officer.available),
            col(Person.department_id).in_(list(departments)),
        )
    ).all()  # fmt: skip
    absent = _absences(session)
    loads = current_loads(session)
    trained = _trained(session, trained_on) if trained_on else None
    return [
        OfficerFacts(
            id=names.of(person), department=departments[department], valid_from=first, valid_to=last,
            labels=frozenset(labels), territory=territory, absent=tuple(sorted(absent.get(person, ()))),
            load=loads.get(person, 0), gate=UNTRAINED if trained is not None and person not in trained else "",
        )
        for person, first, last, labels, territory, department in rows
    ]  # fmt: skip


def with_recusals(
    session: Session, officers: Sequence[OfficerFacts], among: Iterable[str], *, names: Names
) -> list[OfficerFacts]:
    """The same officers, called by *names*, with the objects *among* these that they must not inspect (行政处罚法
    art. 43)."""
    query = select(Relation.person_id, InspectionObject.code).join(
        InspectionObject, col(InspectionObject.id) == Relation.object_id
    )
    pairs = session.exec(query).all()
    related = {code for _, code in pairs}
    present = {code for code in among if code in related}
    found: dict[str, set[str]] = defaultdict(set)
    for person, code in pairs:
        if code in present:
            found[names.of(person)].add(code)
    return [replace(o, recused=frozenset(found[o.id])) if o.id in found else o for o in officers]


def current_loads(session: Session) -> dict[int, int]:
    """Open visits each officer has from earlier draws."""
    query = (
        select(VisitOfficer.person_id, func.count())
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .where(col(VisitOfficer.state).in_(LIVE), col(Visit.state).in_(OPEN))
        .group_by(col(VisitOfficer.person_id))
    )
    return {person: int(n) for person, n in session.exec(query)}


def _absences(session: Session) -> dict[int, list[tuple[dt.date, dt.date]]]:
    found: dict[int, list[tuple[dt.date, dt.date]]] = defaultdict(list)
    days = (col(Absence.person_id), col(Absence.first_day), col(Absence.last_day))
    for person, first, last in session.execute(sql_select(*days)):
        found[person].append((first, last))
    return found


def _trained(session: Session, day: dt.date) -> set[int]:
    return set(session.exec(select(Training.person_id).where(*holds_on(day))))
