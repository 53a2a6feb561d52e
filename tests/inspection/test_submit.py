"""The record sheet is closed and the result handed in (C18, C21, C24)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlmodel import Session

from bot.inspection.audit.service import verify
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.models import Answer, RecordSheet
from bot.inspection.checklists.queries import form_facts
from bot.inspection.checklists.service import (
    OUTCOME,
    open_form,
    save_draft,
)
from bot.inspection.followups.models import FollowUp
from bot.inspection.followups.opening import open_for_approved
from bot.inspection.notices.message import Content
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.results.closing import Closing, close_record, reopen_record
from bot.inspection.results.labels import label_of
from bot.inspection.results.models import ItemResult
from bot.inspection.results.outcome_messages import library_mismatch
from bot.inspection.results.service import Decision, review_visit
from bot.inspection.results.submit import submit_visit
from bot.inspection.tasks.models import VisitState
from tests.fakes.builders import make_person
from tests.fakes.desk import CALENDAR, GOOD, PROFILE, Desk, refused
from tests.fakes.visits import (
    CONTACT,
    LEAD,
    LI,
    REVIEWER,
    VISIT,
    WANG,
)

KEEPER = 90  # a library administrator beside the people of the visit


def test_an_unanswered_question_and_a_bare_no_are_named(opened: Desk) -> None:
    opened.save({**GOOD, "CL-1:5": {"value": "否"}, "CL-1:7": {"value": ""}})
    problem = refused(opened.close)
    assert set(problem.fields) == {"CL-1:5", "CL-1:7"}
    assert "请写明情况" in problem.fields["CL-1:5"]
    assert "上传1张照片" in problem.fields["CL-1:5"]


def test_c17_a_no_asks_for_words_and_photo_the_partner_sees_the_draft_and_what_is_missing_is_named(
    opened: Desk,
) -> None:
    """The public-information checklist of 12 questions, question 5 = 否; 暂存 by one officer, the other looks."""
    opened.save({f"CL-1:{n}": {"value": "是"} for n in range(1, 12)} | {"CL-1:5": {"value": "否"}})
    assert opened.form.draft["CL-1:5"]["value"] == "否"
    assert opened.save({}, person=LI).draft["CL-1:5"]["value"] == "否"
    problem = refused(opened.close)
    assert set(problem.fields) == {"CL-1:5", "CL-1:12"}
    assert all(words in problem.fields["CL-1:5"] for words in ("请写明情况", "上传1张照片"))
    opened.save({"CL-1:5": {"value": "否", "note": "实缴出资时间与章程不符"}})
    opened.photo("CL-1:5")
    assert set(refused(opened.close).fields) == {"CL-1:12"}
    opened.save({"CL-1:12": {"value": "是"}}, person=LI)
    opened.close()
    opened.submit()
    assert opened.visit().state == VisitState.IN_REVIEW


def test_c18_no_signature_and_no_reason_closes_nothing(opened: Desk) -> None:
    opened.save(GOOD)
    assert refused(lambda: opened.close(Closing())).key == "signature_missing"
    assert (
        refused(lambda: opened.close(Closing(refusal_code="REFUSED", refusal_text="。"))).key
        == "signature_missing"
    )
    assert opened.rows(RecordSheet) == []


def test_c18_a_refused_signature_closes_with_reason_and_witness_and_tells_the_lead(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close(Closing(refusal_code="REFUSED", refusal_text="负责人拒绝签字", witness="张主任，社区居委会"))
    sheet = opened.rows(RecordSheet)[0]
    assert (sheet.refusal_code, sheet.witness) == ("REFUSED", "张主任，社区居委会")
    assert opened.told("no_signature") == [LEAD]


def test_after_the_signature_answers_change_only_when_it_is_void(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close()
    assert refused(lambda: opened.save({"CL-1:1": {"value": "否"}})).key == "record_closed"
    opened.do(reopen_record, form_id=opened.form.id, person_id=LI)
    assert opened.save({"CL-1:9": {"value": "合理缺项"}}).version == 2
    assert refused(opened.submit).fields == {"visit:record": "请先签字或登记原因"}


def test_a_sheet_of_older_answers_is_not_closed(opened: Desk) -> None:
    opened.save(GOOD)
    stored = Stored("a" * 64, 1, "application/pdf")
    closing = Closing(refusal_code="ABSENT", refusal_text="负责人外出")
    call = lambda: opened.do(  # noqa: E731
        close_record,
        form_id=opened.form.id,
        person_id=WANG,
        closing=closing,
        draft_version=0,
        pdf=stored,
        verify_code="1" * 26,
        profile=PROFILE,
    )
    assert refused(call).key == "draft_changed"


def test_a_second_submit_returns_the_first_receipt(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close()
    first = opened.submit()
    opened.clock.advance(hours=1)
    assert opened.submit(LI) == first
    assert len(opened.rows(Answer)) == 13
    assert opened.visit().state == VisitState.IN_REVIEW
    assert {f["name"] for f in first.files} == {
        *("被检查单位签字", "执法人员签名", "检查记录表", "检查记录表（此前签名时）"),
    }


def test_a_clean_visit_is_due_twenty_working_days_later_and_asks_one_reviewer(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close()
    receipt = opened.submit()
    visit = opened.visit()
    assert (visit.outcome, visit.ended_on) == ("R01", dt.date(2026, 3, 10))
    assert visit.publish_due == dt.date(2026, 4, 8)  # 6 April is a day off
    assert receipt.publish_due == "2026-04-08"
    assert opened.told("review_request") == [REVIEWER]
    assert opened.told("enterprise_record") == [CONTACT]
    assert opened.db.read_now(verify).broken_at is None


def test_c21_an_officer_never_reviews_the_own_visit(opened: Desk) -> None:
    def make_reviewer(session: Session) -> None:
        session.delete(session.get_one(PersonRole, (REVIEWER, Role.REVIEWER)))
        session.add(PersonRole(person_id=WANG, role=Role.REVIEWER))

    opened.db.write_now(make_reviewer)
    opened.save(GOOD)
    opened.close()
    opened.submit()
    assert opened.told("review_request") == [7]  # the coordinator


def test_a_finding_gives_its_code_and_problem_text(opened: Desk) -> None:
    opened.save({**GOOD, "CL-1:5": {"value": "否", "note": "章程与公示的出资时间不同"}})
    opened.photo("CL-1:5")
    opened.close()
    opened.submit()
    result = opened.rows(ItemResult)[0]
    assert result.codes == ["R03"]
    assert "出资时间不同" in result.problem
    assert opened.visit().publish_due is None  # waits for the handling decision


def test_a_returned_result_comes_back_as_new_versions_with_the_reason(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close()
    opened.submit()
    opened.hand_back("第5项依据不足")
    opened.save({"CL-1:5": {"value": "合理缺项"}, "item:1": {"value": "未发现问题"}}, person=LI)
    opened.code = "1" * 26
    opened.close(Closing(refusal_code="ABSENT", refusal_text="负责人外出"))
    again = opened.submit(LI)
    assert again.round == 2
    answers = opened.rows(Answer, Answer.question == "CL-1:5")
    assert [(a.version, a.value, a.person_id) for a in answers] == [(1, "是", WANG), (2, "合理缺项", LI)]
    assert "第5项依据不足" in answers[1].reason
    assert len(opened.rows(Answer)) == 14
    slots = {n.slot for n in opened.rows(Notice, Notice.kind == "review_request")}
    assert slots == {"round-1", "round-2"}
    assert opened.told("enterprise_record") == [CONTACT, CONTACT]  # the supplementary sheet too


def test_c24_cannot_be_reached_needs_proof_of_two_days(opened: Desk) -> None:
    opened.save({OUTCOME: {"value": "R04", "note": "门牌存在，无人经营，电话停机"}})
    opened.photo(OUTCOME, 1)
    problem = refused(opened.close)
    assert "不同日期至少联系 2 次" in problem.fields[OUTCOME]
    opened.clock.advance(days=1)
    opened.photo(OUTCOME, 2)
    opened.close(Closing(refusal_code="ABSENT", refusal_text="登记地址无人"))
    assert opened.submit().result == "通过登记的住所（经营场所）无法联系"
    assert opened.told("no_signature") == []  # nobody was there to sign


def test_c24_a_serious_refusal_without_evidence_is_refused(opened: Desk) -> None:
    opened.save({OUTCOME: {"value": "R06", "note": "负责人锁门拒绝检查"}})
    end = Closing(refusal_code="REFUSED", refusal_text="拒绝检查")
    assert "请上传凭据" in refused(lambda: opened.close(end)).fields[OUTCOME]
    opened.photo(OUTCOME)
    opened.close(end)
    opened.submit()
    assert opened.visit().outcome == "R06"
    assert opened.told("refused_inspection") == [LEAD]
    assert opened.told("enterprise_obstruction") == [CONTACT]  # what follows is told at once


@pytest.mark.parametrize("code", ["R07", "R21", "R22", "R25"])
def test_c24_gone_moved_or_another_trade_ends_the_visit_and_the_library_is_told(
    opened: Desk, code: str
) -> None:
    opened.db.write_now(lambda s: make_person(s, id=KEEPER, code="KEEPER", role=Role.ADMIN))
    opened.save({OUTCOME: {"value": code, "note": "登记地址已是别家店铺"}})
    opened.photo(OUTCOME)
    opened.close(Closing(refusal_code="ABSENT", refusal_text="无人"))
    opened.submit()
    opened.do(review_visit, visit_id=VISIT, reviewer_id=REVIEWER, decision=Decision.APPROVED)
    assert opened.told("library_mismatch") == [KEEPER]
    notice = opened.rows(Notice, Notice.kind == "library_mismatch")[0]
    said = opened.db.read_now(library_mismatch, notice, opened.clock.now())
    assert isinstance(said, Content)
    assert said.values["result"] == label_of(code)
    assert [r.codes for r in opened.rows(ItemResult)] == [[code]]  # worst item wins, and no item is clean


def test_c24_the_abnormal_list_clock_starts_ten_working_days_after_the_approval(opened: Desk) -> None:
    opened.save({OUTCOME: {"value": "R04", "note": "门牌存在，无人经营，电话停机"}})
    opened.photo(OUTCOME, 1)
    opened.clock.advance(days=1)
    opened.photo(OUTCOME, 2)
    opened.close(Closing(refusal_code="ABSENT", refusal_text="登记地址无人"))
    opened.submit()
    opened.do(review_visit, visit_id=VISIT, reviewer_id=REVIEWER, decision=Decision.APPROVED)
    opened.do(open_for_approved, profile=PROFILE, calendar=CALENDAR)
    [found] = opened.rows(FollowUp)
    assert found.codes == "R04"
    assert found.due_on == dt.date(2026, 3, 25)  # ten working days after Wednesday 11 March


def test_after_submission_nothing_is_added(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close()
    opened.submit()
    assert refused(lambda: opened.photo("CL-1:1", 33)).key == "form_closed"
    assert refused(lambda: opened.save({"CL-1:1": {"value": "否"}})).key == "form_closed"
    facts = opened.db.read_now(form_facts, VISIT)
    assert not facts.is_open


def test_both_officers_at_the_same_moment_make_one_form_and_one_result(desk: Desk) -> None:
    desk.arrive(WANG, LI)
    now, db = desk.clock.now(), desk.db
    opening = [
        db.submit(open_form, visit_id=VISIT, person_id=p, now=now, profile=PROFILE) for p in (WANG, LI) * 4
    ]
    assert len({future.result().id for future in opening}) == 1
    keys = sorted(GOOD)
    saving = [
        db.submit(save_draft, form_id=desk.form.id, person_id=p, changes={key: GOOD[key]}, base_version=0)
        for p, key in zip((WANG, LI) * 6, keys[:12], strict=True)
    ]
    assert max(future.result().version for future in saving) == 12
    assert set(desk.form.draft) == set(keys[:12])
    desk.save({"item:1": GOOD["item:1"]})
    desk.close()
    desk.sign(WANG)
    desk.sign(LI)
    handing_in = [
        db.submit(
            submit_visit, form_id=desk.form.id, person_id=p, now=now, profile=PROFILE, calendar=CALENDAR
        )
        for p in (WANG, LI) * 4
    ]
    assert len({future.result().number for future in handing_in}) == 1
    assert len(desk.rows(Answer)) == 13
    assert desk.told("review_request") == [REVIEWER]
    assert db.read_now(verify).broken_at is None
