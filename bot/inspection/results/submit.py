"""Submit the result of a visit: answers and results are kept for good, and a reviewer is asked (C21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import to_builtins
from sqlalchemy import Table
from sqlmodel import Session, select

from bot.core.bulk import rows_changed
from bot.core.clock import china, china_day
from bot.core.errors import Problem
from bot.core.grouped import Grouped, each
from bot.inspection.audit.service import record
from bot.inspection.calendar import Calendar
from bot.inspection.checklists.basics import EvidenceRow, FormBasics, FormRow
from bot.inspection.checklists.evidence import PDF
from bot.inspection.checklists.models import EarlierSheet, Evidence, VisitForm
from bot.inspection.checklists.service import OUTCOME, RECORD
from bot.inspection.checklists.writing import Known, forms_to_hand_in, known_form
from bot.inspection.notices.models import Priority
from bot.inspection.notices.service import enqueue_many, row, superseding
from bot.inspection.people.models import Department
from bot.inspection.profile import Profile, publicity_due
from bot.inspection.profile.terms import Demand
from bot.inspection.results.closing import complete
from bot.inspection.results.judgement import Judgement
from bot.inspection.results.labels import LABELS, ResultCode, label_of
from bot.inspection.results.outcome_messages import OBSTRUCTS
from bot.inspection.results.reviewers import free_reviewers, last_return, looks_at, pick_reviewers
from bot.inspection.results.signing import unsigned
from bot.inspection.results.supplement import WORDING_ONLY, changes
from bot.inspection.results.versions import HandedIn, keep_answers, keep_results
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.queries import NOT_AN_OFFICER, leads_of
from bot.inspection.tasks.service import WAITING, subject_of
from bot.inspection.tasks.states import SUBMITTED, moved

_FORMS: Table = VisitForm.__table__  # type: ignore[attr-defined]
_VISITS: Table = Visit.__table__  # type: ignore[attr-defined]
_STAMPED = (
    "state",
    "generation",
    "reminded_on",
    "ended_on",
    "recorded_at",
    "submitted_at",
    "outcome",
    "publish_due",
)
_FORMS_IN = rows_changed(_FORMS, ("submitted_at", "submitted_by", "receipt"))
_VISITS_IN = rows_changed(_VISITS, _STAMPED)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the officer gets for a submission. ``items`` and ``files`` are plain rows for the page; ``at`` is
    Chinese wall-clock text, ``publish_due`` an ISO date or empty."""

    number: str
    object: str
    round: int
    at: str
    result: str
    publish_due: str
    items: list[dict[str, str]]
    files: list[dict[str, str]]
    sheet_note: str = ""  # after a correction: whether the sheet signed before goes on holding


class HandIn(NamedTuple):
    """An officer hands in the result of a visit."""

    form_id: str
    person_id: int
    now: dt.datetime
    profile: Profile
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class _Submission:
    """What one call becomes, before anything of it is kept."""

    call: HandIn
    form: FormRow
    facts: FormBasics
    judged: Judgement
    looks: Sequence[Any]
    stamps: dict[str, Any]
    receipt: Receipt

    @property
    def subject(self) -> str:
        return subject_of(self.form.visit_id)

    @property
    def handed_in(self) -> HandedIn:
        why = last_return(self.looks)
        reason = f"审核退回后更正：{why}" if why else "更正后重新提交"
        return HandedIn(self.form, self.judged, self.call.person_id, reason, self.call.now)


def _submit_visits(session: Session, calls: Sequence[HandIn]) -> list[Receipt | Problem]:
    """Hand in results for review. A second submit returns the first receipt.

    Refuses with ``not_found``, ``forbidden``, ``form_incomplete`` with the faults by question (``visit:record`` for a sheet
    that is not closed), or ``officers_unsigned`` naming whose signature the sheet lacks.
    """
    known = forms_to_hand_in(session, [call.form_id for call in calls])
    answers = each(calls, lambda call: _prepared(session, call, known))
    if new := [one for one in answers if isinstance(one, _Submission)]:
        _keep(session, new)
    return [one.receipt if isinstance(one, _Submission) else one for one in answers]


submit_visit = Grouped(HandIn, _submit_visits, about=attrgetter("form_id"))


