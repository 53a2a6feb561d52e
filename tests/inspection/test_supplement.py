"""A result that came back: what the inspected party signed changes only with a supplementary sheet (C18, C21)."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from bot.core.clock import china
from bot.inspection.checklists.models import EarlierSheet, RecordSheet, SheetSignature
from bot.inspection.checklists.queries import form_facts
from bot.inspection.checklists.record import Sheet
from bot.inspection.notices.models import Notice
from bot.inspection.results.closing import Closing, record_by_code, reopen_record
from bot.inspection.results.judgement import judge
from bot.inspection.results.sheet import build_sheet
from bot.inspection.tasks.models import VisitState
from tests.fakes.desk import GOOD, Desk, refused
from tests.fakes.visits import CONTACT, VISIT, WANG

OTHERWISE = {"CL-1:5": {"value": "否", "note": "出资时间与公示不符"}}
REFUSED = Closing(refusal_code="REFUSED", refusal_text="负责人看过后拒绝签字")


@pytest.fixture
def returned(opened: Desk) -> Desk:
    """Signed, handed in and sent back."""
    opened.save(GOOD)
    opened.close()
    opened.submit()
    opened.hand_back("第5项再核对")
    return opened


def corrected(desk: Desk) -> None:
    desk.save(OTHERWISE)
    desk.photo("CL-1:5")


def test_a_correction_of_words_leaves_the_signed_sheet_and_says_so(returned: Desk) -> None:
    returned.save({"CL-1:5": {"value": "是", "note": "已与章程核对"}})
    assert refused(lambda: returned.close(REFUSED)).key == "sheet_holds"
    receipt = returned.submit()
    assert "不用重新签字" in receipt.sheet_note
    assert returned.rows(EarlierSheet) == []


def test_a_correction_of_an_answer_is_not_handed_in_before_it_is_signed_or_refused(returned: Desk) -> None:
    corrected(returned)
    problem = refused(returned.submit)
    assert problem.key == "form_incomplete"
    assert "补充记录表" in problem.text
    assert returned.visit().state == VisitState.RECORDED


def test_the_supplementary_sheet_is_signed_by_everybody_and_the_first_stays_readable(returned: Desk) -> None:
    corrected(returned)
    first = returned.rows(RecordSheet)[0]
    returned.code = "1" * 26
    returned.close(REFUSED)
    assert refused(lambda: returned.submit(sign=False)).key == "officers_unsigned"
    assert refused(lambda: returned.save(GOOD)).key == "record_closed"
    receipt = returned.submit()
    assert (receipt.round, receipt.sheet_note) == (2, "")
    named = {file["sha256"]: file["name"] for file in receipt.files}
    assert named[first.pdf_sha256] == "第 1 次提交的检查记录表"
    assert named[first.signature_sha256] == "被检查单位签字（第 1 次提交）"
    assert "弄虚作假" in receipt.result
    [earlier] = returned.rows(EarlierSheet)
    [second] = returned.rows(RecordSheet)
    assert (earlier.verify_code, earlier.signed_by, earlier.round) == (first.verify_code, "陈老板", 1)
    assert (second.verify_code, second.refusal_code, second.round) == ("1" * 26, "REFUSED", 2)
    assert len(returned.rows(SheetSignature)) == 4
    for sheet in (earlier, second):
        found, _ = returned.db.read_now(record_by_code, sheet.verify_code)
        assert found.pdf_sha256 == sheet.pdf_sha256
    assert returned.store.read(earlier.pdf_sha256) != returned.store.read(second.pdf_sha256)
    copies = returned.rows(Notice, Notice.kind == "enterprise_record", Notice.recipient_id == CONTACT)
    assert sorted(copy.slot for copy in copies) == ["", "round-2"]


def test_the_supplementary_sheet_says_what_is_different(returned: Desk) -> None:
    closed = china(returned.rows(RecordSheet)[0].closed_at).strftime("%Y-%m-%d %H:%M")
    returned.clock.advance(hours=30)
    corrected(returned)

    def printed(session: Session) -> Sheet:
        facts = form_facts(session, VISIT)
        return build_sheet(
            session, facts, judge(facts, attempts_min=0), verify_url="http://x", now=returned.clock.now()
        )

    sheet = returned.db.read_now(printed)
    assert sheet.title.endswith("（补充）")
    assert sheet.ended == closed  # nobody was on site for thirty hours
    (what, before, after), result = sheet.changes
    assert what.startswith("第5项")
    assert (before, after) == ("是", "否")
    assert result[1:] == ("未发现问题", "公示信息隐瞒真实情况、弄虚作假")


def test_a_void_supplementary_sheet_is_signed_anew(returned: Desk) -> None:
    corrected(returned)
    returned.code = "1" * 26
    returned.close(REFUSED)
    returned.do(reopen_record, form_id=returned.form.id, person_id=WANG)
    assert refused(returned.submit).key == "form_incomplete"
    returned.code = "2" * 26
    returned.close(REFUSED)
    returned.submit()
    assert [sheet.round for sheet in returned.rows(EarlierSheet)] == [1]
