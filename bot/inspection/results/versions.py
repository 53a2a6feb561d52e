"""Append what a submission says: answers and item results are versions, and what was said before stays (C21)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Integer, String, Table, bindparam, insert, select
from sqlalchemy.types import TypeEngine

from bot.core.bulk import OverRows
from bot.core.prepared import Prepared
from bot.core.tables import BigId, Moment
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
_KEEP_RESULT = Prepared(
    insert(_RESULTS).inline().values({c.name: bindparam(c.name) for c in _RESULTS.c if c.name != "id"})
)


_SAYS: dict[str, TypeEngine[Any]] = {
    "question": String(), "version": Integer(), "value": String(), "note": String(), "person_id": BigId, "reason": String(),
}  # fmt: skip
_KEEP_ANSWERS = OverRows(
    _SAYS,
    lambda given: insert(_ANSWERS).from_select(
        [*_SAYS, "visit_id", "at"],
        select(given, bindparam("visit_", type_=BigId), bindparam("at_", type_=Moment())),
    ),
)


def said_before(connection: Connection, visit_id: int) -> dict[str, Any]:
    """The newest version of every answer that was handed in, by draft key."""
    return {row.question: row for row in _SAID.run(connection, visit=visit_id).rows()}


def found_before(connection: Connection, visit_id: int) -> dict[int, Any]:
    """The newest version of every item's result, by item."""
    return {row.item_id: row for row in _FOUND.run(connection, visit=visit_id).rows()}


def keep_answers(
    connection: Connection, form: FormRow, judged: Judgement, *, person_id: int, reason: str, now: dt.datetime
) -> None:
    """Append the answers that are new or different. A form that was never handed in has none before."""
    last = said_before(connection, form.visit_id) if form.submitted_at is not None else {}
    said = {g.key: (g.shown, g.answer.note) for g in judged.given}
    said |= dict.fromkeys(judged.concluded, (NOTHING_FOUND, ""))
    if judged.outcome:
        said = {OUTCOME: (judged.outcome, judged.note)}
    withdrawn = {key: ("", "") for key in last if key not in said}
    rows = []
    for key, (value, note) in {**said, **withdrawn}.items():
        before = last.get(key)
        if before is not None and (before.value, before.note) == (value, note):
            continue
        by = form.draft.get(key, {}).get("by", person_id)
        rows.append((key, before.version + 1 if before else 1, value, note, by, reason if before else ""))
    if rows:
        _KEEP_ANSWERS.run(connection, rows, visit_=form.visit_id, at_=now)


def keep_results(
    connection: Connection, form: FormRow, judged: Judgement, *, person_id: int, reason: str, now: dt.datetime
) -> None:
    """Append the results of the items that are new or different."""
    last = found_before(connection, form.visit_id) if form.submitted_at is not None else {}
    for item in judged.items:
        before = last.get(item.item_id)
        if before is None or (before.codes, before.problem) != (item.codes, item.problem):
            _KEEP_RESULT.run(
                connection, visit_id=form.visit_id, item_id=item.item_id, version=before.version + 1 if before else 1,
                codes=item.codes, problem=item.problem, at=now, person_id=person_id, reason=reason if before else "",
            )  # fmt: skip
