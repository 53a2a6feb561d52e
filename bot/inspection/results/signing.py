"""The officers put their names under a closed record sheet, each on their own phone (C18).

Who sees the visit differently says so: the objection stands on the sheet beside the name, and the leads learn of it.
In a joint visit everybody signs for the sections of their own department (C17).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlmodel import Session, col, select

from bot.core.clock import china
from bot.core.errors import Problem
from bot.core.words import said, says_something
from bot.inspection.audit.service import record
from bot.inspection.checklists.basics import FormBasics, SheetRow
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.keeping import evidence_of, linked
from bot.inspection.checklists.models import RecordSheet, SheetSignature
from bot.inspection.checklists.queries import FormFacts, facts_of_form
from bot.inspection.checklists.record import OfficerMark, Sheet
from bot.inspection.checklists.sections import is_own_section
from bot.inspection.checklists.service import RECORD
from bot.inspection.notices.service import enqueue, supersede
from bot.inspection.people.models import Department, Person
from bot.inspection.profile import Profile
from bot.inspection.results.closing import TO_SIGN, complete, refusal_words
from bot.inspection.results.sheet import build_sheet
from bot.inspection.tasks.models import Visit, VisitOfficer
from bot.inspection.tasks.queries import leads_of, require_officer
from bot.inspection.tasks.service import subject_of
from bot.inspection.tasks.states import BEFORE_SUBMIT, LIVE

LONGEST = 500  # characters of an objection


@dataclass(frozen=True, slots=True)
class Mark:
    """What one officer does: agree, or object in words; ``ink`` is the stored signature where one was drawn."""

    agrees: bool = True
    objection: str = ""
    ink: Stored | None = None
    way: str = "H5"
    seen: str = ""  # fingerprint of the sheet on the screen


@dataclass(frozen=True, slots=True)
class Signer:
    """A live officer of the visit and, once there, the signature under the sheet that stands."""

    person_id: int
    name: str
    signature: SheetSignature | None


def signatures_of(session: Session, sheet: RecordSheet | SheetRow) -> list[SheetSignature]:
    """The officers' signatures under this sheet, first come first."""
    query = select(SheetSignature).where(SheetSignature.verify_code == sheet.verify_code)
    return list(session.exec(query.order_by(col(SheetSignature.at), col(SheetSignature.id))))


def signers(session: Session, facts: FormBasics) -> list[Signer]:
    """Every live officer, leader first; none before the sheet is closed."""
    if facts.record is None:
        return []
    signed = {s.person_id: s for s in signatures_of(session, facts.record)}
    return [Signer(p.id or 0, p.name, signed.get(p.id or 0)) for p, _ in facts.visit.officers]


def unsigned(session: Session, facts: FormBasics) -> list[str]:
    """Names of the officers whose signature the sheet still lacks."""
    return [who.name for who in signers(session, facts) if who.signature is None]


def prepare_signing(
    session: Session, *, form_id: str, person_id: int, mark: Mark, ink: Callable[[str], bytes],
    public_url: str, now: dt.datetime, profile: Profile,
) -> tuple[Sheet, str] | None:  # fmt: skip
    """The sheet with this signature on it, and the fingerprint of the file it replaces; None when already signed.

    *ink* reads a stored picture. Raises ``forbidden``, ``record_open`` or ``objection_missing``.
    """
    facts = facts_of_form(session, form_id)
    sheet = _closed(facts)
    mine = _new_signature(session, facts, person_id=person_id, mark=mark, now=now)
    standing = signatures_of(session, sheet)
    if any(s.person_id == person_id for s in standing):
        return None
    printed = build_sheet(session, facts, complete(facts, profile), verify_url=f"{public_url}/record/{sheet.verify_code}",
                          now=sheet.closed_at)  # fmt: skip
    printed = replace(
        printed, signed_by=sheet.signed_by, refusal=refusal_words(sheet), witness=sheet.witness,
        signature=ink(sheet.signature_sha256) if sheet.signature_sha256 else b"",
        marks=tuple(_printed(session, s, ink) for s in (*standing, mine)),
    )  # fmt: skip
    return printed, sheet.pdf_sha256


def sign_record(
    session: Session,
    *,
    form_id: str,
    person_id: int,
    mark: Mark,
    replaces: str,
    pdf: Stored | None,
    now: dt.datetime,
) -> bool:
    """Keep the signature and the sheet that shows it; True when nobody's is missing any more.

    A second press finds the first. Raises ``sheet_changed`` when somebody signed since *replaces* was read.
    """
    facts = facts_of_form(session, form_id, lock=True)
    sheet = _closed(facts)
    mine = _new_signature(session, facts, person_id=person_id, mark=mark, now=now)
    if any(s.person_id == person_id for s in signatures_of(session, sheet)):
        return not unsigned(session, facts)
    if pdf is None or sheet.pdf_sha256 != replaces:
        raise Problem("sheet_changed", "同伴刚刚签了名，请再按一次。")
    session.add(mine)
    if mark.ink is not None and linked(facts, RECORD, mark.ink.sha256) is None:
        session.add(evidence_of(facts, RECORD, mark.ink, kind="SIGNATURE", person_id=person_id, now=now))
    if linked(facts, RECORD, pdf.sha256) is None:
        session.add(evidence_of(facts, RECORD, pdf, kind="FILE", person_id=person_id, now=now))
    sheet.pdf_sha256 = pdf.sha256
    session.add(sheet)
    session.flush()
    _tell(session, facts, mine, now=now)
    missing = unsigned(session, facts)
    if not missing:
        _tell_complete(session, facts, last=person_id, now=now)
    return not missing


