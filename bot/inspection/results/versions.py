"""Append what a submission says: answers and item results are versions, and what was said before stays (C21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, select

from bot.core.bulk import rows_into
from bot.core.prepared import Prepared
from bot.inspection.checklists.basics import FormRow
from bot.inspection.checklists.conclusions import NOTHING_FOUND
from bot.inspection.checklists.models import Answer
from bot.inspection.checklists.service import OUTCOME
from bot.inspection.results.judgement import Judgement
from bot.inspection.results.models import ItemResult

_ANSWERS: Table = Answer.__table__  # type: ignore[attr-defined]
_RESULTS: Table = ItemResult.__table__  # type: ignore[attr-defined]
_SAID = Prepared(
    select(_ANSWERS.c.question, _ANSWERS.c.version, _ANSWERS.c.value, _ANSWERS.c.note)
    .where(_ANSWERS.c.visit_id == bindparam("visit"))
    .order_by(_ANSWERS.c.version)
)
_FOUND = Prepared(
    select(_RESULTS.c.item_id, _RESULTS.c.version, _RESULTS.c.codes, _RESULTS.c.problem)
    .where(_RESULTS.c.visit_id == bindparam("visit"))
    .order_by(_RESULTS.c.version)
)
_ANSWER = ("visit_id", "question", "version", "value", "note", "person_id", "reason", "at")
_KEEP_ANSWERS = rows_into(_ANSWERS, _ANSWER)
_RESULT = ("visit_id", "item_id", "version", "codes", "problem", "person_id", "reason", "at")
_KEEP_RESULTS = rows_into(_RESULTS, _RESULT)


class HandedIn(NamedTuple):
    """One submission: what the form says, who says it, and the reason where it corrects an earlier one."""

    form: FormRow
    judged: Judgement
    person_id: int
    reason: str
    now: dt.datetime


def said_before(connection: Connection, visit_id: int) -> dict[str, Any]:
    """The newest version of every answer that was handed in, by draft key."""
    return {row.question: row for row in _SAID.run(connection, visit=visit_id).rows()}


def found_before(connection: Connection, visit_id: int) -> dict[int, Any]:
    """The newest version of every item's result, by item."""
    return {row.item_id: row for row in _FOUND.run(connection, visit=visit_id).rows()}


def keep_answers(connection: Connection, submissions: Iterable[HandedIn]) -> None:
    """Append the answers that are new or different. A form that was never handed in has none before."""
    if rows := [row for one in submissions for row in _said(connection, one)]:
        _KEEP_ANSWERS.run(connection, rows)


def _said(connection: Connection, handed_in: HandedIn) -> Iterator[tuple[Any, ...]]:
    form, judged, person_id, reason, now = handed_in
    last = said_before(connection, form.visit_id) if form.submitted_at is not None else {}
    said = {g.key: (g.shown, g.answer.note) for g in judged.given}
    said |= dict.fromkeys(judged.concluded, (NOTHING_FOUND, ""))
    if judged.outcome:
        said = {OUTCOME: (judged.outcome, judged.note)}
    withdrawn = {key: ("", "") for key in last if key not in said}
    for key, (value, note) in {**said, **withdrawn}.items():
        before = last.get(key)
        if before is not None and (before.value, before.note) == (value, note):
            continue
        by = form.draft.get(key, {}).get("by", person_id)
        version = before.version + 1 if before else 1
        yield form.visit_id, key, version, value, note, by, reason if before else "", now


def keep_results(connection: Connection, submissions: Iterable[HandedIn]) -> None:
    """Append the results of the items that are new or different."""
    if rows := [row for one in submissions for row in _found(connection, one)]:
        _KEEP_RESULTS.run(connection, rows)


def _found(connection: Connection, handed_in: HandedIn) -> Iterator[tuple[Any, ...]]:
    form, judged, person_id, reason, now = handed_in
    last = found_before(connection, form.visit_id) if form.submitted_at is not None else {}
    for item in judged.items:
        before = last.get(item.item_id)
        if before is None or (before.codes, before.problem) != (item.codes, item.problem):
            version, why = (before.version + 1, reason) if before else (1, "")
            yield form.visit_id, item.item_id, version, item.codes, item.problem, person_id, why, now