def _prepared(session: Session, call: HandIn, known: Known) -> _Submission | Receipt:
    """What is to be kept, or the first receipt."""
    form, facts = known_form(known, call.form_id)
    if not facts.visit.is_officer(call.person_id):
        raise Problem("forbidden", NOT_AN_OFFICER)
    if facts.visit.visit.state in SUBMITTED:
        return Receipt(**form.receipt)
    _require_record(session, facts, call.profile)
    judged = complete(facts, call.profile)
    _require_supplement(session, facts, judged, call.profile)
    looks = looks_at(session, form.visit_id) if form.submitted_at is not None else ()
    stamps = _stamps(facts, judged, now=call.now, profile=call.profile, calendar=call.calendar)
    names = _names_of_earlier(session, facts)
    receipt = _receipt(facts, judged, names, due=stamps["publish_due"], number=len(looks) + 1, now=call.now)
    return _Submission(call, form, facts, judged, looks, stamps, receipt)


def _keep(session: Session, new: Sequence[_Submission]) -> None:
    """Keep all of it, ask a reviewer for each, and tell who must know."""
    handed_in = [one.handed_in for one in new]
    subjects = [(one.subject, one.call.now) for one in new]
    with superseding(session, subjects, kinds=WAITING, reason="结果已提交") as connection:
        keep_answers(connection, handed_in)
        keep_results(connection, handed_in)
        _FORMS_IN.run(
            connection, [(n.form.id, n.call.now, n.call.person_id, to_builtins(n.receipt)) for n in new]
        )
        _VISITS_IN.run(connection, [(n.form.visit_id, *(n.stamps[name] for name in _STAMPED)) for n in new])
        free = free_reviewers(connection, [one.facts for one in new])
    reviewers = pick_reviewers(session, [(one.facts, one.looks) for one in new], free)
    told = [
        row for one, reviewer in zip(new, reviewers, strict=True) for row in _told(session, one, reviewer)
    ]
    enqueue_many(session, told)
    for one in new:
        record(session, "result.submitted", one.subject, now=one.call.now, actor=one.call.person_id,
               round=one.receipt.round, outcome=one.judged.worst, form=one.form.id)  # fmt: skip


def _require_record(session: Session, facts: FormBasics, profile: Profile) -> None:
    if facts.record is None and profile.record.signature is not Demand.OFF:
        missing = {RECORD: "请先签字或登记原因"}
        raise Problem("form_incomplete", "记录表还没有签字，也没有写明未签字的原因。", **missing)
    waiting = unsigned(session, facts) if facts.sheet_stands else []
    if waiting:
        raise Problem("officers_unsigned", f"还差执法人员签名：{'、'.join(waiting)}。")


def _require_supplement(session: Session, facts: FormBasics, judged: Judgement, profile: Profile) -> None:
    """A correction of what the inspected party signed is shown to it again: signed, or refused with a reason."""
    if facts.record is None or facts.sheet_stands or profile.record.signature is Demand.OFF:
        return
    if changes(session, facts, judged):
        missing = {RECORD: "请签补充记录表或登记原因"}
        raise Problem(
            "form_incomplete",
            "更正改变了已签字的内容，请被检查单位在补充记录表上签字，或写明原因。",
            **missing,
        )


def _stamps(
    facts: FormBasics, judged: Judgement, *, now: dt.datetime, profile: Profile, calendar: Calendar
) -> dict[str, Any]:
    """What the visit becomes: its state, outcome, the day the inspection ended, the day the result must be public."""
    visit = facts.visit.visit
    state, moves = moved(visit.state, VisitState.RECORDED, VisitState.IN_REVIEW)
    ended_on = visit.ended_on or _ended_on(facts, now=now)
    due = publicity_due(
        profile,
        calendar,
        ended_on=ended_on,
        decided_on=None,
        task_completed_on=None,
        problem=LABELS[ResultCode(judged.worst)].is_problem,
        year=facts.visit.year,
    )
    random = facts.visit.task.plan_line_id is not None  # a clue is no random result: nothing to publish
    return {
        "state": state, "generation": visit.generation + moves, "reminded_on": None, "ended_on": ended_on,
        "recorded_at": visit.recorded_at or now, "submitted_at": now, "outcome": judged.worst,
        "publish_due": due.day if due and random else None,
    }  # fmt: skip


