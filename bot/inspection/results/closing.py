"""Close the record sheet: signed by the inspected party, or unsigned with a reason (SC-4.2.4.a-c, C18)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Protocol

from sqlmodel import Session, select

from bot.core.errors import Problem
from bot.core.words import says_something
from bot.inspection.audit.service import record
from bot.inspection.checklists.basics import FormBasics
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.keeping import evidence_of, linked
from bot.inspection.checklists.models import EarlierSheet, RecordSheet
from bot.inspection.checklists.queries import FormFacts, facts_of_form, form_facts
from bot.inspection.checklists.record import Sheet
from bot.inspection.checklists.sections import require_present
from bot.inspection.checklists.service import RECORD, editable
from bot.inspection.notices.service import enqueue, supersede, touch_cards
from bot.inspection.profile import Profile
from bot.inspection.profile.terms import Demand
from bot.inspection.results.judgement import Judgement, judge
from bot.inspection.results.sheet import build_sheet
from bot.inspection.results.supplement import WORDING_ONLY, changes
from bot.inspection.tasks.queries import leads_of, require_officer
from bot.inspection.tasks.service import subject_of

REFUSALS = {"REFUSED": "拒绝签字", "ABSENT": "负责人不在场", "OTHER": "其他原因"}
TO_SIGN = "sheet_to_sign"  # asks an officer to sign
NOT_REQUIRED = "NOT_REQUIRED"  # where the locality asks for no signature


@dataclass(frozen=True, slots=True)
class Closing:
    """How the sheet ends: ``signed_by`` with a stored signature, or a refusal code with its text."""

    signed_by: str = ""
    signature: Stored | None = None
    refusal_code: str = ""
    refusal_text: str = ""
    witness: str = ""

    @property
    def reason(self) -> str:
        """The refusal in words."""
        return refusal_words(self)


class Unsigned(Protocol):
    """What knows why nobody signed."""

    @property
    def refusal_code(self) -> str: ...

    @property
    def refusal_text(self) -> str: ...


def refusal_words(unsigned: Unsigned) -> str:
    """Why the inspected party did not sign, in words; empty when it did."""
    if not unsigned.refusal_code:
        return ""
    return f"{REFUSALS.get(unsigned.refusal_code, '本地不要求签字')}：{unsigned.refusal_text}"


def check_closing(closing: Closing, profile: Profile) -> None:
    """Raise ``signature_missing`` or ``witness_missing``: no signature and no reason is no end."""
    if closing.signature is not None and not closing.refusal_code:
        if not closing.signed_by:
            raise Problem("signature_missing", "请填写签字人姓名。", signed_by="不能为空")
        if not closing.signature.media_type.startswith("image/"):
            raise Problem("signature_missing", "签字要用图片。", signature="不是图片")
        return
    known = set(REFUSALS) | ({NOT_REQUIRED} if profile.record.signature is not Demand.REQUIRED else set())
    if closing.refusal_code not in known or not says_something(closing.refusal_text):
        text = "请被检查单位签字；没有人签字的，选择情形并写明原因。"
        raise Problem("signature_missing", text, refusal_text="请写明原因")
    if profile.record.witness is Demand.REQUIRED and not closing.witness:
        raise Problem("witness_missing", "没有签字时要有见证人，请填写见证人姓名和单位。", witness="不能为空")


def prepare_sheet(
    session: Session,
    *,
    form_id: str,
    person_id: int,
    closing: Closing,
    signature: bytes,
    verify_url: str,
    now: dt.datetime,
    profile: Profile,
) -> tuple[Sheet, int]:
    """The sheet as it would be closed now, and the draft version it shows.

    Raises ``form_incomplete`` with the faults by question, or what ``check_closing`` and ``editable`` raise.
    """
    facts = facts_of_form(session, form_id)
    form = editable(facts, person_id)
    check_closing(closing, profile)
    judged = complete(facts, profile)
    if facts.record is not None and not changes(session, facts, judged):
        raise Problem("sheet_holds", WORDING_ONLY)
    sheet = build_sheet(session, facts, judged, verify_url=verify_url, now=now)
    signed = replace(sheet, signed_by=closing.signed_by, signature=signature)
    return replace(signed, refusal=closing.reason, witness=closing.witness), form.draft_version


def complete(facts: FormBasics, profile: Profile) -> Judgement:
    """The judgement of a form that lacks nothing; raises ``officers_missing`` (a department of a joint visit is not
    there), or ``form_incomplete`` with the faults by question."""
    require_present(facts, least=profile.draw.officers_min)
    judged = judge(facts, attempts_min=profile.visit.contact_attempts_min)
    if judged.errors:
        raise Problem("form_incomplete", f"还有 {len(judged.errors)} 处没有填好。", **judged.errors)
    return judged


def close_record(
    session: Session, *, form_id: str, person_id: int, closing: Closing, draft_version: int, pdf: Stored,
    verify_code: str, now: dt.datetime, profile: Profile,
) -> RecordSheet:  # fmt: skip
    """Keep the closed sheet; a second closing finds the first. Leads learn of a missing signature.

    Raises ``draft_changed`` when the answers are no longer those on the sheet.
    """
    facts = facts_of_form(session, form_id, lock=True)
    if facts.record is not None and facts.sheet_stands:
        return facts.record
    form = editable(facts, person_id)
    check_closing(closing, profile)
    if form.draft_version != draft_version:
        raise Problem("draft_changed", "同伴刚刚改了回答，请再核对一遍。")
    if facts.record is not None:
        _set_aside(session, facts.record, now=now)
    sheet = _sheet_of(form.visit_id, closing, pdf_sha256=pdf.sha256, verify_code=verify_code, now=now)
    sheet.round = int(form.receipt.get("round", 0)) + 1
    session.add(sheet)
    if closing.signature:
        _link(session, facts, closing.signature, kind="SIGNATURE", person_id=person_id, now=now)
    _link(session, facts, pdf, kind="FILE", person_id=person_id, now=now)
    subject = subject_of(form.visit_id)
    record(
        session,
        "record.closed",
        subject,
        now=now,
        actor=person_id,
        pdf=pdf.sha256,
        refusal=closing.refusal_code,
        round=sheet.round,
    )
    _ask_to_sign(session, facts, sheet, besides=person_id, now=now)
    if closing.refusal_code in REFUSALS:
        _tell_unsigned(session, facts, now=now)
    touch_cards(session, subject, now=now)
    return sheet


def _sheet_of(
    visit_id: int, closing: Closing, *, pdf_sha256: str, verify_code: str, now: dt.datetime
) -> RecordSheet:
    return RecordSheet(
        visit_id=visit_id, closed_at=now, signed_by=closing.signed_by if closing.signature else "",
        signature_sha256=closing.signature.sha256 if closing.signature else "", witness=closing.witness,
        refusal_code=closing.refusal_code, refusal_text=closing.refusal_text, pdf_sha256=pdf_sha256,
        verify_code=verify_code,
    )  # fmt: skip


def _set_aside(session: Session, sheet: RecordSheet, *, now: dt.datetime) -> None:
    """Keep the sheet that was signed before readable under its own code; a supplementary one takes its place."""
    session.add(EarlierSheet(**sheet.model_dump(), replaced_at=now))
    session.delete(sheet)
    session.flush()


def _ask_to_sign(
    session: Session, facts: FormFacts, sheet: RecordSheet, *, besides: int, now: dt.datetime
) -> None:
    """Ask every officer but *besides*, who has the sheet on the screen, to sign it."""
    for person, _ in facts.visit.officers:
        if person.id != besides:
            enqueue(session, TO_SIGN, subject_of(sheet.visit_id), recipient_id=person.id, now=now,
                    slot=sheet.verify_code, generation=facts.visit.visit.generation)  # fmt: skip


def _tell_unsigned(session: Session, facts: FormFacts, *, now: dt.datetime) -> None:
    """Flag NO_SIGNATURE to the leads, except where the visit could not take place and nobody was there."""
    if judge(facts, attempts_min=0).outcome or facts.form is None:
        return
    for lead in leads_of(session, facts.visit.task.lead_department_id):
        enqueue(session, "no_signature", subject_of(facts.form.visit_id), recipient_id=lead, now=now)


def reopen_record(session: Session, *, form_id: str, person_id: int, now: dt.datetime) -> None:
    """作废签字: answers may change again and the sheet is signed anew; the old files stay as evidence."""
    facts = facts_of_form(session, form_id, lock=True)
    if facts.record is None:
        return
    if not facts.is_open or not facts.sheet_stands:
        raise Problem("form_closed", "记录表已随结果提交，不能作废。")
    require_officer(session, facts.record.visit_id, person_id)
    record(
        session,
        "record.reopened",
        subject_of(facts.record.visit_id),
        now=now,
        actor=person_id,
        pdf=facts.record.pdf_sha256,
    )
    supersede(session, subject_of(facts.record.visit_id), kinds=(TO_SIGN,), reason="签字已作废", now=now)
    session.delete(facts.record)


def record_by_code(session: Session, verify_code: str) -> tuple[RecordSheet | EarlierSheet, FormFacts]:
    """A record sheet by the code in its QR, also one that a supplementary sheet followed. Raises ``not_found``."""
    sheet: RecordSheet | EarlierSheet | None = session.get(EarlierSheet, verify_code)
    if sheet is None:
        sheet = session.exec(select(RecordSheet).where(RecordSheet.verify_code == verify_code)).one_or_none()
    if sheet is None:
        raise Problem("not_found", "没有找到这份记录表。它可能已作废重签，请核对编号。")
    return sheet, form_facts(session, sheet.visit_id)


def _link(
    session: Session, facts: FormFacts, stored: Stored, *, kind: str, person_id: int, now: dt.datetime
) -> None:
    """Make a file of the sheet evidence of the visit, unless it is already."""
    if linked(facts, RECORD, stored.sha256) is None:
        session.add(evidence_of(facts, RECORD, stored, kind=kind, person_id=person_id, now=now))
