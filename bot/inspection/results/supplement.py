"""补充记录表: what a correction after a return changes about the sheet that was signed (C18, C21).

The inspected party signed answers and results. Where a correction changes one of them it signs again, or refuses; where
only the officers' wording is another the first sheet goes on holding, and the receipt says so.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, select

from bot.inspection.checklists.basics import FormBasics
from bot.inspection.checklists.conclusions import PREFIX
from bot.inspection.checklists.definition import Question
from bot.inspection.checklists.models import EarlierSheet
from bot.inspection.checklists.service import OUTCOME
from bot.inspection.results.judgement import Judgement
from bot.inspection.results.labels import label_of
from bot.inspection.results.versions import found_before, said_before

WORDING_ONLY = "本次只更正了文字说明，回答和结果与已签字的记录表一致，不用重新签字。"
_NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a supplementary sheet: what it is about, what the signed sheet says, what holds now."""

    what: str
    before: str
    after: str


def changes(session: Session, facts: FormBasics, judged: Judgement) -> list[Change]:
    """The answers and results that differ from what was handed in last; empty where only words do."""
    form = facts.form
    if form is None or form.submitted_at is None:
        return []
    said = {key: row.value for key, row in said_before(session.connection(), form.visit_id).items()}
    now = {OUTCOME: judged.outcome} if judged.outcome else {given.key: given.shown for given in judged.given}
    questions = {given.key: given.question for given in judged.given}
    found = [
        Change(_named(key, questions.get(key)), _shown(key, said.get(key, "")), _shown(key, now.get(key, "")))
        for key in dict.fromkeys([*now, *said])
        if said.get(key, "") != now.get(key, "") and not key.startswith(PREFIX)
    ]
    before = found_before(session.connection(), form.visit_id)
    for item in judged.items:
        row = before.get(item.item_id)
        if row is not None and row.codes != item.codes:
            was = "；".join(label_of(code) for code in row.codes)
            found.append(Change(f"{item.name}：检查结果", was, item.result))
    return found


def left_at(session: Session, facts: FormBasics) -> dt.datetime | None:
    """When the team was done on site: the first sheet was closed, whatever was signed after a return."""
    if facts.record is None:
        return None
    earlier = session.exec(
        select(func.min(EarlierSheet.closed_at)).where(EarlierSheet.visit_id == facts.record.visit_id)
    ).one()
    return earlier or facts.record.closed_at


def _named(key: str, question: Question | None) -> str:
    if key == OUTCOME:
        return "本次未能检查"
    return f"第{question.number}项 {question.text}" if question else f"第{key.partition(':')[2]}项"


def _shown(key: str, value: str) -> str:
    if not value:
        return _NOTHING
    return label_of(value) if key == OUTCOME else value
