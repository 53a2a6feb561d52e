"""The form of a visit: its gates, drafts, evidence, record sheet and submission (C14, C16-C19, C21, C24)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit.service import verify
from bot.inspection.calendar import WorkCalendar
from bot.inspection.checklists.definition import load_checklist, parse_checklist
from bot.inspection.checklists.evidence import EvidenceStore, Stored
from bot.inspection.checklists.models import Answer, ChecklistVersion, Evidence, RecordSheet, VisitForm
from bot.inspection.checklists.queries import form_facts
from bot.inspection.checklists.record import render_pdf
from bot.inspection.checklists.service import (
    OUTCOME,
    add_evidence,
    latest_checklist,
    open_form,
    publish_checklist,
    save_draft,
    tell_training_missing,
)
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import PersonRole, Role
from bot.inspection.profile import load_profile
from bot.inspection.results.closing import Closing, close_record, prepare_sheet, reopen_record
from bot.inspection.results.models import ItemResult, Review
from bot.inspection.results.submit import Receipt, submit_visit
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.service import check_in, move_visit
from tests.fakes.visits import (
    CONTACT,
    LEAD,
    LI,
    REVIEWER,
    STRANGER,
    VISIT,
    WANG,
    make_visit,
    picture,
    signature,
    train,
    untrain,
)

PROFILE = load_profile("default")
CALENDAR = WorkCalendar.load()
GOOD = {f"CL-1:{n}": {"value": "是"} for n in range(1, 13)}


class Desk:
    """The calls of one test, with the database, the clock and the store filled in."""

    def __init__(self, db: Database, clock: ManualClock, folder: Path) -> None:
        self.db, self.clock, self.store = db, clock, EvidenceStore(folder, 5_000_000)

    def do(self, service: Callable[..., Any], **values: Any) -> Any:
        return self.db.write_now(service, now=self.clock.now(), **values)

    def arrive(self, *people: int) -> None:
        for person in people:
            self.do(check_in, visit_id=VISIT, person_id=person, profile=PROFILE)

    def open(self, person: int = WANG) -> VisitForm:
        form: VisitForm = self.do(open_form, visit_id=VISIT, person_id=person, profile=PROFILE)
        return form

    def save(self, changes: dict[str, Any], person: int = WANG, base: int = 0) -> Any:
        form = self.form
        return self.db.write_now(save_draft, form_id=form.id, person_id=person, changes=changes, base_version=base)

    def photo(self, question: str, shade: int = 90, person: int = WANG) -> Evidence:
        evidence: Evidence = self.do(
            add_evidence, form_id=self.form.id, person_id=person, question=question,
            stored=self.store.put(picture(shade)),
        )  # fmt: skip
        return evidence

    def close(self, closing: Closing | None = None) -> RecordSheet:
        closing = closing or Closing("陈老板", self.store.put(signature()))
        ink = self.store.read(closing.signature.sha256) if closing.signature else b""
        sheet, version = self.db.read_now(
            prepare_sheet, form_id=self.form.id, person_id=WANG, closing=closing, signature=ink,
            verify_url="http://x/record/" + "0" * 26, now=self.clock.now(), profile=PROFILE,
        )  # fmt: skip
        pdf = self.store.put(render_pdf(sheet, now=self.clock.now()))
        record: RecordSheet = self.do(
            close_record, form_id=self.form.id, person_id=WANG, closing=closing, draft_version=version, pdf=pdf,
            verify_code="0" * 26, profile=PROFILE,
        )  # fmt: skip
        return record

    def submit(self, person: int = WANG) -> Receipt:
        receipt: Receipt = self.do(
            submit_visit, form_id=self.form.id, person_id=person, profile=PROFILE, calendar=CALENDAR
        )
        return receipt

    def hand_back(self, reason: str) -> None:
        def act(session: Session) -> None:
            session.add(Review(visit_id=VISIT, round=1, reviewer_id=REVIEWER, decision="RETURNED", reason=reason,
                               at=self.clock.now()))  # fmt: skip
            move_visit(session, session.get_one(Visit, VISIT), VisitState.RECORDED, now=self.clock.now())

        self.db.write_now(act)

    @property
    def form(self) -> VisitForm:
        form = self.rows(VisitForm)[0]
        assert isinstance(form, VisitForm)
        return form

    def rows(self, table: Any, *where: Any) -> list[Any]:
        return self.db.read_now(lambda s: list(s.exec(select(table).where(*where))))

    def visit(self) -> Visit:
        visit: Visit = self.rows(Visit)[0]
        return visit

    def told(self, kind: str) -> list[int]:
        return sorted(n.recipient_id for n in self.rows(Notice, Notice.kind == kind))


@pytest.fixture
def desk(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    db.write_now(make_visit, now=clock.now())
    return Desk(db, clock, tmp_path / "evidence")


@pytest.fixture
def opened(desk: Desk) -> Desk:
    desk.arrive(WANG, LI)
    desk.open()
    return desk


def refused(call: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


def test_the_form_opens_when_the_second_officer_has_checked_in(desk: Desk) -> None:
    desk.arrive(WANG)
    assert "执法人员不少于两人" in refused(desk.open).text
    desk.arrive(LI)
    assert desk.open().id == desk.open(LI).id
    assert len(desk.rows(VisitForm)) == 1


def test_a_written_check_needs_nobody_on_site(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> None:
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


def test_each_department_fills_only_its_own_section(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    lists = (load_checklist("CL-1"), load_checklist("CL-4"))
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=lists, item_departments=(1, 2))
    desk = Desk(sqlite_db, clock, tmp_path)
    desk.arrive(WANG, LI)
    desk.open()
    assert refused(lambda: desk.save({"CL-4:1": {"value": "是"}})).key == "not_your_section"
    assert desk.save({"CL-4:1": {"value": "是"}}, person=LI).version == 1


def test_the_same_photo_twice_is_stored_once_with_two_links(opened: Desk) -> None:
    one = opened.photo("CL-1:2")
    assert opened.photo("CL-1:2").id == one.id
    two = opened.photo("CL-1:3")
    assert two.id != one.id
    assert two.sha256 == one.sha256
    assert len([p for p in (opened.store._folder).rglob("*") if p.is_file()]) == 1


def test_an_unanswered_question_and_a_bare_no_are_named(opened: Desk) -> None:
    opened.save({**GOOD, "CL-1:5": {"value": "否"}, "CL-1:7": {"value": ""}})
    problem = refused(opened.close)
    assert set(problem.fields) == {"CL-1:5", "CL-1:7"}
    assert "请写明情况" in problem.fields["CL-1:5"]
    assert "上传1张照片" in problem.fields["CL-1:5"]


def test_no_signature_and_no_reason_closes_nothing(opened: Desk) -> None:
    opened.save(GOOD)
    assert refused(lambda: opened.close(Closing())).key == "signature_missing"
    assert refused(lambda: opened.close(Closing(refusal_code="REFUSED", refusal_text="。"))).key == "signature_missing"
    assert opened.rows(RecordSheet) == []


def test_a_refused_signature_closes_with_reason_and_witness_and_tells_the_lead(opened: Desk) -> None:
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
        close_record, form_id=opened.form.id, person_id=WANG, closing=closing, draft_version=0, pdf=stored,
        verify_code="1" * 26, profile=PROFILE,
    )  # fmt: skip
    assert refused(call).key == "draft_changed"


def test_a_second_submit_returns_the_first_receipt(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close()
    first = opened.submit()
    opened.clock.advance(hours=1)
    assert opened.submit(LI) == first
    assert len(opened.rows(Answer)) == 12
    assert opened.visit().state == VisitState.IN_REVIEW
    assert {f["name"] for f in first.files} == {"被检查单位签字", "检查记录表"}


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


def test_an_officer_never_reviews_the_own_visit(opened: Desk) -> None:
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
    opened.save({"CL-1:5": {"value": "合理缺项"}}, person=LI)
    again = opened.submit(LI)
    assert again.round == 2
    answers = opened.rows(Answer, Answer.question == "CL-1:5")
    assert [(a.version, a.value, a.person_id) for a in answers] == [(1, "是", WANG), (2, "合理缺项", LI)]
    assert "第5项依据不足" in answers[1].reason
    assert len(opened.rows(Answer)) == 13
    slots = {n.slot for n in opened.rows(Notice, Notice.kind == "review_request")}
    assert slots == {"round-1", "round-2"}
    assert opened.told("enterprise_record") == [CONTACT]


def test_cannot_be_reached_needs_proof_of_two_days(opened: Desk) -> None:
    opened.save({OUTCOME: {"value": "R04", "note": "门牌存在，无人经营，电话停机"}})
    opened.photo(OUTCOME, 1)
    problem = refused(opened.close)
    assert "不同日期至少联系 2 次" in problem.fields[OUTCOME]
    opened.clock.advance(days=1)
    opened.photo(OUTCOME, 2)
    opened.close(Closing(refusal_code="ABSENT", refusal_text="登记地址无人"))
    assert opened.submit().result == "通过登记的住所（经营场所）无法联系"
    assert opened.told("no_signature") == []  # nobody was there to sign


def test_a_serious_refusal_without_evidence_is_refused(opened: Desk) -> None:
    opened.save({OUTCOME: {"value": "R06", "note": "负责人锁门拒绝检查"}})
    end = Closing(refusal_code="REFUSED", refusal_text="拒绝检查")
    assert "请上传凭据" in refused(lambda: opened.close(end)).fields[OUTCOME]
    opened.photo(OUTCOME)
    opened.close(end)
    opened.submit()
    assert opened.visit().outcome == "R06"
    assert opened.told("refused_inspection") == [LEAD]


def test_after_submission_nothing_is_added(opened: Desk) -> None:
    opened.save(GOOD)
    opened.close()
    opened.submit()
    assert refused(lambda: opened.photo("CL-1:1", 33)).key == "form_closed"
    assert refused(lambda: opened.save({"CL-1:1": {"value": "否"}})).key == "form_closed"
    facts = opened.db.read_now(form_facts, VISIT)
    assert not facts.is_open
