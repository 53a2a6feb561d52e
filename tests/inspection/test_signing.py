"""Both officers put their names under the record sheet, or say what they see differently (C18)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.service import verify
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.checklists.models import Evidence, RecordSheet, SheetSignature
from bot.inspection.notices.message import Content, Skip
from bot.inspection.notices.models import Notice
from bot.inspection.results.closing import Closing, reopen_record
from bot.inspection.results.signing import Mark, prepare_signing, sheets_to_sign, sign_record
from bot.inspection.results.signing_messages import officer_objects, sheet_signed, sheet_to_sign
from handlers.record_sheet import sign_sheet
from tests.fakes.desk import GOOD, PROFILE, Desk, refused
from tests.fakes.visits import HE, LEAD, LI, REVIEWER, STRANGER, SUN, VISIT, WANG, make_visit


@pytest.fixture
def closed(opened: Desk) -> Desk:
    """A sheet the inspected party signed, before the officers."""
    opened.save(GOOD)
    opened.close()
    return opened


def message(desk: Desk, kind: str) -> Content | Skip:
    content = {
        "sheet_to_sign": sheet_to_sign,
        "officer_objects": officer_objects,
        "sheet_signed": sheet_signed,
    }
    return desk.db.read_now(
        lambda s: content[kind](s, desk.rows(Notice, Notice.kind == kind)[0], desk.clock.now())
    )


def test_c18_the_result_waits_until_both_officers_have_signed(closed: Desk) -> None:
    assert closed.told("sheet_to_sign") == [LI]  # the other has the sheet on the screen
    assert "王建国、李秀英" in refused(lambda: closed.submit(sign=False)).text
    assert closed.sign(WANG) is False
    assert refused(lambda: closed.submit(sign=False)).text == "还差执法人员签名：李秀英。"
    assert closed.sign(LI) is True
    assert closed.told("sheet_signed") == [WANG]
    assert closed.submit(sign=False).round == 1
    assert closed.db.read_now(verify).broken_at is None


def test_c18_an_officer_who_disagrees_is_heard_and_the_result_still_goes_on(closed: Desk) -> None:
    closed.sign(WANG)
    objection = Mark(agrees=False, objection="第 5 项当场未见台账， 应为不合格")
    assert closed.sign(LI, objection) is True
    kept = closed.rows(SheetSignature, SheetSignature.person_id == LI)[0]
    assert (kept.agrees, kept.objection) == (False, "第 5 项当场未见台账， 应为不合格")
    assert closed.told("officer_objects") == [LEAD]
    told = message(closed, "officer_objects")
    assert isinstance(told, Content)
    assert told.values["objection"].startswith("第 5 项")
    assert closed.submit(sign=False).round == 1


def test_an_objection_without_words_is_refused(closed: Desk) -> None:
    assert refused(lambda: closed.sign(LI, Mark(agrees=False, objection=" "))).key == "objection_missing"
    assert closed.rows(SheetSignature) == []


def test_a_second_press_finds_the_first_signature(closed: Desk) -> None:
    closed.sign(WANG)
    closed.clock.advance(hours=1)
    assert closed.sign(WANG, Mark(agrees=False, objection="想改主意")) is False
    kept = closed.rows(SheetSignature)
    assert [(s.person_id, s.agrees) for s in kept] == [(WANG, True)]


def test_only_officers_of_the_visit_sign_and_only_a_closed_sheet(opened: Desk) -> None:
    opened.save(GOOD)
    assert refused(lambda: opened.sign(WANG)).key == "record_open"
    opened.close()
    for who in (STRANGER, LEAD, REVIEWER):
        assert refused(lambda who=who: opened.sign(who)).key == "forbidden"


def test_two_at_the_same_moment_both_stand_on_the_sheet(closed: Desk) -> None:
    """Both read the sheet, both draw it; the second must draw again, or the first name would be lost."""
    now, mark = closed.clock.now(), Mark()
    known = {"form_id": closed.form.id, "mark": mark, "now": now}
    prepared = [
        closed.db.read_now(prepare_signing, **known, person_id=p, ink=closed.store.read, public_url="u",
                           profile=PROFILE)
        for p in (WANG, LI)
    ]  # fmt: skip
    pdf = closed.store.put(b"%PDF-1.7\n%%EOF\n")
    closed.db.write_now(sign_record, **known, person_id=WANG, replaces=prepared[0][1], pdf=pdf)
    with pytest.raises(Problem) as caught:
        closed.db.write_now(sign_record, **known, person_id=LI, replaces=prepared[1][1], pdf=pdf)
    assert caught.value.key == "sheet_changed"
    assert closed.sign(LI, mark) is True


def test_a_void_sheet_takes_its_signatures_with_it_and_they_stay_readable(closed: Desk) -> None:
    closed.sign(WANG)
    old = closed.rows(RecordSheet)[0].pdf_sha256
    closed.do(reopen_record, form_id=closed.form.id, person_id=LI)
    assert isinstance(message(closed, "sheet_to_sign"), Skip)
    assert len(closed.rows(SheetSignature)) == 1  # of the void sheet
    assert closed.rows(Evidence, Evidence.sha256 == old)


def test_the_signature_names_the_file_that_was_seen(closed: Desk) -> None:
    before = closed.rows(RecordSheet)[0].pdf_sha256
    closed.sign(WANG)
    after = closed.rows(RecordSheet)[0].pdf_sha256
    assert closed.rows(SheetSignature)[0].seen_sha256 == before != after
    assert closed.store.read(after).startswith(b"%PDF")


def test_the_card_says_what_the_officer_did(closed: Desk) -> None:
    open_card = message(closed, "sheet_to_sign")
    assert isinstance(open_card, Content)
    assert [ask.verb for ask in open_card.asks] == ["sign_sheet", "object_sheet"]
    closed.sign(LI)
    done = message(closed, "sheet_to_sign")
    assert isinstance(done, Content)
    assert done.closed.startswith("已签名")


@pytest.fixture
def joint(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    """A closed sheet of two departments with two officers each."""
    lists = (load_checklist("CL-1"), load_checklist("CL-4"))
    db.write_now(make_visit, now=clock.now(), checklists=lists, item_departments=(1, 2))
    desk = Desk(db, clock, tmp_path / "evidence")
    desk.arrive(WANG, LI, SUN, HE)
    desk.open()
    desk.save(GOOD, WANG)
    desk.save({f"CL-4:{q.key}": {"value": q.good} for q in lists[1].questions if q.good}, LI)
    desk.save({"item:2": {"value": "未发现问题"}}, LI)
    desk.close(Closing(refusal_code="ABSENT", refusal_text="负责人外出"))
    return desk


class Overtaken:
    """The database of somebody before whom each of the *others* gets a name in, one at each try."""

    def __init__(self, desk: Desk, others: list[int]) -> None:
        self.desk, self.others, self.read = desk, others, desk.db.read

    async def write(self, work: Any, **values: Any) -> Any:
        if self.others:
            await asyncio.to_thread(self.desk.sign, self.others.pop())
        return await self.desk.db.write(work, **values)


async def test_the_last_of_four_who_sign_in_one_moment_is_not_asked_to_press_again(joint: Desk) -> None:
    db: Any = Overtaken(joint, [WANG, SUN, LI])
    complete = await sign_sheet(
        db, joint.store, form_id=joint.form.id, person_id=HE, mark=Mark(), now=joint.clock.now(),
        profile=PROFILE, public_url="https://suicha.example",
    )  # fmt: skip
    assert complete
    assert {s.person_id for s in joint.rows(SheetSignature)} == {WANG, SUN, LI, HE}


def test_in_a_joint_visit_each_department_signs_its_own_section(joint: Desk) -> None:
    desk = joint
    lists = (load_checklist("CL-1"), load_checklist("CL-4"))
    for person in (WANG, SUN, LI, HE):
        desk.sign(person)
    kept = {s.person_id: (s.department, s.sections) for s in desk.rows(SheetSignature)}
    lead, partner = ("云溪县市场监督管理局", lists[0].name), ("云溪县应急管理局", lists[1].name)
    assert kept == {WANG: lead, SUN: lead, LI: partner, HE: partner}


def test_the_sheets_that_wait_for_me_are_found(closed: Desk) -> None:
    def waiting(session: Session) -> list[list[tuple[int, str]]]:
        return [sheets_to_sign(session, person_id=p) for p in (WANG, LI, STRANGER)]

    number = "450900202603090001-001"
    assert closed.db.read_now(waiting) == [[(VISIT, number)], [(VISIT, number)], []]
    closed.sign(WANG)
    assert closed.db.read_now(waiting) == [[], [(VISIT, number)], []]
