"""``barred.jsonl``: which drawn visits an officer must not make, told without days and reasons. Pure.

The rules look at days of leave, at relations and at certificates that begin later. The public needs of these only
where they bar somebody: ranks of picks. Single ranks and runs of ranks stand side by side.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from bot.core.canonical import canonical
from bot.inspection.draws.matching import OfficerFacts
from bot.inspection.draws.officers_file import left_out

Spans = list[list[int]]  # [first rank, last rank]


def barred_spans(
    officers: Iterable[OfficerFacts],
    ids: Sequence[str],
    days: Sequence[dt.date],
    *,
    window: Sequence[dt.date],
) -> dict[str, Spans]:
    """By officer the ranks barred by a day or a relation; *ids* and planned *days* of the picks in rank order.

    Who can make no visit at all is not in it: ``officers.jsonl`` says so already.
    """
    blocks, start = [], 1
    for day, group in groupby(days):
        size = sum(1 for _ in group)
        blocks.append((day, start, start + size - 1))
        start += size
    rank_of = {identity: rank for rank, identity in enumerate(ids, 1)}
    first_day = min(days, default=dt.date.min)
    found = {}
    for o in officers:
        spans = [[rank_of[code]] * 2 for code in o.recused if code in rank_of]
        if o.absent or o.valid_from > first_day:
            spans += [
                [first, last]
                for day, first, last in blocks
                if day < o.valid_from or any(away <= day <= back for away, back in o.absent)
            ]
        if spans and not left_out(o, window):
            found[o.id] = _joined(spans)
    return found


def _joined(spans: Spans) -> Spans:
    joined: Spans = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return joined


def barred_bytes(spans: Mapping[str, Spans]) -> bytes:
    """A canonical line for each officer who is barred from some visit, by id."""
    return b"".join(canonical({"id": i, "ranks": spans[i]}) + b"\n" for i in sorted(spans))


class Ranks:
    """Ranks as the matching rules read them: a stretch of ranks through which the same officers are barred stands for a
    day, a single rank for a relation."""

    def __init__(self, spans: Mapping[str, Spans]) -> None:
        self._spans = spans
        self._cuts = sorted(
            {
                cut
                for some in spans.values()
                for first, last in some
                if first < last
                for cut in (first, last + 1)
            }
        )

    def day(self, rank: int) -> dt.date:
        return dt.date.fromordinal(1 + bisect_right(self._cuts, rank))

    def facts(self, officer: str, ids: Sequence[str]) -> dict[str, Any]:
        """``absent`` and ``recused`` of the officer."""
        spans = self._spans.get(officer, [])
        return {
            "absent": tuple((self.day(first), self.day(last)) for first, last in spans if first < last),
            "recused": frozenset(ids[first - 1] for first, last in spans if first == last),
        }
