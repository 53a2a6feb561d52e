"""How many statements a save and a submission send: each costs time, and 100 phones save every second."""

from __future__ import annotations

from bot.inspection.checklists.models import Answer
from bot.inspection.checklists.service import save_draft
from bot.inspection.results.closing import Closing
from bot.inspection.results.submit import submit_visit
from tests.fakes.desk import CALENDAR, GOOD, PROFILE, Desk
from tests.fakes.told import statements
from tests.fakes.visits import LI, WANG


def test_a_draft_is_saved_in_one_update_after_few_looks(opened: Desk) -> None:
    told = _saving(opened)
    assert len(told) <= 3, told
    assert [s.split()[:2] for s in told if not s.startswith("SELECT")] == [["UPDATE", "visitform"]]


def test_a_draft_that_changes_nothing_writes_nothing(opened: Desk) -> None:
    _saving(opened)
    again = _saving(opened)
    assert all(s.startswith("SELECT") for s in again), again


def test_a_submission_asks_for_each_thing_once(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close(Closing(refusal_code="ABSENT", refusal_text="负责人不在"))
    for person in (WANG, LI):
        opened.sign(person)
    values = {"form_id": opened.form.id, "person_id": WANG, "profile": PROFILE, "calendar": CALENDAR}
    with statements(opened.db) as noted:
        opened.do(submit_visit, **values)
    told = [statement.sql for statement in noted]
    assert len(told) <= 20, told
    assert len([s for s in told if s.startswith("INSERT INTO answer ")]) == 1
    assert len(opened.rows(Answer)) == len(GOOD)


def _saving(desk: Desk) -> list[str]:
    form_id = desk.form.id
    with statements(desk.db) as told:
        desk.db.write_now(save_draft, form_id=form_id, person_id=WANG, changes=GOOD, base_version=0)
    return [statement.sql for statement in told]