def sheets_to_sign(session: Session, *, person_id: int) -> list[tuple[int, str]]:
    """(visit id, number) of the closed sheets that lack this officer's signature, oldest first."""
    signed = select(SheetSignature.id).where(
        SheetSignature.verify_code == RecordSheet.verify_code, SheetSignature.person_id == person_id
    )
    query = (
        select(Visit.id, Visit.number)
        .join(VisitOfficer, col(VisitOfficer.visit_id) == Visit.id)
        .join(RecordSheet, col(RecordSheet.visit_id) == Visit.id)
        .where(
            VisitOfficer.person_id == person_id, col(VisitOfficer.state).in_(LIVE),
            col(Visit.state).in_(BEFORE_SUBMIT), ~signed.exists(),
        )
        .order_by(col(RecordSheet.closed_at))
    )  # fmt: skip
    return [(visit, number) for visit, number in session.exec(query) if visit is not None]


def sections_of(facts: FormFacts, person_id: int) -> str:
    """The items an officer answers for: all of them, in a joint visit those of the own department."""
    return "、".join(item.name for item, _ in facts.checklists if is_own_section(facts, item, person_id))


def _closed(facts: FormFacts) -> RecordSheet:
    if facts.record is None:
        raise Problem("record_open", "记录表还没有由被检查单位签字或登记未签字原因，执法人员暂不能签名。")
    return facts.record


def _new_signature(
    session: Session, facts: FormFacts, *, person_id: int, mark: Mark, now: dt.datetime
) -> SheetSignature:
    """The row of this signature, not added yet. Raises ``forbidden``, ``form_closed``, ``objection_missing``."""
    sheet = _closed(facts)
    assigned = require_officer(session, sheet.visit_id, person_id)
    if not facts.is_open or not facts.sheet_stands:
        raise Problem("form_closed", "记录表已随结果提交，不能再签名。")
    objection = "" if mark.agrees else said(mark.objection, LONGEST)
    if not mark.agrees and not says_something(objection):
        raise Problem("objection_missing", "请写明您的不同意见。", objection="不能为空")
    person = session.get_one(Person, person_id)
    department = session.get(Department, assigned.department_id or person.department_id)
    return SheetSignature(
        visit_id=sheet.visit_id, verify_code=sheet.verify_code, person_id=person_id,
        department=department.name if department else "", sections=sections_of(facts, person_id),
        agrees=mark.agrees, objection=objection, signature_sha256=mark.ink.sha256 if mark.ink else "",
        way=mark.way, seen_sha256=mark.seen or sheet.pdf_sha256, at=now,
    )  # fmt: skip


def _printed(session: Session, signature: SheetSignature, ink: Callable[[str], bytes]) -> OfficerMark:
    return OfficerMark(
        name=session.get_one(Person, signature.person_id).name,
        department=signature.department or "—",
        sections=signature.sections or "—",
        words="核对无误" if signature.agrees else f"不同意见：{signature.objection}",
        at=china(signature.at).strftime("%Y-%m-%d %H:%M"),
        ink=ink(signature.signature_sha256) if signature.signature_sha256 else b"",
    )


def _tell_complete(session: Session, facts: FormFacts, *, last: int, now: dt.datetime) -> None:
    """The others wait for this: from now on the result may be handed in."""
    visit = facts.visit.visit
    for person, _ in facts.visit.officers:
        if person.id != last:
            enqueue(session, "sheet_signed", subject_of(visit.id or 0), recipient_id=person.id, now=now,
                    slot=_closed(facts).verify_code, generation=visit.generation)  # fmt: skip


def _tell(session: Session, facts: FormFacts, mine: SheetSignature, *, now: dt.datetime) -> None:
    subject = subject_of(mine.visit_id)
    record(session, "record.signed", subject, now=now, actor=mine.person_id, agrees=mine.agrees,
           seen=mine.seen_sha256, sheet=mine.verify_code)  # fmt: skip
    supersede(session, subject, kinds=(TO_SIGN,), recipient_id=mine.person_id, reason="已签名", now=now)
    if not mine.agrees:
        for lead in leads_of(session, facts.visit.task.lead_department_id):
            enqueue(session, "officer_objects", subject, recipient_id=lead, now=now,
                    slot=f"{mine.verify_code[-12:]}-{mine.person_id}", data={"person_id": mine.person_id})  # fmt: skip
