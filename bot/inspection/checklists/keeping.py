"""What was photographed, recorded or signed becomes evidence of a visit; once handed in it stays (C19)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Session, col, select

from bot.core.coordinates import on_earth
from bot.core.errors import Problem
from bot.core.grouped import unhurried
from bot.inspection.audit.service import record
from bot.inspection.checklists.basics import FormBasics
from bot.inspection.checklists.documents import checklist_of
from bot.inspection.checklists.evidence import Stored
from bot.inspection.checklists.exif import signs
from bot.inspection.checklists.models import Evidence
from bot.inspection.checklists.queries import FormFacts, facts_of_form
from bot.inspection.checklists.repeats import find
from bot.inspection.checklists.service import OUTCOME, RECORD, editable, keys_of
from bot.inspection.checklists.writing import draft_to_change
from bot.inspection.tasks.models import CheckIn
from bot.inspection.tasks.service import subject_of


@unhurried
def add_evidence(
    session: Session,
    *,
    form_id: str,
    person_id: int,
    question: str,
    stored: Stored,
    now: dt.datetime,
    kind: str = "PHOTO",
    latitude: float | None = None,
    longitude: float | None = None,
    source: str = "H5",
) -> Evidence:
    """Link a stored file to a question; the same file for the same question is linked once (C19).

    What does not fit the visit (taken before, elsewhere, edited) is noted on the link and never refused.
    """
    form, facts = draft_to_change(session, form_id)
    known = _linked_before(session, form.visit_id, question, stored.sha256)
    if known is not None and known.removed_at is None:
        return known
    editable(facts, person_id)
    if question != RECORD and question not in keys_of(facts, person_id):
        raise Problem("question_unknown", "检查表里没有这个问题。", 问题=question[:60])
    evidence = known or evidence_of(
        facts, question, stored, kind=kind if stored.media_type.startswith("image/") else "FILE",
        person_id=person_id, now=now,
    )  # fmt: skip
    evidence.removed_at, evidence.removed_by = None, None
    if (place := on_earth(latitude, longitude)) is not None:
        evidence.latitude, evidence.longitude = place
    evidence.source = source
    evidence.signs = _signs(session, facts, evidence, stored)
    session.add(evidence)
    record(
        session, "evidence.added", subject_of(evidence.visit_id), now=now, actor=person_id, question=question,
        sha256=stored.sha256, signs=evidence.signs,
    )  # fmt: skip
    return evidence


def take_back(session: Session, *, form_id: str, person_id: int, evidence_id: int, now: dt.datetime) -> None:
    """移除: a photo taken by mistake no longer counts; the file and both acts stay. Twice is once.

    Raises ``evidence_kept`` for what was handed in before, ``forbidden`` for a colleague's, and what ``editable``
    raises: after the submission nothing goes.
    """
    facts = facts_of_form(session, form_id, lock=True)
    evidence = session.get(Evidence, evidence_id)
    if evidence is None or evidence.visit_id != facts.visit.visit.id or evidence.question == RECORD:
        raise Problem("not_found", "没有找到这份凭据。")
    if evidence.removed_at is not None:
        return
    form = editable(facts, person_id)
    if form.submitted_at is not None and evidence.at <= form.submitted_at:
        raise Problem("evidence_kept", "这份凭据已随结果提交过，不能移除。可以补拍新的照片。")
    if evidence.person_id != person_id:
        raise Problem("forbidden", "这是同伴拍的，请由同伴移除。")
    evidence.removed_at, evidence.removed_by = now, person_id
    session.add(evidence)
    record(
        session, "evidence.taken_back", subject_of(evidence.visit_id), now=now, actor=person_id,
        question=evidence.question, sha256=evidence.sha256,
    )  # fmt: skip


def linked(facts: FormFacts, question: str, sha256: str) -> Evidence | None:
    """The evidence that this file already is for *question*."""
    return next((e for e in facts.evidence if e.question == question and e.sha256 == sha256), None)


def evidence_of(
    facts: FormBasics, question: str, stored: Stored, *, kind: str, person_id: int, now: dt.datetime
) -> Evidence:
    """A stored file as evidence of the visit, not added yet."""
    visit_id = facts.visit.visit.id
    assert visit_id is not None
    return Evidence(
        visit_id=visit_id, question=question, sha256=stored.sha256, media_type=stored.media_type, size=stored.size,
        kind=kind, person_id=person_id, at=now, taken_at=stored.traces.taken_at,
        taken_latitude=stored.traces.latitude, taken_longitude=stored.traces.longitude,
    )  # fmt: skip


def _linked_before(session: Session, visit_id: int, question: str, sha256: str) -> Evidence | None:
    """The evidence that this file already is for *question*, also when it was taken back."""
    same = select(Evidence).where(
        Evidence.visit_id == visit_id, Evidence.question == question, Evidence.sha256 == sha256
    )
    return session.exec(same).one_or_none()


def _signs(session: Session, facts: FormBasics, evidence: Evidence, stored: Stored) -> list[str]:
    if not stored.media_type.startswith("image/") or evidence.kind == "SIGNATURE":
        return []
    elsewhere = select(Evidence.id).where(
        Evidence.sha256 == stored.sha256,
        Evidence.visit_id != evidence.visit_id,
        col(Evidence.removed_at).is_(None),
    )
    check_ins = session.exec(select(CheckIn).where(CheckIn.visit_id == evidence.visit_id)).all()
    found = signs(
        stored.traces,
        phone=on_earth(evidence.latitude, evidence.longitude),
        arrived_at=min((c.at for c in check_ins if not c.late_reason), default=None),
        check_ins=[p for c in check_ins if (p := on_earth(c.latitude, c.longitude))],
        camera_only=_wants_camera(facts, evidence.question),
        used_elsewhere=session.exec(elsewhere.limit(1)).first() is not None,
    )
    return [sign.value for sign in found]


def _wants_camera(facts: FormBasics, key: str) -> bool:
    if key in {OUTCOME, RECORD}:
        return False
    code, _, name = key.partition(":")
    version = next((v for _, v in facts.checklists if v.code == code), None)
    return version is not None and find(checklist_of(version), name).camera
