"""Who may look at a piece of evidence or a record sheet; every look is noted (C19)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select

from bot.core.errors import Problem
from bot.inspection.audit.service import record
from bot.inspection.checklists.models import Evidence, RecordSheet
from bot.inspection.people.models import EnterpriseContact, Role
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tasks.models import Visit, VisitOfficer
from bot.inspection.tasks.queries import people_with_role, visit_facts
from bot.inspection.tasks.service import subject_of
from bot.inspection.tasks.states import LIVE


@dataclass(frozen=True, slots=True)
class Sheet:
    """A closed record sheet that somebody may have."""

    number: str
    object: str
    sha256: str


def sheets_of(session: Session, *, person_id: int, ending: str, limit: int) -> list[Sheet]:
    """The newest sheets of visits this person inspected or is the enterprise's contact of (C18: copy), among all
    whose number ends so."""
    mine = select(VisitOfficer.visit_id).where(
        VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE)
    )
    ours = select(EnterpriseContact.object_id).where(EnterpriseContact.person_id == person_id)
    query = (
        select(Visit.number, InspectionObject.name, RecordSheet.pdf_sha256)
        .join(RecordSheet, col(RecordSheet.visit_id) == Visit.id)
        .join(InspectionObject, col(InspectionObject.id) == Visit.object_id)
        .where(RecordSheet.pdf_sha256 != "", or_(col(Visit.id).in_(mine), col(Visit.object_id).in_(ours)))
        .where(col(Visit.number).endswith(ending, autoescape=True))
        .order_by(col(RecordSheet.closed_at).desc())
        .limit(limit)
    )
    return [Sheet(*row) for row in session.exec(query)]


def look_at(session: Session, *, person_id: int, sha256: str, now: dt.datetime) -> Evidence:
    """The evidence, if this person may see it: its officers, the department's reviewers and leads,
    coordinators, and the enterprise's contacts for its own sheet. Every look is noted. Raises ``forbidden``.
    """
    links = list(session.exec(select(Evidence).where(Evidence.sha256 == sha256).order_by(col(Evidence.id))))
    if not links:
        raise Problem("not_found", "没有找到这个文件。")
    for evidence in links:
        if _may_see(session, evidence, person_id):
            record(
                session,
                "evidence.seen",
                subject_of(evidence.visit_id),
                now=now,
                actor=person_id,
                sha256=sha256,
            )
            return evidence
    raise Problem("forbidden", "您不能查看这个文件。")


def _may_see(session: Session, evidence: Evidence, person_id: int) -> bool:
    facts = visit_facts(session, evidence.visit_id)
    if facts.officer(person_id) is not None:
        return True
    if session.get(EnterpriseContact, (person_id, facts.object.id)) is not None:
        return evidence.media_type == "application/pdf" and evidence.question == "visit:record"
    department = facts.task.lead_department_id
    inside = [
        *people_with_role(session, Role.REVIEWER, department_id=department),
        *people_with_role(session, Role.LEAD, department_id=department),
        *people_with_role(session, Role.COORDINATOR),
    ]
    return person_id in inside
