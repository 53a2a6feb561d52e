"""What the rules need of each officer: in public as little as decides, under seal the facts behind it. Pure.

``officers.jsonl`` is published before the draw, ``sealed.jsonl`` never: whoever may see it (the officer, an auditor, a
court) holds each line against the digest that was published (``docs/draw-protocol.md``, "Sealed files").
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.core.canonical import canonical
from bot.inspection.draws.algorithm import fingerprint
from bot.inspection.draws.matching import OfficerFacts

Lines = Sequence[Mapping[str, Any]]
Labels = Mapping[str, frozenset[str]]  # what the team of each department must bring


def left_out(officer: OfficerFacts, window: Sequence[dt.date]) -> str:
    """Why the officer can make no visit of the task whatever its day (zh-CN); empty for who can be drawn."""
    if officer.gate:
        return officer.gate
    short = officer.valid_to < window[1] or officer.valid_from > window[1]
    return "执法证不在有效期" if short else ""


def sealed_lines(officers: Iterable[OfficerFacts], salts: Mapping[str, str]) -> list[bytes]:
    """The lines of ``sealed.jsonl``, by id, each without its newline."""
    return [
        canonical(
            {
                "id": o.id, "salt": salts[o.id], "labels": sorted(o.labels), "gate": o.gate,
                "valid_from": o.valid_from.isoformat(), "valid_to": o.valid_to.isoformat(),
                "absent": [[first.isoformat(), last.isoformat()] for first, last in o.absent],
                "recused": sorted(o.recused),
            }
        )
        for o in sorted(officers, key=lambda o: o.id)
    ]  # fmt: skip


def officers_bytes(
    officers: Iterable[OfficerFacts], sealed: Iterable[bytes], *, labels: Labels, window: Sequence[dt.date]
) -> bytes:
    """``officers.jsonl``: one canonical line each, by id, with the digest of the *sealed* line."""
    return b"".join(
        canonical(
            {
                "id": o.id, "department": o.department, "load": o.load, "territory": o.territory,
                "holds": labels[o.department] <= o.labels, "out": bool(left_out(o, window)), "sealed": fingerprint(line),
            }
        ) + b"\n"
        for o, line in zip(sorted(officers, key=lambda o: o.id), sealed, strict=True)
    )  # fmt: skip


def officers_from(lines: Lines, sealed: Lines) -> list[OfficerFacts]:
    """Everything the rules need, back from the lines of the two files; or of the one file of a round that has no sealed
    one. Raises ValueError, KeyError or TypeError where they are not such files or do not belong together."""
    return [facts_from(line, private) for line, private in zip(lines, sealed or lines, strict=True)]


def opens(lines: Lines, sealed: bytes) -> bool:
    """Whether the sealed lines are those whose digests were published."""
    return [line["sealed"] for line in lines] == [fingerprint(line) for line in sealed.splitlines()]


def facts_from(public: Mapping[str, Any], private: Mapping[str, Any]) -> OfficerFacts:
    """An officer from a line of each file; in a round without a sealed file they are the same line."""
    if public["id"] != private["id"]:
        raise ValueError("the sealed file is of other officers")
    day = dt.date.fromisoformat
    return OfficerFacts(
        id=public["id"], department=public["department"], territory=public["territory"], load=public["load"],
        valid_from=day(private["valid_from"]), valid_to=day(private["valid_to"]), gate=private["gate"],
        labels=frozenset(private["labels"]), recused=frozenset(private["recused"]),
        absent=tuple((day(first), day(last)) for first, last in private["absent"]),
    )  # fmt: skip


def read_lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]
