"""Every place in the list, every officer and every pair has its chance: counted over thousands of seeds and held
against exact binomial bounds. Every bound is below 1e-12 for one count, so below 1e-8 for all of a test."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterator

import pytest

from bot.inspection.draws.algorithm import Pick, pick
from bot.inspection.draws.matching import Need, OfficerFacts, match
from bot.inspection.plans.strata import StratumRule, take

TAIL = 1e-12
DAY, END = dt.date(2026, 3, 16), dt.date(2026, 3, 31)


def bounds(n: int, p: float) -> tuple[int, int]:
    """The counts that Binomial(n, p) leaves to either side with less than ``TAIL``; exact, in logarithms."""
    if p >= 1:
        return n, n
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
        for k in range(n + 1)
    ]  # fmt: skip
    chances = [math.exp(value) for value in logs]
    below = list(itertools.accumulate(chances))
    above = list(itertools.accumulate(reversed(chances)))
    low = next(k for k in range(n + 1) if below[k] > TAIL)
    high = n - next(k for k in range(n + 1) if above[k] > TAIL)
    return low, high


def seeds(count: int, of: str) -> Iterator[bytes]:
    return (hashlib.sha256(f"{of}/{n}".encode()).digest() for n in range(count))


@pytest.mark.parametrize(
    ("size", "rule", "draws"),
    [
        (1, "10", 1000),  # less than one: taken all the same (D7)
        (2, "3", 4000),
        (7, "10", 4000),
        (7, "50", 4000),
        (40, "2.5", 4000),  # exactly one
        (60, "0.1", 4000),  # less than one
        (200, "3", 3000),
    ],
)
def test_every_place_in_the_list_is_picked_as_often_as_chance_allows(
    size: int, rule: str, draws: int
) -> None:
    ids = [f"91440800MA{n:08}" for n in range(size)]
    wanted = take(size, StratumRule.parse(rule))
    counts: Counter[str] = Counter()
    for seed in seeds(draws, f"{size}/{rule}"):
        counts.update(p.id for p in pick({"B": list(ids)}, rules={"B": StratumRule.parse(rule)}, seed=seed))
    low, high = bounds(draws, wanted / size)
    assert all(low <= counts[i] <= high for i in ids), (low, high, counts)
    # a list drawn by position would favour its first or last tenth: together they are no better off
    tenth = max(size // 10, 1)
    for part in (ids[:tenth], ids[-tenth:]):
        share = sum(counts[i] for i in part) / (draws * tenth)
        assert abs(share - wanted / size) <= 7 * math.sqrt(wanted / size / (draws * tenth)) + 1e-9


def test_pairs_of_objects_come_together_as_often_as_chance_allows() -> None:
    ids, draws = [f"o{n}" for n in range(8)], 4000
    counts: Counter[tuple[str, ...]] = Counter()
    for seed in seeds(draws, "pairs"):
        drawn = pick({"B": list(ids)}, rules={"B": StratumRule(number=3)}, seed=seed)
        counts.update(itertools.combinations(sorted(p.id for p in drawn), 2))
    low, high = bounds(draws, 3 * 2 / (8 * 7))
    assert all(low <= counts[pair] <= high for pair in itertools.combinations(ids, 2))


def test_every_order_of_three_batches_is_as_likely() -> None:
    draws = 3000
    firsts: Counter[str] = Counter()
    for seed in seeds(draws, "order"):
        order: list[Pick] = pick(
            {"A": ["a", "b", "c"]}, rules={"A": StratumRule.parse(100)}, seed=seed, batch_size=1
        )
        firsts["".join(p.id for p in order)] += 1
    low, high = bounds(draws, 1 / 6)
    assert len(firsts) == 6
    assert all(low <= n <= high for n in firsts.values())


def officer(n: int) -> OfficerFacts:
    return OfficerFacts(f"P{n:02}", "D", dt.date(2024, 1, 1), dt.date(2028, 1, 1))


def test_every_officer_and_every_pair_is_drawn_as_often_as_chance_allows() -> None:
    """One visit, seven officers: each in 2/7 of the draws, each of the 21 pairs in 1/21, each first in 1/7."""
    officers, draws = [officer(n) for n in range(7)], 4000
    one: Counter[str] = Counter()
    pairs: Counter[tuple[str, ...]] = Counter()
    first: Counter[str] = Counter()
    for seed in seeds(draws, "team"):
        [team], _ = match([Need("o", "D", END, DAY)], officers, seed=seed)
        one.update(team)
        pairs[tuple(sorted(team))] += 1
        first[team[0]] += 1
    for counts, p in ((one, 2 / 7), (pairs, 1 / 21), (first, 1 / 7)):
        low, high = bounds(draws, p)
        assert all(low <= n <= high for n in counts.values()), (low, high, counts)
    assert len(pairs) == 21


def test_over_many_visits_loads_are_equal_and_partners_change() -> None:
    """Ten officers, 45 visits: nine each in every draw, and no pair is a fixed one: over the draws each of the 45 pairs
    meets about as often as the others."""
    officers, draws = [officer(n) for n in range(10)], 400
    needs = [Need(f"o{n}", "D", END, DAY) for n in range(45)]
    pairs: Counter[tuple[str, ...]] = Counter()
    for seed in seeds(draws, "many"):
        teams, _ = match(needs, officers, seed=seed)
        load = Counter(o for team in teams for o in team)
        assert set(load.values()) == {9}
        met = Counter(tuple(sorted(team)) for team in teams)
        assert max(met.values()) <= 6  # nine visits each, and never with one partner all the time
        pairs.update(met)
    # visits of one draw depend on each other, so the bound is that of fewer independent meetings
    expected = draws * 45 / 45
    assert all(
        0.6 * expected < pairs[pair] < 1.5 * expected
        for pair in itertools.combinations([o.id for o in officers], 2)
    )


def test_the_shortlist_favours_nobody_in_a_large_department() -> None:
    """120 officers, one visit: the shortlist looks at eight, and all 120 are as likely to be drawn."""
    officers, draws = [officer(n) for n in range(120)], 4000
    counts: Counter[str] = Counter()
    for seed in seeds(draws, "large"):
        [team], _ = match([Need("o", "D", END, DAY)], officers, seed=seed)
        counts.update(team)
    low, high = bounds(draws, 2 / 120)
    assert all(low <= counts[o.id] <= high for o in officers)
