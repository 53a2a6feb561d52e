"""``officers.jsonl``: what the rules need of each officer, under a pseudonym. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from bot.core.canonical import canonical
from bot.inspection.draws.matching import OfficerFacts


def officers_bytes(officers: Iterable[OfficerFacts]) -> bytes:
    """``officers.jsonl``: one canonical line each, by id."""
    return b"".join(
        canonical(
            {
                "id": o.id, "department": o.department, "labels": sorted(o.labels), "territory": o.territory,
                "load": o.load, "valid_from": o.valid_from.isoformat(), "valid_to": o.valid_to.isoformat(),
                "absent": [[first.isoformat(), last.isoformat()] for first, last in o.absent],
                "recused": sorted(o.recused), "gate": o.gate,
            }
        ) + b"\n"
        for o in sorted(officers, key=lambda o: o.id)
    )  # fmt: skip


def officers_from(body: bytes) -> list[OfficerFacts]:
    """Back from the file. Raises ValueError, KeyError or TypeError where it is not such a file."""
    return [_from_line(line) for line in map(json.loads, body.splitlines())]


def _from_line(line: dict[str, Any]) -> OfficerFacts:
    day = dt.date.fromisoformat
    return OfficerFacts(
        id=line["id"], department=line["department"], valid_from=day(line["valid_from"]), valid_to=day(line["valid_to"]),
        labels=frozenset(line["labels"]), territory=line["territory"],
        absent=tuple((day(first), day(last)) for first, last in line["absent"]), load=line["load"],
        recused=frozenset(line["recused"]), gate=line["gate"],
    )  # fmt: skip
