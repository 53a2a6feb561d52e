"""What is known about the form of a visit, gathered once for pages, chat, the sheet and the submission."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.checklists.basics import FormBasics
from bot.inspection.checklists.documents import document_of
from bot.inspection.checklists.models import ChecklistVersion, Evidence, RecordSheet, VisitForm
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import CheckIn, Visit, VisitOfficer
from bot.inspection.tasks.queries import VisitFacts, visit_facts
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE

NO_FORM = "没有找到这张检查表。"


@dataclass(frozen=True, slots=True)
class FormFacts(FormBasics):
    """A visit, its form (None before it is opened) and everything put into it so far."""

    visit: VisitFacts
    form: VisitForm | None
    checklists: list[tuple[Item, ChecklistVersion]]
    evidence: list[Evidence]
    record: RecordSheet | None
    check_ins: list[CheckIn]


# built once: a statement's cache key costs more than SQLite's answer
_FORM = select(VisitForm, RecordSheet).outerjoin(RecordSheet, col(RecordSheet.visit_id) == VisitForm.visit_id)
_FORM_OF, _FORM_BY_ID = (
    _FORM.where(VisitForm.visit_id == bindparam("visit")),
    _FORM.where(VisitForm.id == bindparam("form")),
)
# what another writer kept meanwhile replaces what this session has read
_LOCKED = (
    select(VisitForm)
    .where(VisitForm.id == bindparam("form"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
# not joined to the lock: who waited for it would see the sheet as it was before the wait
_SHEET = (
    select(RecordSheet)
    .where(RecordSheet.visit_id == bindparam("visit"))
    .execution_options(populate_existing=True)
)
_EVIDENCE = (
    select(Evidence)
    .where(Evidence.visit_id == bindparam("visit"), col(Evidence.removed_at).is_(None))
    .order_by(col(Evidence.id))
)
_CHECK_INS = select(CheckIn).where(CheckIn.visit_id == bindparam("visit"))
_PINNED = (
    select(ChecklistVersion)
    .where(col(ChecklistVersion.id).in_(bindparam("versions", expanding=True)))
    .options(defer(ChecklistVersion.definition))  # type: ignore[arg-type]
)


def form_facts(session: Session, visit_id: int) -> FormFacts:
    """Everything about the form of one visit. Raises Problem ``not_found``."""
    form, sheet = session.execute(_FORM_OF, {"visit": visit_id}).one_or_none() or (None, None)
    return _gathered(session, visit_id, form, sheet)


def _gathered(
    session: Session, visit_id: int, form: VisitForm | None, sheet: RecordSheet | None
) -> FormFacts:
    facts = visit_facts(session, visit_id)
    values = {"visit": visit_id}
    return FormFacts(
        visit=facts,
        form=form,
        checklists=_pinned(session, facts),
        evidence=list(session.execute(_EVIDENCE, values).scalars()),
        record=sheet,
        check_ins=list(session.execute(_CHECK_INS, values).scalars()),
    )


def _locked(session: Session, form_id: str) -> tuple[VisitForm, RecordSheet | None]:
    """The form and its sheet, with a second writer waiting. Raises Problem ``not_found``."""
    form: VisitForm | None = session.execute(_LOCKED, {"form": form_id}).scalar_one_or_none()
    if form is None:
        raise Problem("not_found", NO_FORM)
    return form, session.execute(_SHEET, {"visit": form.visit_id}).scalar_one_or_none()


def open_visits(session: Session, *, person_id: int, begun: bool = False) -> list[tuple[int, str]]:
    """Id and number of the visits this officer can fill, the most urgent first; with *begun* those whose form was
    opened."""
    query = (
        select(Visit.id, Visit.number)
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .where(VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE))
        .where(col(Visit.state).in_(BEFORE_SUBMIT))
        .order_by(col(Visit.due_on), col(Visit.id))
    )
    if begun:
        query = query.join(VisitForm, col(VisitForm.visit_id) == Visit.id)
    return [(visit_id, number) for visit_id, number in session.exec(query) if visit_id is not None]


def facts_of_form(session: Session, form_id: str, *, lock: bool = False) -> FormFacts:
    """As ``form_facts``, by the form's id. *lock* makes a second writer wait. Raises Problem ``not_found``."""
    if lock:
        form, sheet = _locked(session, form_id)
    else:
        found = session.execute(_FORM_BY_ID, {"form": form_id}).one_or_none()
        if found is None:
            raise Problem("not_found", NO_FORM)
        form, sheet = found
    return _gathered(session, form.visit_id, form, sheet)


def _pinned(session: Session, facts: VisitFacts) -> list[tuple[Item, ChecklistVersion]]:
    """The checklist version each item was dispatched with; one that serves two items comes twice.

    A document is read once and then known by its fingerprint: the column itself is left where it is.
    """
    items = {item.id: item for item in facts.items}
    found = session.execute(_PINNED, {"versions": sorted(set(facts.task.checklist_ids))}).scalars()
    versions = {version.id: version for version in found}
    for version in versions.values():
        document_of(version)
    pairs = zip(facts.task.item_ids, facts.task.checklist_ids, strict=False)
    return [(items[i], versions[v]) for i, v in pairs if i in items and v in versions]
