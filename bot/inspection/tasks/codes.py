"""访客码: the short code under which anybody at the door can check that this inspection is real (C16, field guide 7.4).

It shows what the officers must show anyway: unit, task, items, their names and certificates. It is in the officers'
hands only, and says nothing once the visit is long over.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.people.models import Department, Officer
from bot.inspection.tasks.models import CheckIn, Task, TaskState, Visit, VisitCode
from bot.inspection.tasks.queries import VisitFacts, get_visit, require_officer, visit_facts

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that reads like something else
_LENGTH = 10  # 50 bits: guessing one of ten thousand takes longer than the code lives
_TYPED = str.maketrans({"O": "0", "I": "1", "L": "1", " ": "", "-": ""})
_READABLE_AFTER = dt.timedelta(days=30)  # after the last day of the window
_DEAD = (TaskState.CANCELLED, TaskState.SUSPENDED, TaskState.TERMINATED)


@dataclass(frozen=True, slots=True)
class Credential:
    """One officer as the person at the door may compare: name, unit, certificate, validity, presence."""

    name: str
    department: str
    certificate_no: str
    valid_to: dt.date | None
    present_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a code opens. ``stopped`` when the task was suspended or ended: then nobody may inspect."""

    facts: VisitFacts
    officers: list[Credential]
    stopped: bool


def code_of(session: Session, *, visit_id: int, person_id: int, now: dt.datetime) -> str:
    """The visit's code for one of its officers, made at the first asking."""
    require_officer(session, visit_id, person_id)
    return visit_code(session, visit_id=visit_id, now=now, actor=person_id)


def visit_code(session: Session, *, visit_id: int, now: dt.datetime, actor: int | None = None) -> str:
    """The visit's code, made at the first asking: also for the notice that carries it."""
    get_visit(session, visit_id, lock=True)
    kept = session.get(VisitCode, visit_id)
    if kept is None:
        kept = VisitCode(
            visit_id=visit_id, code="".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)), made_at=now
        )
        session.add(kept)
        record(session, "visit.code_made", f"visit:{visit_id}", now=now, actor=actor)
    return kept.code


def spoken(code: str) -> str:
    """The code as one reads it out: two groups of five."""
    return f"{code[:5]}-{code[5:]}"


def open_code(session: Session, typed: str, *, now: dt.datetime) -> Shown:
    """What the code stands for. Raises ``not_found`` for a wrong, an unknown or an old one, all in the same words."""
    code = typed.strip().upper().translate(_TYPED)
    found = (
        session.exec(select(VisitCode).where(VisitCode.code == code)).one_or_none()
        if len(code) == _LENGTH
        else None
    )
    visit = session.get(Visit, found.visit_id) if found else None
    if visit is None or china_day(now) > visit.due_on + _READABLE_AFTER:
        raise Problem(
            "not_found",
            "没有找到这个访客码对应的检查。请核对后再试；仍不对的，可以拒绝检查并向检查单位反映。",
        )
    facts = visit_facts(session, visit.id or 0)
    return Shown(
        facts, credentials(session, facts), stopped=session.get_one(Task, visit.task_id).state in _DEAD
    )


def credentials(session: Session, facts: VisitFacts) -> list[Credential]:
    """The live officers' certificates and presence, leader first."""
    there = {
        c.person_id: c.present_at
        for c in session.exec(select(CheckIn).where(CheckIn.visit_id == facts.visit.id))
    }
    people = [p.id for p, _ in facts.officers]
    officers = {
        o.person_id: o for o in session.exec(select(Officer).where(col(Officer.person_id).in_(people)))
    }
    names = dict(session.exec(select(Department.id, Department.name)).all())
    return [
        Credential(
            person.name, names.get(assigned.department_id or person.department_id, "—"),
            known.certificate_no if (known := officers.get(person.id or 0)) else "—",
            known.valid_to if known else None, there.get(person.id or 0),
        )
        for person, assigned in facts.officers
    ]  # fmt: skip