def _ended_on(facts: FormBasics, *, now: dt.datetime) -> dt.date:
    """The day of the inspection: when the sheet was closed, for a late registration when they really were there."""
    if facts.visit.visit.late and facts.check_ins:
        return china_day(max(c.present_at for c in facts.check_ins))
    return china_day(facts.record.closed_at if facts.record else now)


def _names_of_earlier(session: Session, facts: FormBasics) -> dict[str, str]:
    """What the files of sheets signed before a correction are, by fingerprint."""
    if facts.form is None or facts.form.submitted_at is None:
        return {}
    names = {}
    for sheet in session.exec(select(EarlierSheet).where(EarlierSheet.visit_id == facts.form.visit_id)):
        names[sheet.pdf_sha256] = f"第 {sheet.round} 次提交的检查记录表"
        names[sheet.signature_sha256] = f"被检查单位签字（第 {sheet.round} 次提交）"
    return names


def _receipt(
    facts: FormBasics, judged: Judgement, earlier: Mapping[str, str], *, due: dt.date | None, number: int,
    now: dt.datetime,
) -> Receipt:  # fmt: skip
    visit = facts.visit.visit
    return Receipt(
        number=visit.number,
        object=facts.visit.object.name,
        round=number,
        at=china(now).strftime("%Y-%m-%d %H:%M"),
        result=label_of(judged.worst),
        publish_due=due.isoformat() if due else "",
        items=[{"name": item.name, "result": item.result} for item in judged.items],
        files=[
            {"name": earlier.get(e.sha256) or _file_name(facts, e), "sha256": e.sha256}
            for e in facts.evidence
        ],
        sheet_note=WORDING_ONLY if facts.record is not None and not facts.sheet_stands else "",
    )


def _file_name(facts: FormBasics, evidence: Evidence | EvidenceRow) -> str:
    """What a file of the receipt is; the sheet grows with each signature, so its earlier states are named as such."""
    question, sheet = evidence.question, facts.record
    if question != RECORD:
        return "未能检查的凭据" if question == OUTCOME else f"{question.replace(':', ' 第')}项凭据"
    if evidence.kind == "SIGNATURE":
        party = sheet is not None and evidence.sha256 == sheet.signature_sha256
        return "被检查单位签字" if party else "执法人员签名"
    if evidence.media_type != PDF:
        return "未签字情况的录音录像"
    return (
        "检查记录表"
        if sheet is not None and evidence.sha256 == sheet.pdf_sha256
        else "检查记录表（此前签名时）"
    )


def _told(session: Session, one: _Submission, reviewer: int | None) -> Iterator[dict[str, Any]]:
    """Who is told about one submission."""
    facts, subject, now, slot = one.facts, one.subject, one.call.now, f"round-{one.receipt.round}"
    sheet, worst = facts.record, one.judged.worst
    if reviewer is not None:
        yield row("review_request", subject, recipient_id=reviewer, now=now, slot=slot,
                  generation=one.stamps["generation"])  # fmt: skip
    for contact in facts.visit.contacts:
        if sheet is not None and sheet.pdf_sha256:
            of_sheet = f"round-{sheet.round}" if sheet.round > 1 else ""
            yield row("enterprise_record", subject, recipient_id=contact, now=now, slot=of_sheet)
        if worst in OBSTRUCTS:
            yield row(
                "enterprise_obstruction", subject, recipient_id=contact, now=now, slot=slot, statutory=True
            )
        if worst == ResultCode.R06:
            yield row("refusal_consequences", subject, recipient_id=contact, now=now, statutory=True)
    for lead in _leads_told(session, facts) if worst == ResultCode.R06 else ():
        yield row("refused_inspection", subject, recipient_id=lead, now=now, priority=Priority.URGENT)


def _leads_told(session: Session, facts: FormBasics) -> dict[int, None]:
    """不配合检查情节严重: the lead and the department above at once; the enterprise learns what follows (SC-4.3.1.f)."""
    department = session.get_one(Department, facts.visit.task.lead_department_id)
    above = leads_of(session, department.parent_id) if department.parent_id else []
    return dict.fromkeys([*leads_of(session, department.id or 0), *above])
