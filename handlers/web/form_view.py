"""What the form's pages show, as plain data for the templates."""

from __future__ import annotations

from typing import Any

from bot.core.clock import china
from bot.inspection.checklists.definition import Checklist, Need, Question, QuestionType, parse_checklist
from bot.inspection.checklists.models import Evidence
from bot.inspection.checklists.queries import FormFacts
from bot.inspection.checklists.service import OUTCOME, is_own_section
from bot.inspection.results.labels import LABELS, ResultCode, label_of

_OUTCOME_ORDER = ("R04", "R07", "R06", "R21", "R22", "R23", "R24", "R25")


def head(facts: FormFacts, person_id: int) -> dict[str, Any]:
    """Who and what this visit is: the top of every page of the form."""
    visit = facts.visit
    return {
        "number": visit.visit.number,
        "object": visit.object.name,
        "code": visit.object.code,
        "address": visit.object.address,
        "credit": visit.object.credit_class,
        "task": visit.task.name,
        "items": [item.name for item in visit.items],
        "partners": visit.partners(person_id),
        "window": f"{visit.task.window_start.isoformat()} 至 {visit.visit.due_on.isoformat()}",
        "method": facts.method,
        "department": visit.department,
    }


def presence(facts: FormFacts) -> list[dict[str, str]]:
    """The officers and when each checked in, empty when not yet."""
    at = {c.person_id: china(c.at).strftime("%m-%d %H:%M") for c in facts.check_ins}
    return [{"name": person.name, "at": at.get(person.id or 0, "")} for person, _ in facts.visit.officers]


def sections(facts: FormFacts, person_id: int, errors: dict[str, str]) -> list[dict[str, Any]]:
    """Every question in order, each checklist once, with its draft answer, photos and error."""
    shown: dict[str, dict[str, Any]] = {}
    names = {p.id: p.name for p, _ in facts.visit.officers}
    for item, version in facts.checklists:
        checklist = parse_checklist(version.definition)
        if checklist.code in shown:
            shown[checklist.code]["items"].append(item.name)
            continue
        mine = is_own_section(facts, item.department_id, person_id)
        shown[checklist.code] = {
            "name": checklist.name,
            "items": [item.name],
            "mine": mine,
            "basis": checklist.basis,
            "questions": [
                _question(
                    facts, checklist, question, names=names, error=errors.get(_key(checklist, question), "")
                )
                for question in checklist.questions
            ],
        }
    return list(shown.values())


def outcome(facts: FormFacts, errors: dict[str, str], attempts: int) -> dict[str, Any]:
    """本次未能检查: the outcomes that describe the whole visit, and what each needs."""
    answer = _draft(facts).get(OUTCOME, {})
    return {
        "key": OUTCOME,
        "value": answer.get("value", ""),
        "note": answer.get("note", ""),
        "attempts": attempts,
        "photos": files(facts, OUTCOME),
        "error": errors.get(OUTCOME, ""),
        "choices": [
            {"code": code, "label": label_of(code), "needs": "、".join(LABELS[ResultCode(code)].needs)}
            for code in _OUTCOME_ORDER
        ],
    }


def files(facts: FormFacts, key: str) -> list[dict[str, Any]]:
    """The files of a question, oldest first."""
    return [_file(e) for e in facts.evidence if e.question == key and e.kind != "SIGNATURE"]


def _question(
    facts: FormFacts, checklist: Checklist, question: Question, *, names: dict[int | None, str], error: str
) -> dict[str, Any]:
    key = _key(checklist, question)
    answer = _draft(facts).get(key, {})
    bad = question.on_bad
    when = next(iter(question.when.items()), ("", ""))
    return {
        "key": key,
        "no": question.key,
        "text": question.text,
        "kind": question.type.value,
        "starred": question.starred,
        "required": question.required,
        "section": question.section,
        "choices": question.choices,
        "bad": bad_answers(question),
        "unit": question.unit,
        "min": question.min,
        "max": question.max,
        "guidance": question.guidance,
        "article": question.article,
        "when": f"{checklist.code}:{when[0]}" if when[0] else "",
        "when_value": when[1],
        "reading": question.reading,
        "codes": [(code.value, label_of(code)) for code in bad.codes] if bad else [],
        "todo": bad.text if bad else "",
        "needs_note": bool(bad and Need.NOTE in bad.needs),
        "needs_photo": bool(bad and Need.PHOTO in bad.needs),
        "value": answer.get("value", ""),
        "picked": answer.get("value", "").split("|"),
        "note": answer.get("note", ""),
        "reading_value": answer.get("reading", ""),
        "picked_code": answer.get("verdict", ""),
        "error": error,
        "by": names.get(answer.get("by"), ""),
        "photos": files(facts, key),
        "typed": question.type in {QuestionType.TEXT, QuestionType.NUMBER, QuestionType.DATE},
    }


def bad_answers(question: Question) -> tuple[str, ...]:
    """The answers that ask for a note and a photo."""
    if question.is_verdict:
        return tuple(c for c in question.choices[:2] if c != question.good)
    return question.bad_options


def _file(evidence: Evidence) -> dict[str, Any]:
    return {
        "id": evidence.id,
        "is_picture": evidence.media_type.startswith("image/"),
        "at": china(evidence.at).strftime("%m-%d %H:%M"),
    }


def _draft(facts: FormFacts) -> dict[str, Any]:
    return facts.form.draft if facts.form else {}


def _key(checklist: Checklist, question: Question) -> str:
    return f"{checklist.code}:{question.key}"
