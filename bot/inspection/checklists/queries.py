"""What is known about the form of a visit, gathered once for pages, chat, the sheet and the submission."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import bindparam
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.checklists.definition import Checklist, parse_checklist
from bot.inspection.checklists.models import ChecklistVersion, Evidence, RecordSheet, VisitForm
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import CheckIn, TaskItem, Visit, VisitOfficer
from bot.inspection.tasks.queries import VisitFacts, method_of, team_facts, visit_facts
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE

_READ: dict[str, Checklist] = {}
_MOST_READ = 1024
WITHOUT_PRESENCE = ("书面", "网络")  # methods that need no check-in (C16)


@dataclass(frozen=True, slots=True)
class FormFacts:
    """A visit, its form (None before it is opened) and everything put into it so far."""

    visit: VisitFacts
    form: VisitForm | None
    checklists: list[tuple[Item, ChecklistVersion]]
    evidence: list[Evidence]
    record: RecordSheet | None
    check_ins: list[CheckIn]
    method: str
    sections: dict[int, int | None] = field(default_factory=dict)  # item -> department that checks it

    @property
    def on_site(self) -> bool:
        return not any(word in self.method for word in WITHOUT_PRESENCE)

    @property
    def is_open(self) -> bool:
        """May answers still change?"""
        return self.visit.visit.state in BEFORE_SUBMIT

    @property
    def returned(self) -> bool:
        """Did a reviewer send it back?"""
        return self.is_open and self.form is not None and self.form.submitted_at is not None

    def photos(self) -> Counter[str]:
        """How many files each question has."""
        return Counter(e.question for e in self.evidence)

    def checked_in(self, person_id: int) -> bool:
        return any(c.person_id == person_id for c in self.check_ins)


def checklist_of(version: ChecklistVersion) -> Checklist:
    """The document of a version, read once: versions never change."""
    known = _READ.get(version.sha256)
    if known is None:
        if len(_READ) >= _MOST_READ:
            _READ.pop(next(iter(_READ)))
        known = _READ[version.sha256] = parse_checklist(version.definition)
    return known


# built once: a statement's cache key costs more than SQLite's answer
_FORM = select(VisitForm).where(VisitForm.visit_id == bindparam("visit"))
_FORM_ID = select(VisitForm.id).where(VisitForm.visit_id == bindparam("visit"))
_EVIDENCE = (
    select(Evidence)
    .where(Evidence.visit_id == bindparam("visit"), col(Evidence.removed_at).is_(None))
    .order_by(col(Evidence.id))
)
_CHECK_INS = select(CheckIn).where(CheckIn.visit_id == bindparam("visit"))
_SECTIONS = select(TaskItem.item_id, TaskItem.department_id).where(TaskItem.task_id == bindparam("task"))
_PINNED = (
    select(ChecklistVersion)
    .where(col(ChecklistVersion.id).in_(bindparam("versions", expanding=True)))
    .options(defer(ChecklistVersion.definition))  # type: ignore[arg-type]
)


def form_facts(session: Session, visit_id: int) -> FormFacts:
    """Everything about the form of one visit. Raises Problem ``not_found``."""
    facts = visit_facts(session, visit_id)
    values = {"visit": visit_id}
    return FormFacts(
        visit=facts,
        form=session.execute(_FORM, values).scalars().one_or_none(),
        checklists=_pinned(session, facts),
        evidence=list(session.execute(_EVIDENCE, values).scalars()),
        record=session.get(RecordSheet, visit_id),
        check_ins=list(session.execute(_CHECK_INS, values).scalars()),
        method=method_of(session, facts.task),
        sections=_sections(session, facts),
    )


def draft_facts(session: Session, form: VisitForm) -> FormFacts:
    """What a change of the draft has to know: who may fill what, and whether it is still open. Evidence, check-ins
    and the method are not looked up."""
    facts = team_facts(session, form.visit_id)
    return FormFacts(
        visit=facts,
        form=form,
        checklists=_pinned(session, facts),
        evidence=[],
        record=session.get(RecordSheet, form.visit_id),
        check_ins=[],
        method="",
        sections=_sections(session, facts),
    )


def form_of(session: Session, visit_id: int) -> str | None:
    """The id of a visit's form; None before it was opened."""
    return session.execute(_FORM_ID, {"visit": visit_id}).scalar_one_or_none()


def lock_form(session: Session, form_id: str) -> VisitForm:
    """The form, with a second writer waiting. Raises Problem ``not_found``."""
    form = session.get(VisitForm, form_id, with_for_update=True)
    if form is None:
        raise Problem("not_found", "没有找到这张检查表。")
    return form


def _sections(session: Session, facts: VisitFacts) -> dict[int, int | None]:
    rows = session.execute(_SECTIONS, {"task": facts.task.id}).all()
    return {row.item_id: row.department_id for row in rows}


def open_visits(session: Session, *, person_id: int) -> list[tuple[int, str]]:
    """Id and number of the visits this officer can fill, the most urgent first."""
    query = (
        select(Visit.id, Visit.number)
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .where(VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE))
        .where(col(Visit.state).in_(BEFORE_SUBMIT))
        .order_by(col(Visit.due_on), col(Visit.id))
    )
    return [(visit_id, number) for visit_id, number in session.exec(query) if visit_id is not None]


def facts_of_form(session: Session, form_id: str, *, lock: bool = False) -> FormFacts:
    """As ``form_facts``, by the form's id. *lock* makes a second writer wait."""
    form = session.get(VisitForm, form_id, with_for_update=lock or None)
    if form is None:
        raise Problem("not_found", "没有找到这张检查表。")
    return form_facts(session, form.visit_id)


def _pinned(session: Session, facts: VisitFacts) -> list[tuple[Item, ChecklistVersion]]:
    """The checklist version each item was dispatched with; one that serves two items comes twice.

    A document is read once and then known by its fingerprint: the column itself is left where it is.
    """
    items = {item.id: item for item in facts.items}
    found = session.execute(_PINNED, {"versions": sorted(set(facts.task.checklist_ids))}).scalars()
    versions = {version.id: version for version in found}
    for version in versions.values():
        checklist_of(version)
    pairs = zip(facts.task.item_ids, facts.task.checklist_ids, strict=False)
    return [(items[i], versions[v]) for i, v in pairs if i in items and v in versions]
