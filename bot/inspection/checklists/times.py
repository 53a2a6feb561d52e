"""How long a section was in view, as the pages that showed it say: a fact beside the result, no measure of anybody. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

_LONGEST = 24 * 3600.0  # seconds one page may claim
_MOST_PAGES, _MOST_SECTIONS = 40, 60

Times = Mapping[str, Mapping[str, Mapping[str, float]]]  # section -> person -> page -> seconds


def merged(kept: Times, *, person_id: int, page: str, seconds: Mapping[str, Any]) -> dict[str, Any]:
    """*kept* with what one page has counted so far; an older count that comes later changes nothing."""
    times: dict[str, dict[str, dict[str, float]]] = {
        section: {p: dict(pages) for p, pages in people.items()} for section, people in kept.items()
    }
    for section, claimed in seconds.items():
        counted = _seconds(claimed)
        if counted <= 0 or (section not in times and len(times) >= _MOST_SECTIONS):
            continue
        pages = times.setdefault(section[:80], {}).setdefault(str(person_id), {})
        if page in pages or len(pages) < _MOST_PAGES:
            pages[page[:40]] = max(pages.get(page[:40], 0.0), counted)
    return times


def by_section(times: Times) -> dict[str, int]:
    """Whole seconds each section was in view, of all officers together."""
    spent: Counter[str] = Counter()
    for section, people in times.items():
        spent[section] += round(sum(sum(pages.values()) for pages in people.values()))
    return dict(spent)


def in_words(seconds: int) -> str:
    """A duration as people say it: 6 分 20 秒."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} 分 {rest} 秒" if minutes else f"{rest} 秒"


def _seconds(claimed: Any) -> float:
    if isinstance(claimed, bool) or not isinstance(claimed, int | float) or not 0 <= claimed <= _LONGEST:
        return 0.0
    return round(float(claimed), 1)
