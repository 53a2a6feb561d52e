"""The form of a visit: its gates, drafts and evidence (C14, C16, C17, C19)."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.checklists.definition import load_checklist, parse_checklist
from bot.inspection.checklists.models import ChecklistVersion, VisitForm
from bot.inspection.checklists.pinning import latest_checklist, publish_checklist
from bot.inspection.checklists.queries import form_facts
from bot.inspection.checklists.service import (
    tell_training_missing,
)
from bot.inspection.registry.models import Item
from bot.inspection.tasks.models import Task
from tests.fakes.desk import GOOD, Desk, refused
from tests.fakes.visits import (
    HE,
    LEAD,
    LI,
    STRANGER,
    SUN,
    VISIT,
    WANG,
    make_visit,
    train,
    untrain,
)


def test_the_form_opens_when_the_second_officer_has_checked_in(desk: Desk) -> None:
    desk.arrive(WANG)
    assert "执法人员不少于两人" in refused(desk.open).text
    desk.arrive(LI)
    assert desk.open().id == desk.open(LI).id
    assert len(desk.rows(VisitForm)) == 1


def test_c16_a_written_check_needs_nobody_on_site(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    sqlite_db.write_now(make_visit, now=clock.now(), method="书面检查")
    assert Desk(sqlite_db, clock, tmp_path).open().visit_id == VISIT


def test_an_officer_without_training_waits_and_the_lead_is_told_once(desk: Desk) -> None:
    desk.arrive(WANG, LI)
    desk.db.write_now(untrain, LI)
    problem = refused(lambda: desk.open(LI))
    assert problem.key == "training_missing"
    assert "请先完成“双随机、一公开”业务培训" in problem.text
    for _ in range(2):
        desk.do(tell_training_missing, visit_id=VISIT, person_id=LI)
    assert desk.told("training_missing") == [LEAD]
    desk.db.write_now(train, LI)
    assert desk.open(LI).visit_id == VISIT


def test_a_stranger_opens_nothing(desk: Desk) -> None:
    desk.arrive(WANG, LI)
    assert refused(lambda: desk.open(STRANGER)).key == "forbidden"


def test_a_published_checklist_never_changes(desk: Desk) -> None:
    changed = parse_checklist({**load_checklist("CL-1").definition(), "name": "改了"})
    assert refused(lambda: desk.do(publish_checklist, checklist=changed)).key == "checklist_changed"
    desk.do(publish_checklist, checklist=load_checklist("CL-1"))
    assert len(desk.rows(ChecklistVersion)) == 1
    found = desk.db.read_now(latest_checklist, "CL-1")
    assert found is not None
    assert found.version == 1


def test_the_first_form_of_a_task_pins_the_checklists_of_its_items(desk: Desk) -> None:
    def as_dispatched(session: Session) -> None:
        session.get_one(Task, 1).checklist_ids = []
        session.add(
            Item(id=2, code="I2", name="广告检查", klass="KEY", basis="广告法", checklist_code="CL-5")
        )
        session.add(Item(id=3, code="I3", name="计量检查", klass="KEY", basis="计量法"))
        session.get_one(Task, 1).item_ids = [1, 2, 3]

    desk.db.write_now(as_dispatched)
    desk.arrive(WANG, LI)
    desk.open()
    pinned = desk.db.read_now(form_facts, VISIT).checklists
    assert [(item.id, version.code) for item, version in pinned] == [(1, "CL-1"), (2, "CL-5"), (3, "G-3")]
    newer = parse_checklist({**load_checklist("CL-5").definition(), "version": 2})
    desk.do(publish_checklist, checklist=newer)
    desk.open(LI)
    assert [v.version for _, v in desk.db.read_now(form_facts, VISIT).checklists] == [1, 1, 1]


def test_the_partner_sees_a_draft_and_the_last_writer_of_a_question_wins(opened: Desk) -> None:
    first = opened.save({"CL-1:1": {"value": "是"}, "CL-1:5": {"value": "否"}})
    second = opened.save({"CL-1:5": {"value": "是", "note": "已核对章程"}}, person=LI, base=0)
    assert second.overwrote == ("CL-1:5",)
    assert second.version == first.version + 1
    assert second.draft["CL-1:5"]["value"] == "是"
    assert second.draft["CL-1:1"]["value"] == "是"


def test_sending_the_same_answers_again_changes_nothing(opened: Desk) -> None:
    first = opened.save(GOOD)
    assert opened.save(GOOD, person=LI, base=first.version).version == first.version
    assert opened.form.draft_by == WANG


def test_a_question_that_is_not_in_the_checklist_is_refused(opened: Desk) -> None:
    assert refused(lambda: opened.save({"CL-9:1": {"value": "是"}})).key == "question_unknown"


def test_c17_each_department_fills_only_its_own_section(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    lists = (load_checklist("CL-1"), load_checklist("CL-4"))
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=lists, item_departments=(1, 2))
    desk = Desk(sqlite_db, clock, tmp_path)
    desk.arrive(WANG, LI, SUN, HE)
    desk.open()
    assert refused(lambda: desk.save({"CL-4:1": {"value": "是"}})).key == "not_your_section"
    assert desk.save({"CL-4:1": {"value": "是"}}, person=LI).version == 1


def test_c19_the_same_photo_twice_is_stored_once_with_two_links(opened: Desk, tmp_path: Path) -> None:
    one = opened.photo("CL-1:2")
    assert opened.photo("CL-1:2").id == one.id
    two = opened.photo("CL-1:3")
    assert two.id != one.id
    assert two.sha256 == one.sha256
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name == one.sha256]
    assert len(files) == 1
