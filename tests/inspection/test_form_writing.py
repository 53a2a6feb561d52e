"""What a writer of a form reads as plain rows is what its pages read whole, on both databases."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.checklists.basics import EvidenceRow, FormBasics, FormRow, SheetRow
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.checklists.documents import checklist_of
from bot.inspection.checklists.queries import form_facts
from bot.inspection.checklists.writing import draft_to_change, forms_to_hand_in, known_form
from bot.inspection.results.closing import Closing
from bot.inspection.tasks.basics import Named, OfficerRow, TaskRow, VisitRow
from bot.inspection.tasks.models import CheckIn
from tests.fakes.desk import GOOD, Desk
from tests.fakes.visits import CONTACT, HE, LI, SUN, VISIT, WANG, make_visit

LISTS = (load_checklist("CL-1"), load_checklist("CL-4"))
SECOND = {f"CL-4:{q.key}": {"value": q.good} for q in LISTS[1].questions if q.good} | {
    "item:2": {"value": "未发现问题"}
}


def test_a_writer_reads_what_the_pages_read(db: Database, clock: ManualClock, tmp_path: Path) -> None:
    _compare(_joint(db, clock, tmp_path))


@pytest.mark.postgres
def test_a_writer_reads_what_the_pages_read_on_postgres(
    postgres_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    _compare(_joint(postgres_db, clock, tmp_path))


def test_a_form_that_is_not_there_is_not_found(db: Database) -> None:
    with pytest.raises(Problem) as refused:
        db.write_now(draft_to_change, "nothing")
    assert refused.value.key == "not_found"


def _joint(db: Database, clock: ManualClock, folder: Path) -> Desk:
    """A joint visit of two departments with photos, somebody registered late and a sheet."""
    db.write_now(make_visit, now=clock.now(), checklists=LISTS, item_departments=(1, 2))
    desk = Desk(db, clock, folder)
    desk.arrive(WANG, LI, SUN, HE)
    db.write_now(_was_there_before, HE)
    desk.open()
    desk.save(GOOD)
    desk.save(SECOND, LI)
    for shade in (80, 90):
        desk.photo("CL-1:3", shade)
    desk.close(Closing(refusal_code="ABSENT", refusal_text="负责人外出"))
    return desk


def _was_there_before(session: Session, person: int) -> None:
    check_in = session.exec(select(CheckIn).where(col(CheckIn.person_id) == person)).one()
    check_in.happened_at = check_in.at - dt.timedelta(hours=2)
    session.add(check_in)


def _compare(desk: Desk) -> None:
    whole = desk.db.read_now(form_facts, VISIT)
    form, facts = known_form(desk.db.write_now(forms_to_hand_in, [desk.form.id]), desk.form.id)
    assert _plain(facts) == _plain(whole)
    assert form == facts.form
    assert (facts.visit.contacts, len(facts.visit.departments), len(facts.evidence)) == ([CONTACT], 2, 3)
    _, little = desk.db.write_now(draft_to_change, desk.form.id)
    assert (little.evidence, little.visit.contacts) == ((), [])
    assert (little.checklists, little.check_ins, little.record) == (
        facts.checklists, facts.check_ins, facts.record
    )  # fmt: skip
    assert little.visit.officers == facts.visit.officers


def _plain(facts: FormBasics) -> dict[str, Any]:
    """Everything a rule may ask, out of rows or of whole objects alike."""
    visit = facts.visit
    return {
        "visit": _of(VisitRow, visit.visit), "task": _of(TaskRow, visit.task), "object": _of(Named, visit.object),
        "team": [(_of(Named, person), _of(OfficerRow, officer)) for person, officer in visit.officers],
        "words": (visit.contacts, visit.department, visit.method, visit.year, visit.sections, visit.departments),
        "form": _of(FormRow, facts.form), "record": _of(SheetRow, facts.record),
        "lists": [(_of(Named, item), version.id, version.code, checklist_of(version)) for item, version in facts.checklists],
        "evidence": [_of(EvidenceRow, e) for e in facts.evidence],
        "there": sorted((c.person_id, c.present_at) for c in facts.check_ins),
    }  # fmt: skip


def _of(row: Any, thing: Any) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in row._fields}
