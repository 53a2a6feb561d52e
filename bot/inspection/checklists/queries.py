"""What is known about the form of a visit, gathered once for pages, chat, the sheet and the submission."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import bindparam
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.checklists.definition import Checklist, parse_checklist
from bot.inspection.checklists.models import ChecklistVersion, Evidence, RecordSheet, VisitForm
from bot.inspection.checklists.repeats import may_be_asked
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import CheckIn, TaskItem, Visit, VisitOfficer
from bot.inspection.tasks.queries import VisitFacts, method_of, team_facts, visit_facts
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE

_READ: dict[str, Checklist] = {}
_KEYS: dict[str, frozenset[str]] = {}
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


@dataclass(frozen=True, slots=True)
class Window:
    """Until when a visit can be filled, and its form (None before it is opened)."""

    visit_id: int
    due_on: dt.date
    submitted_at: dt.datetime | None
    form_id: str | None


def checklist_of(version: ChecklistVersion) -> Checklist:
    """The document of a version, read once: versions never change."""
    known = _READ.get(version.sha256)
    if known is None:
        if len(_READ) >= _MOST_READ:
            _READ.pop(next(iter(_READ)))
        known = _READ[version.sha256] = parse_checklist(version.definition)
    return known


def draft_keys_of(version: ChecklistVersion) -> frozenset[str]:
    """Every draft key (``CL-1:3``) a version may ask, worked out once: versions never change."""
    known = _KEYS.get(version.sha256)
    if known is None:
        if len(_KEYS) >= _MOST_READ:
            _KEYS.pop(next(iter(_KEYS)))
        checklist = checklist_of(version)
        asked = frozenset(f"{checklist.code}:{key}" for key in may_be_asked(checklist))
        known = _KEYS[version.sha256] = asked
    return known


# built once: a statement's cache key costs more than SQLite's answer
_FORM = select(VisitForm).where(VisitForm.visit_id == bindparam("visit"))
# what another writer kept meanwhile replaces what this session has read
_LOCKED = (
    select(VisitForm)
    .where(VisitForm.id == bindparam("form"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_SHEET = select(RecordSheet).where(RecordSheet.visit_id == bindparam("visit"))
_WINDOW = (
    select(col(Visit.id), col(Visit.due_on), col(Visit.submitted_at), col(VisitForm.id))
    .outerjoin(VisitForm, col(VisitForm.visit_id) == Visit.id)
    .where(col(Visit.id) == bindparam("visit"))
)
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
    form = session.execute(_FORM, {"visit": visit_id}).scalars().one_or_none()
    return _gathered(session, visit_id, form)


def _gathered(session: Session, visit_id: int, form: VisitForm | None) -> FormFacts:
    facts = visit_facts(session, visit_id)
    values = {"visit": visit_id}
    return FormFacts(
        visit=facts,
        form=form,
        checklists=_pinned(session, facts),
        evidence=list(session.execute(_EVIDENCE, values).scalars()),
        record=session.execute(_SHEET, values).scalars().one_or_none(),
        check_ins=list(session.execute(_CHECK_INS, values).scalars()),
        method=method_of(session, facts.task),
        sections=_sections(session, facts),
    )


def draft_facts(session: Session, form: VisitForm) -> FormFacts:
    """What a change of the draft has to know: who may fill what, and whether it is still open. Evidence is not looked
    up; the method and who is there are for a joint visit, whose form another department may have opened."""
    facts, values = team_facts(session, form.visit_id), {"visit": form.visit_id}
    joint = bool(facts.task.joint_department_ids)
    return FormFacts(
        visit=facts,
        form=form,
        checklists=_pinned(session, facts),
        evidence=[],
        record=session.execute(_SHEET, values).scalars().one_or_none(),
        check_ins=list(session.execute(_CHECK_INS, values).scalars()) if joint else [],
        method=method_of(session, facts.task) if joint else "",
        sections=_sections(session, facts),
    )


def window_of(session: Session, visit_id: int) -> Window:
    """What a link has to know of a visit. Raises Problem ``not_found``."""
    found = session.execute(_WINDOW, {"visit": visit_id}).one_or_none()
    if found is None:
        raise Problem("not_found", "没有找到这次检查。")
    return Window(*found)


def lock_form(session: Session, form_id: str) -> VisitForm:
    """The form, with a second writer waiting. Raises Problem ``not_found``."""
    form: VisitForm | None = session.execute(_LOCKED, {"form": form_id}).scalars().one_or_none()
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
    form = lock_form(session, form_id) if lock else session.get(VisitForm, form_id)
    if form is None:
        raise Problem("not_found", "没有找到这张检查表。")
    return _gathered(session, form.visit_id, form)


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
