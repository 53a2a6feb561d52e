"""What writers of forms must know, in two statements: the forms, with second writers waiting, and all that their rules
ask about them. Phones save every second, and a statement costs more than the few rows it brings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    Subquery,
    Table,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    select,
)
from sqlmodel import Session, SQLModel

from bot.core.bulk import OverRows
from bot.core.clock import UTC
from bot.core.errors import Problem
from bot.core.prepared import Prepared, together
from bot.inspection.checklists.basics import CheckInRow, EvidenceRow, FormBasics, FormRow, SheetRow
from bot.inspection.checklists.documents import Document, Pinned, known_document, read_document
from bot.inspection.checklists.models import ChecklistVersion, Evidence, RecordSheet, VisitForm
from bot.inspection.checklists.queries import NO_FORM
from bot.inspection.people.models import Account, Department, EnterpriseContact, Person
from bot.inspection.plans.models import Plan, PlanLine
from bot.inspection.registry.models import InspectionObject, Item
from bot.inspection.tasks.basics import Named, OfficerRow, TaskRow, VisitBasics, VisitRow
from bot.inspection.tasks.models import CheckIn, Task, TaskItem, Visit, VisitOfficer
from bot.inspection.tasks.queries import ON_SITE, department_names
from bot.inspection.tasks.states import LIVE


def _table(model: type[SQLModel]) -> Table:
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


_FORM, _VISIT, _TASK, _SHEET = _table(VisitForm), _table(Visit), _table(Task), _table(RecordSheet)
_ITEM, _PART, _VERSION = _table(Item), _table(TaskItem), _table(ChecklistVersion)
_PERSON, _OFFICER, _CHECK_IN, _EVIDENCE = (
    _table(Person),
    _table(VisitOfficer),
    _table(CheckIn),
    _table(Evidence),
)
_CONTACT, _ACCOUNT, _OBJECT = _table(EnterpriseContact), _table(Account), _table(InspectionObject)
_DEPARTMENT, _LINE, _PLAN = _table(Department), _table(PlanLine), _table(Plan)

_LOCKED = OverRows(
    {"form": String()},
    lambda given: (
        select(*(_FORM.c[name] for name in FormRow._fields))
        .where(_FORM.c.id == given.c.form)
        .order_by(_FORM.c.id)  # who wants some of the same waits for the first of them
        .with_for_update(of=_FORM)
    ),
)
_LIVE: list[ColumnElement[str]] = [
    literal_column(f"'{state}'") for state in LIVE
]  # bound, the list would be written out at each run
# where in the one row of all facts the parts of these lie
_OF_VISIT = slice(len(VisitRow._fields))
_OF_TASK = slice(_OF_VISIT.stop, _OF_VISIT.stop + len(TaskRow._fields))
_OF_SHEET = slice(_OF_TASK.stop, _OF_TASK.stop + len(SheetRow._fields))
_DOCUMENT = Prepared(select(_VERSION.c.definition).where(_VERSION.c.id == bindparam("version")))


Known = Mapping[str, tuple[FormRow, FormBasics]]  # by form


def draft_to_change(session: Session, form_id: str) -> tuple[FormRow, FormBasics]:
    """The form and what a change of its draft has to know: who may fill what, and whether it is still open.

    Evidence and contacts are not looked up. Raises Problem ``not_found``.
    """
    return known_form(drafts_to_change(session, [form_id]), form_id)


def drafts_to_change(session: Session, form_ids: Sequence[str]) -> Known:
    """As ``draft_to_change``, of those of *form_ids* that there are."""
    return _read(session, form_ids, whole=False)


def forms_to_hand_in(session: Session, form_ids: Sequence[str]) -> Known:
    """Those of *form_ids* that there are, and all that their submission rests on."""
    return _read(session, form_ids, whole=True)


def known_form(known: Known, form_id: str) -> tuple[FormRow, FormBasics]:
    """One of them; raises Problem ``not_found``."""
    if form_id not in known:
        raise Problem("not_found", NO_FORM)
    return known[form_id]


def _read(session: Session, form_ids: Sequence[str], *, whole: bool) -> Known:
    session.flush()
    connection = session.connection()
    wanted = [[form_id] for form_id in form_ids]
    with together(connection):
        locked = _LOCKED.run(connection, wanted)
        # not joined to the lock: who waited for it would see the rest as it was before the wait
        found = _FACTS[connection.dialect.name, whole].run(connection, wanted)
    facts = {row.form_id: row for row in found.rows()}
    forms = [FormRow._make(row) for row in locked.rows()]
    return {form.id: (form, _basics(session, form, facts[form.id], whole=whole)) for form in forms}


def _basics(session: Session, form: FormRow, row: Any, *, whole: bool) -> FormBasics:
    return FormBasics(
        visit=_visit(session, row, whole=whole),
        form=form,
        checklists=_checklists(session.connection(), row),
        evidence=_evidence(row.evidence) if whole else (),
        record=None if row.round is None else SheetRow._make(row[_OF_SHEET]),
        check_ins=[CheckInRow(who, _moment(happened or at)) for who, at, happened in row.check_ins or ()],
    )


def _visit(session: Session, row: Any, *, whole: bool) -> VisitBasics:
    task = TaskRow._make(row[_OF_TASK])
    departments = {task.lead_department_id, *task.joint_department_ids}
    return VisitBasics(
        visit=VisitRow._make(row[_OF_VISIT]),
        task=task,
        object=Named(row.object_id, row.object_name),
        officers=[
            (Named(person, name), OfficerRow(person, department))
            for _, _, person, name, department in sorted(row.team or (), key=_leader_first)
        ],
        contacts=sorted(set(row.contacts or ())) if whole else [],
        department=row.department,
        method=ON_SITE if row.method is None else row.method,
        year=row.year or task.window_start.year,
        sections={item: section for item, _, section in row.items_ or ()},
        departments=department_names(session, departments) if whole and len(departments) > 1 else {},
    )


def _leader_first(member: Sequence[Any]) -> tuple[bool, int]:
    return not member[0], member[1]


def _checklists(connection: Connection, row: Any) -> list[tuple[Named, Pinned]]:
    """The version each item was dispatched with; one that serves two items comes twice."""
    items = {item: Named(item, name) for item, name, _ in row.items_ or ()}
    versions = {
        version: Pinned(version, code, known_document(sha256) or _document(connection, version, sha256))
        for version, code, sha256 in row.versions or ()
    }
    task = TaskRow._make(row[_OF_TASK])
    pairs = zip(task.item_ids, task.checklist_ids, strict=False)
    return [(items[i], versions[v]) for i, v in pairs if i in items and v in versions]


def _document(connection: Connection, version: int, sha256: str) -> Document:
    (row,) = _DOCUMENT.run(connection, version=version).rows()
    return read_document(sha256, row.definition)


def _evidence(rows: Iterable[list[Any]] | None) -> list[EvidenceRow]:
    """Oldest first."""
    return [
        EvidenceRow(question, sha256, media_type, kind, _moment(at))
        for _, question, sha256, media_type, kind, at in sorted(rows or ())
    ]


def _moment(text: str) -> dt.datetime:
    """A moment out of JSON: SQLite keeps UTC without saying so."""
    at = dt.datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _facts(given: Subquery, *, dialect: str, whole: bool) -> Select[Any]:
    """All about the visit of each form as one row; what there may be several of comes as lists."""
    columns: list[ColumnElement[Any]] = [
        *(_VISIT.c[name] for name in VisitRow._fields),
        *(_TASK.c[name] for name in TaskRow._fields),
        *(_SHEET.c[name] for name in SheetRow._fields),
        _OBJECT.c.id.label("object_id"), _OBJECT.c.name.label("object_name"), _DEPARTMENT.c.name.label("department"),
        _LINE.c.method, _PLAN.c.year, _FORM.c.id.label("form_id"), _team(dialect), _items(dialect),
        _versions(dialect), _check_ins(dialect),
    ]  # fmt: skip
    if whole:
        columns += [_files(dialect), _contacts(dialect)]
    return (
        select(*columns)
        .select_from(given)
        .join(_FORM, _FORM.c.id == given.c.form)
        .join(_VISIT, _VISIT.c.id == _FORM.c.visit_id)
        .join(_TASK, _TASK.c.id == _VISIT.c.task_id)
        .join(_OBJECT, _OBJECT.c.id == _VISIT.c.object_id)
        .join(_DEPARTMENT, _DEPARTMENT.c.id == _TASK.c.lead_department_id)
        .outerjoin(_LINE, _LINE.c.id == _TASK.c.plan_line_id)
        .outerjoin(_PLAN, _PLAN.c.id == _LINE.c.plan_id)
        .outerjoin(_SHEET, _SHEET.c.visit_id == _VISIT.c.id)
    )


def _team(dialect: str) -> ColumnElement[Any]:
    members = _listed(
        dialect, _OFFICER.c.leader, _OFFICER.c.id, _PERSON.c.id, _PERSON.c.name, _OFFICER.c.department_id
    )
    of_visit = and_(_OFFICER.c.visit_id == _VISIT.c.id, _OFFICER.c.state.in_(_LIVE))
    joined = _OFFICER.join(_PERSON, _PERSON.c.id == _OFFICER.c.person_id)
    return select(members).select_from(joined).where(of_visit).scalar_subquery().label("team")


def _items(dialect: str) -> ColumnElement[Any]:
    of_task = and_(_PART.c.item_id == _ITEM.c.id, _PART.c.task_id == _TASK.c.id)
    query = (
        select(_listed(dialect, _ITEM.c.id, _ITEM.c.name, _PART.c.department_id))
        .select_from(_ITEM.outerjoin(_PART, of_task))
        .where(_ITEM.c.id.in_(_numbers(dialect, _TASK.c.item_ids)))
    )
    return query.correlate(_TASK).scalar_subquery().label("items_")


def _versions(dialect: str) -> ColumnElement[Any]:
    query = select(_listed(dialect, _VERSION.c.id, _VERSION.c.code, _VERSION.c.sha256)).where(
        _VERSION.c.id.in_(_numbers(dialect, _TASK.c.checklist_ids))
    )
    return query.scalar_subquery().label("versions")


def _check_ins(dialect: str) -> ColumnElement[Any]:
    there = _listed(dialect, _CHECK_IN.c.person_id, _CHECK_IN.c.at, _CHECK_IN.c.happened_at)
    query = select(there).where(_CHECK_IN.c.visit_id == _VISIT.c.id)
    return query.scalar_subquery().label("check_ins")


def _files(dialect: str) -> ColumnElement[Any]:
    names = ("id", *EvidenceRow._fields)
    query = select(_listed(dialect, *(_EVIDENCE.c[name] for name in names))).where(
        _EVIDENCE.c.visit_id == _VISIT.c.id, _EVIDENCE.c.removed_at.is_(None)
    )
    return query.scalar_subquery().label("evidence")


def _contacts(dialect: str) -> ColumnElement[Any]:
    reachable = exists().where(_ACCOUNT.c.person_id == _CONTACT.c.person_id, _ACCOUNT.c.dead_since.is_(None))
    query = select(_gathered(dialect, _CONTACT.c.person_id)).where(
        _CONTACT.c.object_id == _VISIT.c.object_id, reachable
    )
    return query.scalar_subquery().label("contacts")


def _listed(dialect: str, *columns: ColumnElement[Any]) -> ColumnElement[Any]:
    """The rows as a list of lists."""
    one = func.json_array(*columns) if dialect == "sqlite" else func.json_build_array(*columns)
    return _gathered(dialect, one)


def _gathered(dialect: str, one: ColumnElement[Any]) -> ColumnElement[Any]:
    make = func.json_group_array if dialect == "sqlite" else func.json_agg
    return make(one, type_=JSON)


def _numbers(dialect: str, column: ColumnElement[Any]) -> Select[Any]:
    """The ids in a JSON list, as rows."""
    each = func.json_each(column) if dialect == "sqlite" else func.json_array_elements_text(column)
    value = each.table_valued("value").c.value
    return select(cast(value, BigInteger)).correlate(_TASK)


_FACTS = {
    (dialect, whole): OverRows({"form": String()}, partial(_facts, dialect=dialect, whole=whole))
    for dialect in ("sqlite", "postgresql")
    for whole in (False, True)
}
