"""Protocol suicha-draw/1, the object side."""

from __future__ import annotations

import hashlib
import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inspection.draws.algorithm import (
    by_stratum,
    fingerprint,
    officer_ticket,
    pick,
    pool_bytes,
    seed_of,
    ticket,
)
from bot.inspection.plans.strata import StratumRule

IDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
POOLS = st.dictionaries(IDS, st.sampled_from("ABCD"), max_size=40).map(lambda pool: list(pool.items()))
SEEDS = st.binary(min_size=32, max_size=32)


def number(n: int) -> dict[str, StratumRule]:
    return {stratum: StratumRule(number=n) for stratum in "ABCD"}


@given(POOLS, SEEDS, st.integers(0, 9), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_pool_changes_nothing(
    pool: list[tuple[str, str]], seed: bytes, n: int, batch: int, shuffle: random.Random
) -> None:
    other = list(pool)
    shuffle.shuffle(other)
    assert pick(by_stratum(pool), rules=number(n), seed=seed, batch_size=batch) == pick(
        by_stratum(other), rules=number(n), seed=seed, batch_size=batch
    )
    assert pool_bytes(pool) == pool_bytes(other)


@given(POOLS, SEEDS, st.integers(0, 9), st.integers(0, 9))
def test_who_was_picked_stays_when_the_number_rises(
    pool: list[tuple[str, str]], seed: bytes, n: int, more: int
) -> None:
    fewer = {p.id for p in pick(by_stratum(pool), rules=number(n), seed=seed)}
    assert fewer <= {p.id for p in pick(by_stratum(pool), rules=number(n + more), seed=seed)}


@given(POOLS, SEEDS, st.integers(0, 9), st.integers(1, 5))
def test_picks_are_different_in_ticket_order_and_cut_into_full_batches(
    pool: list[tuple[str, str]], seed: bytes, n: int, batch: int
) -> None:
    picks = pick(by_stratum(pool), rules=number(n), seed=seed, batch_size=batch)
    assert len({p.id for p in picks}) == len(picks)
    assert [p.rank for p in picks] == list(range(1, len(picks) + 1))
    assert [(p.ticket, p.id) for p in picks] == sorted((ticket(seed, p.id), p.id) for p in picks)
    assert [p.batch for p in picks] == [k // batch + 1 for k in range(len(picks))]


def test_c11_twelve_objects_in_batches_of_four_are_three_batches() -> None:
    pool = [(f"o{n}", "A") for n in range(12)]
    picks = pick(by_stratum(pool), rules={"A": StratumRule.parse(100)}, seed=bytes(32), batch_size=4)
    assert [p.batch for p in picks] == [1] * 4 + [2] * 4 + [3] * 4
    assert {p.id for p in picks} == {identity for identity, _ in pool}


@given(POOLS, SEEDS)
def test_changing_another_stratum_does_not_change_this_one(pool: list[tuple[str, str]], seed: bytes) -> None:
    before = [p.id for p in pick(by_stratum(pool), rules=number(3), seed=seed) if p.stratum == "A"]
    only_a = [entry for entry in pool if entry[1] == "A"]
    assert [p.id for p in pick(by_stratum(only_a), rules=number(3), seed=seed)] == before


@given(st.permutations([f"o{n}" for n in range(10)]))
def test_one_object_more_or_less_changes_the_fingerprint(names: list[str]) -> None:
    pool = [(name, "A") for name in names]
    prints = {
        fingerprint(pool_bytes(pool)),
        fingerprint(pool_bytes(pool[1:])),
        fingerprint(pool_bytes([*pool, ("x", "A")])),
        fingerprint(pool_bytes([(names[0], "B"), *pool[1:]])),
    }
    assert len(prints) == 4


@settings(max_examples=5)
@given(st.integers(0, 2**64))
def test_every_position_is_picked_as_often_as_chance_allows(start: int) -> None:
    """400 draws of 5 out of 20: each object is in Binomial(400, 1/4) of them. The bound is exact: below 1e-12
    for each tail and object, so below 1e-9 for the whole test."""
    draws, size, taken = 400, 20, 5
    pool = [(f"91440800MA{n:08}", "A") for n in range(size)]
    counts = dict.fromkeys((identity for identity, _ in pool), 0)
    for n in range(draws):
        seed = hashlib.sha256(f"{start}/{n}".encode()).digest()
        for chosen in pick(by_stratum(pool), rules={"A": StratumRule(number=taken)}, seed=seed):
            counts[chosen.id] += 1
    low, high = _binomial_bounds(draws, taken / size, tail=1e-12)
    assert all(low <= count <= high for count in counts.values()), counts


def _binomial_bounds(n: int, p: float, *, tail: float) -> tuple[int, int]:
    chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    low = next(k for k in range(n + 1) if math.fsum(chances[: k + 1]) > tail)
    high = next(k for k in range(n, -1, -1) if math.fsum(chances[k:]) > tail)
    return low, high


def test_the_seed_and_the_tickets_are_what_the_protocol_says() -> None:
    """Recomputed with nothing but hashlib, as a stranger would."""
    parts = ["suicha-draw/1", "4408002026-1", "1", "a" * 64, "b" * 64, "c" * 64, "福彩 3D 472"]
    want = hashlib.sha256("".join(part + "\n" for part in parts).encode()).digest()
    seed = seed_of(
        task=parts[1],
        number=1,
        pool_sha256=parts[3],
        rules_sha256=parts[4],
        secret_hex="C" * 64,
        public_value=parts[6],
    )
    assert seed == want
    assert ticket(seed, "企业1") == hashlib.sha256(seed + "object\n企业1".encode()).hexdigest()
    assert officer_ticket(seed, "o", "p") == hashlib.sha256(seed + b"officer\no\np").hexdigest()


def test_the_pool_file_is_one_sorted_json_line_for_each_object() -> None:
    lines = pool_bytes([("乙", "B"), ("甲", "A"), ("Z", "C")]).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == sorted(["乙", "甲", "Z"], key=str.encode)
    assert lines[0] == '{"id":"Z","stratum":"C"}'


def test_a_stratum_without_a_rule_stops_the_draw() -> None:
    with pytest.raises(KeyError):
        pick({"E": ["a"]}, rules=number(1), seed=bytes(32))
