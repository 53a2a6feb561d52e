"""A joint visit: each department opens its part with two officers of its own (C16, C17, D14)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.people.models import Department
from bot.inspection.results.closing import Closing
from bot.inspection.tasks.models import OfficerState, VisitOfficer, VisitState
from tests.fakes.desk import GOOD, Desk, refused
from tests.fakes.visits import HE, LI, SUN, WANG, make_visit

LISTS = (load_checklist("CL-1"), load_checklist("CL-4"))
PARTNERS_PART = {f"CL-4:{q.key}": {"value": q.good} for q in LISTS[1].questions if q.good} | {
    "item:2": {"value": "未发现问题"}
}
NOBODY = Closing(refusal_code="ABSENT", refusal_text="负责人外出")


@pytest.fixture
def joint(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    db.write_now(make_visit, now=clock.now(), checklists=LISTS, item_departments=(1, 2))
    return Desk(db, clock, tmp_path / "evidence")


def test_two_officers_of_one_department_do_not_open_the_other_departments_part(joint: Desk) -> None:
    joint.arrive(WANG, SUN, LI)
    joint.open(WANG)
    assert joint.save(GOOD, WANG).version == 1
    for act in (
        lambda: joint.open(LI),
        lambda: joint.save(PARTNERS_PART, LI),
        lambda: joint.photo("CL-4:1", person=LI),
    ):
        assert refused(act).key == "officers_missing"
    joint.arrive(HE)
    joint.open(LI)
    assert joint.save(PARTNERS_PART, LI).version == 2


def test_one_officer_of_each_department_opens_nothing(joint: Desk) -> None:
    joint.arrive(WANG, LI)
    for person in (WANG, LI):
        assert refused(lambda who=person: joint.open(who)).key == "officers_missing"


def test_a_joint_result_waits_for_every_department_with_a_part(joint: Desk) -> None:
    """A finding for the whole visit stands for both departments, so both must have been there."""
    joint.arrive(WANG, SUN)
    joint.open(WANG)
    joint.save({"visit:outcome": {"value": "R07", "note": "现场未开展经营活动"}}, WANG)
    joint.photo("visit:outcome")
    missing = refused(lambda: joint.close(NOBODY))
    assert missing.key == "officers_missing"
    assert "云溪县应急管理局" in missing.text
    assert "市场监督管理局" not in missing.text
    joint.arrive(LI, HE)
    joint.close(NOBODY)
    assert joint.submit().result == "未发现开展本次抽查涉及的经营活动"


def test_who_was_replaced_no_longer_counts_for_the_department(joint: Desk) -> None:
    joint.arrive(WANG, SUN, LI, HE)
    joint.open(LI)
    joint.db.write_now(replaced, HE)
    assert refused(lambda: joint.save(PARTNERS_PART, LI)).key == "officers_missing"
    assert joint.save(GOOD, WANG).version == 1


def test_a_returned_joint_result_is_corrected_at_the_desk(joint: Desk) -> None:
    joint.arrive(WANG, SUN, LI, HE)
    joint.open(WANG)
    joint.save(GOOD, WANG)
    joint.save(PARTNERS_PART, LI)
    joint.close(NOBODY)
    joint.submit()
    joint.hand_back("请补充说明")
    joint.db.write_now(replaced, HE)
    joint.save({"CL-4:1": {"value": "是", "note": "已核对原件"}}, LI)
    joint.submit(LI)
    assert joint.visit().state == VisitState.IN_REVIEW


def test_an_officer_lent_by_a_third_department_acts_for_the_lead(joint: Desk) -> None:
    def lend(session: Session) -> None:
        session.add(Department(id=3, code="XFJ", name="云溪县消防救援大队"))
        session.flush()
        session.exec(select(VisitOfficer).where(VisitOfficer.person_id == SUN)).one().department_id = 3

    joint.db.write_now(lend)
    joint.arrive(WANG, SUN)
    joint.open(SUN)
    assert joint.save(GOOD, SUN).version == 1


def replaced(session: Session, person_id: int) -> None:
    officer = session.exec(select(VisitOfficer).where(VisitOfficer.person_id == person_id)).one()
    officer.state = OfficerState.REPLACED
    session.add(officer)
