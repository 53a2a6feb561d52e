"""The questions of a checklist as the form's page shows them, as plain data for the template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from bot.core.clock import china
from bot.inspection.checklists.definition import Checklist, Need, Question, QuestionType
from bot.inspection.checklists.models import Evidence
from bot.inspection.checklists.queries import FormFacts
from bot.inspection.checklists.repeats import asking, original, times
from bot.inspection.results.labels import ResultCode, label_of

_TYPED = {
    QuestionType.TEXT: "text",
    QuestionType.NUMBER: "number",
    QuestionType.DATE: "date",
    QuestionType.PLACE: "text",
    QuestionType.SCAN: "text",
}


def parts(
    facts: FormFacts, checklist: Checklist, person_id: int, errors: dict[str, str]
) -> list[dict[str, Any]]:
    """The questions under the headings of the document; a group of repeated ones as often as it may be asked."""
    shown = []
    for name, group in groupby(_all(checklist), key=lambda question: question.section):
        shown.append(
            {
                "name": name,
                "time": f"{checklist.code}:{name or checklist.name}"[:80],
                "questions": [_question(facts, checklist, q, person_id, errors) for q in group],
            }
        )
    return shown


def officers(facts: FormFacts) -> dict[int | None, str]:
    """The names of the team by person id."""
    return {person.id: person.name for person, _ in facts.visit.officers}


def draft(facts: FormFacts) -> dict[str, Any]:
    """The answers as they are now, by draft key."""
    return facts.form.draft if facts.form else {}


def also(answer: Mapping[str, Any], names: Mapping[int | None, str]) -> str:
    """What another officer answered to the same question meanwhile; empty where nobody did."""
    other = answer.get("also")
    if not other:
        return ""
    value = other["value"]
    words = (label_of(value) if value in set(ResultCode) else value, other["reading"], other["note"])
    said = "，".join(filter(None, words)) or "不填"
    now = names.get(answer.get("by"), "")
    return f"同伴刚才也改了这一项，现在是{now}的回答；{names.get(other['by'], '')}的回答是：{said}。"


def files(facts: FormFacts, key: str, person_id: int) -> list[dict[str, Any]]:
    """The files of a question, oldest first."""
    return [shown_file(e, person_id) for e in facts.evidence if e.question == key]


def shown_file(evidence: Evidence, person_id: int) -> dict[str, Any]:
    """A file as the page shows it; ``mine`` may be taken back by who looks."""
    return {
        "id": evidence.id,
        "is_picture": evidence.media_type.startswith("image/"),
        "at": china(evidence.at).strftime("%m-%d %H:%M"),
        "mine": evidence.person_id == person_id,
    }


def _all(checklist: Checklist) -> list[Question]:
    """Every question that may come to be asked, in order."""
    found: list[Question] = []
    for repeat, group in groupby(checklist.questions, key=lambda question: question.repeat):
        questions = list(group)
        if not repeat:
            found += questions
            continue
        most = int(checklist.question(repeat).max or 0)
        found += [asking(q, number, group=questions) for number in range(1, most + 1) for q in questions]
    return found


def _question(
    facts: FormFacts, checklist: Checklist, question: Question, person_id: int, errors: dict[str, str]
) -> dict[str, Any]:
    key = f"{checklist.code}:{question.key}"
    answer, bad, names = draft(facts).get(key, {}), question.on_bad, officers(facts)
    return {
        **_repeated(facts, checklist, question),
        "key": key,
        "no": question.number,
        "kind": question.type.value,
        "starred": question.starred,
        "required": question.required,
        "choices": question.choices,
        "bad": bad_answers(question),
        "unit": question.unit,
        "min": question.min,
        "max": question.max,
        "whole": question.whole,
        "guidance": question.guidance,
        "article": question.article,
        "when": _when(checklist, question),
        "reading": question.reading,
        "codes": [(code.value, label_of(code)) for code in bad.codes] if bad else [],
        "todo": bad.text if bad else "",
        "needs_note": bool(bad and Need.NOTE in bad.needs),
        "needs_photo": bool(bad and Need.PHOTO in bad.needs),
        "photos_min": question.photos_min,
        "camera": question.camera,
        "value": answer.get("value", ""),
        "picked": answer.get("value", "").split("、"),
        "note": answer.get("note", ""),
        "reading_value": answer.get("reading", ""),
        "picked_code": answer.get("verdict", ""),
        "error": errors.get(key, ""),
        "by": names.get(answer.get("by"), ""),
        "also": also(answer, names),
        "photos": files(facts, key, person_id),
        "typed": _TYPED.get(question.type, ""),
    }


def _when(checklist: Checklist, question: Question) -> str:
    """On which answers the question is asked, for the page's script."""
    return json.dumps([[f"{checklist.code}:{k}", v] for k, v in question.when.items()], ensure_ascii=False)


def _repeated(facts: FormFacts, checklist: Checklist, question: Question) -> dict[str, Any]:
    """Which thing a repeated question is about, and whether it is beyond the number counted so far."""
    number = original(question.key)[1]
    if not number:
        return {"text": question.text, "counted": "", "nth": 0, "beyond": False}
    count = checklist.question(question.repeat)
    key = f"{checklist.code}:{question.repeat}"
    counted = times(count, draft(facts).get(key, {}).get("value", ""))
    text = f"第{number}{count.unit}：{question.text}"
    return {"text": text, "counted": key, "nth": number, "beyond": number > counted}


def bad_answers(question: Question) -> tuple[str, ...]:
    """The answers that ask for a note and a photo."""
    if question.is_verdict:
        return tuple(c for c in question.choices[:2] if c != question.good)
    return question.bad_options
