"""What the columns of our own say about a question: when an answer is bad, and what is read beside it. Pure."""

from __future__ import annotations

import re
from typing import Any

from bot.inspection.checklists.xlsform_rows import Row

_LISTS = re.compile(r"[|、,，;；\s]+")
_NONE = {"-", "无"}
_DEFAULT_BAD = {"codes": ["R05"], "action": "CORRECT", "needs": ["note", "photo"]}


def on_bad(row: Row) -> dict[str, Any]:
    """What a bad answer means; what the row leaves out is R05, corrected at once, with a note and a photo."""
    bad: dict[str, Any] = dict(_DEFAULT_BAD)
    for column in ("codes", "needs"):
        if row[column]:
            bad[column] = [] if row[column] in _NONE else [part for part in _LISTS.split(row[column]) if part]
    if row["action"]:
        bad["action"] = row["action"]
    return bad | ({"text": row["bad_text"]} if row["bad_text"] else {})


def reading(row: Row) -> dict[str, Any]:
    """The value read beside a verdict, such as a temperature; empty where the row asks for none."""
    if not row["reading_type"]:
        return {}
    asked: dict[str, Any] = {
        "type": row["reading_type"],
        "text": row["reading_label"],
        "unit": row["reading_unit"],
    }
    asked |= {name: row[f"reading_{name}"] for name in ("min", "max") if row[f"reading_{name}"]}
    if row["reading_required_on"]:
        asked["required_on"] = parts(row["reading_required_on"])
    return {"reading": asked}


def parts(cell: str) -> list[str]:
    """The words of a cell that stand apart by | or 、."""
    return [part for part in re.split(r"[|、]", cell) if part]
