"""The form of a visit: checklists are pinned, the form opens behind its gates, answers are kept at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlmodel import Session, select

from bot.core.bulk import rows_changed
from bot.core.clock import china_day
from bot.core.errors import Problem
from bot.core.grouped import Grouped, each
from bot.core.ids import new_id
from bot.core.words import keepable
from bot.inspection.audit.service import record
from bot.inspection.checklists.basics import FormBasics, FormRow
from bot.inspection.checklists.conclusions import NOTHING_FOUND, PREFIX, conclusion_key, void_by
from bot.inspection.checklists.documents import document_of
from bot.inspection.checklists.models import VisitForm
from bot.inspection.checklists.pinning import pin_checklists
from bot.inspection.checklists.queries import FormFacts, form_facts
from bot.inspection.checklists.sections import is_own_section, is_present
from bot.inspection.checklists.times import merged
from bot.inspection.checklists.writing import Known, drafts_to_change, known_form
from bot.inspection.notices.service import enqueue
from bot.inspection.people.models import Training
from bot.inspection.people.quizzes import quiz_due
from bot.inspection.people.training_sessions import holds_on
from bot.inspection.profile import Profile
from bot.inspection.tasks.models import OfficerState, Visit
from bot.inspection.tasks.queries import NOT_AN_OFFICER, leads_of, require_officer
from bot.inspection.tasks.service import subject_of

OUTCOME = "visit:outcome"  # the draft key of 本次未能检查
RECORD = "visit:record"  # evidence of the record sheet itself: signature, recording of a refusal, the PDF
PARTS = ("value", "note", "reading", "verdict")
_EXPLAINS = "note"  # no conclusion rests on it
_REMEMBERED = 8  # ids of changes to one answer
_LONGEST = 2000  # characters of one answer or note
_FORMS: Table = VisitForm.__table__  # type: ignore[attr-defined]
_KEEP = rows_changed(_FORMS, ("draft", "times", "draft_by", "draft_version"))
TRAINING_MISSING = "请先完成“双随机、一公开”业务培训，完成后由名录库管理员登记。"
QUIZ_DUE = "请先完成“双随机、一公开”业务培训：您已签到，还差测验，请在聊天窗口回复“培训测验”。"


@dataclass(frozen=True, slots=True)
class DraftSaved:
    """The draft after a save. ``overwrote`` are keys a partner had changed meanwhile, ``names`` the team's by person id."""

    version: int
    draft: dict[str, Any]
    overwrote: tuple[str, ...]
    names: dict[int | None, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """How many seconds one page has shown each section so far."""

    page: str
    seconds: Mapping[str, Any]


def open_form(
    session: Session, *, visit_id: int, person_id: int, now: dt.datetime, profile: Profile
) -> VisitForm:
    """The form of a visit for one of its officers, made at the first opening.

    Raises ``forbidden``, ``not_accepted``, ``training_missing`` (C14; then call ``tell_training_missing``),
    ``officers_missing`` (C16: two of the officer's own department) or ``no_checklist``.
    """
    officer = require_officer(session, visit_id, person_id)
    session.get(Visit, visit_id, with_for_update=True)
    facts = _with_checklists(session, visit_id, now=now)
    if facts.form is not None and not facts.is_open:
        return facts.form
    if officer.state != OfficerState.ACCEPTED:
        raise Problem("not_accepted", "请先在任务卡片上点“收到”，再打开检查表。")
    if profile.visit.training_gate and not is_trained(session, person_id, china_day(now)):
        due = quiz_due(session, person_id, day=china_day(now))
        raise Problem("training_missing", QUIZ_DUE if due else TRAINING_MISSING)
    if not is_present(facts, person_id, least=profile.draw.officers_min):
        raise Problem("officers_missing", _waits_for(facts))
    if not facts.checklists:
        raise Problem("no_checklist", "这次检查没有配置检查表，请联系任务发起科室。")
    return facts.form or _make_form(session, visit_id=visit_id, person_id=person_id, now=now)


def _with_checklists(session: Session, visit_id: int, *, now: dt.datetime) -> FormFacts:
    """The form's facts; the first form of a task pins the task's checklists."""
    facts = form_facts(session, visit_id)
    task_id = facts.visit.task.id
    if facts.visit.task.checklist_ids or task_id is None:
        return facts
    pin_checklists(session, task_id=task_id, now=now)
    return form_facts(session, visit_id)


def is_trained(session: Session, person_id: int, day: dt.date) -> bool:
    """Whether a training of this person is valid on *day* (ZJ-2.6.c)."""
    valid = select(Training.id).where(Training.person_id == person_id, *holds_on(day))
    return session.exec(valid).first() is not None


def tell_training_missing(session: Session, *, visit_id: int, person_id: int, now: dt.datetime) -> None:
    """Tell the department's lead once that an officer stood at the closed form (C14)."""
    facts = form_facts(session, visit_id)
    record(session, "form.training_missing", subject_of(visit_id), now=now, actor=person_id)
    for lead in leads_of(session, facts.visit.task.lead_department_id):
        enqueue(
            session,
            "training_missing",
            subject_of(visit_id),
            recipient_id=lead,
            now=now,
            slot=f"person-{person_id}",
            data={"person_id": person_id},
        )


class Save(NamedTuple):
    """Answers an officer gave: question key → value, note, reading, verdict, id, base."""

    form_id: str
    person_id: int
    changes: Mapping[str, Mapping[str, Any]]
    base_version: int
    seen: Seen | None = None


def _save_drafts(session: Session, calls: Sequence[Save]) -> list[DraftSaved | Problem]:
    """Merge the *changes* of each; per question the last writer wins.

    Where a change says with ``base`` on which version of the draft it was answered, a partner's later answer stands
    and this one is kept beside it as ``also``, until somebody answers again. A change whose ``id`` came before is left
    out, however late it is sent again: the partner may have answered since. A changed answer takes back the
    “未发现问题” that rested on it. Drafts are no acts, so they are not in the audit chain.

    Refuses with ``not_found``, ``form_closed``, ``record_closed``, ``officers_missing``, ``question_unknown`` or
    ``not_your_section``.
    """
    known = drafts_to_change(session, [call.form_id for call in calls])
    changed: list[tuple[Any, ...]] = []
    answers = each(calls, lambda call: _saved(call, known, changed))
    if changed:
        _KEEP.run(session.connection(), changed)
    return answers


save_draft = Grouped(Save, _save_drafts, about=attrgetter("form_id"))


def _saved(call: Save, known: Known, changed: list[tuple[Any, ...]]) -> DraftSaved:
    """The draft after one call; what has to be kept is added to *changed*."""
    form, facts = known_form(known, call.form_id)
    editable(facts, call.person_id)
    _require_known(facts, call.changes, call.person_id)
    draft, overwrote = _merged(form, facts, call)
    times = form.times
    if call.seen is not None:
        times = merged(times, person_id=call.person_id, page=call.seen.page, seconds=call.seen.seconds)
    differs = draft != form.draft
    version = form.draft_version + differs
    if differs or times != form.times:
        changed.append((form.id, draft, times, call.person_id if differs else form.draft_by, version))
    names = {person.id: person.name for person, _ in facts.visit.officers}
    return DraftSaved(version, draft, overwrote, names)


def _merged(form: FormRow, facts: FormBasics, call: Save) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The draft after *call*, the same when it changes nothing, and the keys a partner had changed meanwhile."""
    person_id = call.person_id
    draft, stamp = dict(form.draft), {"v": form.draft_version + 1, "by": person_id}
    overwrote, judged, unheard = [], set(), set()
    for key, change in call.changes.items():
        before, after, sent = draft.get(key, {}), _cleaned(change), keepable(str(change.get("id") or ""))[:40]
        differ = [name for name in PARTS if before.get(name, "") != after[name]]
        if sent in before.get("ids", ()) or not (differ or "also" in before):
            continue
        ids = [*before.get("ids", ()), sent][-_REMEMBERED:] if sent else []
        unseen = before.get("v", 0) > _base(change, call.base_version) and before.get("by") != person_id
        if differ and unseen:
            overwrote.append(key)
            if "base" in change:
                unheard.add(key)
                draft[key] = {**before, "ids": ids, "also": {**after, "by": person_id}}
                continue
        if differ not in ([], [_EXPLAINS]):
            judged.add(key)
        draft[key] = {**after, **stamp, "ids": ids}
    rests_on = [(item.id, version.code) for item, version in facts.checklists]
    for key in void_by(judged, rests_on) - (call.changes.keys() - unheard):
        if draft.get(key, {}).get("value"):
            draft[key] = {**_cleaned({}), **stamp}
    return draft, tuple(overwrote)


def _base(change: Mapping[str, Any], default: int) -> int:
    """The version of the draft on which a change was answered."""
    base = change.get("base", default)
    return base if isinstance(base, int) else 0


def _require_known(facts: FormBasics, changes: Mapping[str, Mapping[str, Any]], person_id: int) -> None:
    allowed = keys_of(facts, person_id)
    for key, change in changes.items():
        if key not in allowed:
            if key in keys_of(facts, None):
                raise Problem("not_your_section", "这一部分由参与部门的检查人员填写。", 问题=key)
            raise Problem("question_unknown", "检查表里没有这个问题。", 问题=key[:60])
        if key.startswith(PREFIX) and str(change.get("value") or "") not in {"", NOTHING_FOUND}:
            raise Problem(
                "answer_unknown", f"结论只能是“{NOTHING_FOUND}”；有问题的由不合格项得出。", 问题=key
            )


def editable(facts: FormBasics, person_id: int) -> VisitForm | FormRow:
    """The form, if this officer may change it; raises ``forbidden``, ``form_closed``, ``record_closed`` and, where
    another department of a joint visit opened it, ``officers_missing``."""
    assert facts.form is not None
    if not facts.visit.is_officer(person_id):
        raise Problem("forbidden", NOT_AN_OFFICER)
    if not facts.is_open:
        raise Problem("form_closed", "检查结果已提交，不能再改。如需更正，请审核人退回。")
    if facts.sheet_stands:
        raise Problem("record_closed", "记录表已签字，内容不能再改。需要修改时先作废签字。")
    if facts.visit.task.joint_department_ids and not is_present(facts, person_id):
        raise Problem("officers_missing", _waits_for(facts))
    return facts.form


def keys_of(facts: FormBasics, person_id: int | None) -> set[str]:
    """Draft keys a person fills: in joint visits those of the own department (C17); None gives all."""
    keys = {OUTCOME}
    for item, version in facts.checklists:
        if person_id is None or is_own_section(facts, item, person_id):
            keys.add(conclusion_key(item.id))
            keys |= document_of(version).keys
    return keys


def _waits_for(facts: FormBasics) -> str:
    """What an officer without a partner is told."""
    if facts.visit.task.joint_department_ids:
        return "每个部门的执法人员不少于两人：本部门的同伴签到后，本部门的部分才会打开。"
    return "执法人员不少于两人：同伴签到后检查表才会打开。"


def _make_form(session: Session, *, visit_id: int, person_id: int, now: dt.datetime) -> VisitForm:
    form = VisitForm(id=new_id(now.timestamp()), visit_id=visit_id, opened_at=now, opened_by=person_id)
    session.add(form)
    record(session, "form.opened", subject_of(visit_id), now=now, actor=person_id)
    return form


def _cleaned(change: Mapping[str, Any]) -> dict[str, str]:
    cleaned = dict.fromkeys(PARTS, "")
    for name in PARTS:
        if given := change.get(name):
            cleaned[name] = keepable(str(given)).strip()
            if len(cleaned[name]) > _LONGEST:
                raise Problem("answer_too_long", f"一项回答最多 {_LONGEST} 字，请写短些。")
    return cleaned
