"""What the form's pages show, as plain data for the templates."""

from __future__ import annotations

from typing import Any

from bot.core.clock import china
from bot.inspection.checklists.conclusions import NOTHING_FOUND, conclusion_key, is_concluded
from bot.inspection.checklists.documents import checklist_of
from bot.inspection.checklists.queries import FormFacts
from bot.inspection.checklists.sections import department_of, is_own_section
from bot.inspection.checklists.service import OUTCOME
from bot.inspection.registry.models import Item
from bot.inspection.results.labels import LABELS, ResultCode, label_of
from handlers.web import form_questions as questions

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
        "begins": visit.task.window_start,
        "ends": visit.visit.due_on,
        "method": facts.visit.method,
        "department": visit.department,
    }


def presence(facts: FormFacts) -> list[dict[str, str]]:
    """The officers and when each checked in, empty when not yet; in a joint visit with their department."""
    at = {c.person_id: china(c.at).strftime("%m-%d %H:%M") for c in facts.check_ins}
    rows = []
    for person, _ in facts.visit.officers:
        department = facts.visit.departments.get(department_of(facts, person.id or 0) or 0, "")
        rows.append({"name": person.name, "at": at.get(person.id or 0, ""), "department": department})
    return sorted(
        rows, key=lambda row: row["department"]
    )  # stable: the leader of each department stays first


def sections(facts: FormFacts, person_id: int, errors: dict[str, str]) -> list[dict[str, Any]]:
    """Every question in order, each checklist once, with its draft answer, photos and error."""
    shown: dict[str, dict[str, Any]] = {}
    for item, version in facts.checklists:
        mine = is_own_section(facts, item, person_id)
        if version.code not in shown:
            checklist = checklist_of(version)
            shown[version.code] = {
                "name": checklist.name,
                "mine": mine,
                "parts": questions.parts(facts, checklist, person_id, errors),
                "conclusions": [],
            }
        shown[version.code]["mine"] |= mine
        shown[version.code]["conclusions"].append(_conclusion(facts, item, version.code, errors, mine=mine))
    return list(shown.values())


def _conclusion(
    facts: FormFacts, item: Item, code: str, errors: dict[str, str], *, mine: bool
) -> dict[str, Any]:
    """未发现问题: said by a press, never by itself."""
    key = conclusion_key(item.id)
    return {
        "key": key,
        "name": item.name,
        "code": code,
        "words": NOTHING_FOUND,
        "picked": is_concluded(questions.draft(facts), item.id),
        "also": questions.also(questions.draft(facts).get(key, {}), questions.officers(facts)),
        "error": errors.get(key, ""),
        "mine": mine,
    }


def outcome(facts: FormFacts, person_id: int, errors: dict[str, str], attempts: int) -> dict[str, Any]:
    """本次未能检查: the outcomes that describe the whole visit, and what each needs."""
    answer = questions.draft(facts).get(OUTCOME, {})
    return {
        "key": OUTCOME,
        "value": answer.get("value", ""),
        "note": answer.get("note", ""),
        "also": questions.also(answer, questions.officers(facts)),
        "attempts": attempts,
        "photos": questions.files(facts, OUTCOME, person_id),
        "error": errors.get(OUTCOME, ""),
        "choices": [
            {"code": code, "label": label_of(code), "needs": "、".join(LABELS[ResultCode(code)].needs)}
            for code in _OUTCOME_ORDER
        ],
    }
