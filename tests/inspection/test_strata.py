"""C9, D7: how many of a stratum are taken."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Problem
from bot.inspection.plans.strata import StratumRule, take

SIZES = st.integers(0, 5000)
PERCENT = st.decimals(0, 100, places=2)


def taken(size: int, rule: Any) -> int:
    return take(size, StratumRule.parse(rule))


def test_c9_700_200_80_20_at_1_2_10_30_percent_give_7_4_8_6() -> None:
    found = [taken(size, ratio) for size, ratio in ((700, 1), (200, 2), (80, 10), (20, 30))]
    assert found == [7, 4, 8, 6]
    assert sum(found) == 25


@pytest.mark.parametrize(
    ("size", "rule", "want"),
    [
        (1, 1, 1),  # D7: at least one where the ratio is above zero
        (980, 3, 30),  # C10: 29.4 is rounded up
        (100, "0.5", 1),
        (100, "2.01", 3),
        (100, 0, 0),
        (0, 50, 0),
        (100, {"ratio": 1, "min": 5}, 5),
        (3, {"ratio": 1, "min": 5}, 3),  # never more than there are
        (1000, {"ratio": 50, "max": 20}, 20),
        (1000, {"number": 7}, 7),
        (1000, {"ratio": 10, "cap": 5}, 50),
        (1000, {"number": 80, "min": 60, "cap": "2.5"}, 25),
        (1000, {"ratio": 0.1}, 1),  # a binary float is read as it is written
        (1000, {"ratio": 10, "max": 20.0}, 20),  # sheets give whole numbers as floats
    ],
)
def test_a_rule_is_applied_in_its_order(size: int, rule: Any, want: int) -> None:
    assert taken(size, rule) == want


@given(SIZES, PERCENT)
def test_the_take_is_the_least_whole_number_not_below_the_share(size: int, ratio: Decimal) -> None:
    found = taken(size, ratio)
    assert found * 100 >= size * ratio
    assert (found - 1) * 100 < size * ratio or found == 0


@given(SIZES, PERCENT, PERCENT, st.integers(0, 60), st.none() | st.integers(0, 60))
def test_no_rule_takes_more_than_there_are_or_more_than_its_cap(
    size: int, ratio: Decimal, cap: Decimal, least: int, most: int | None
) -> None:
    found = taken(size, {"ratio": ratio, "cap": cap, "min": least, "max": most})
    assert 0 <= found <= min(size, taken(size, cap))
    if most is not None:
        assert found <= most


@given(
    PERCENT,
    st.none() | PERCENT,
    st.integers(0, 9),
    st.none() | st.integers(0, 9),
    st.none() | st.integers(0, 9),
)
def test_what_is_published_reads_back_as_the_same_rule(
    ratio: Decimal, cap: Decimal | None, least: int, most: int | None, number: int | None
) -> None:
    rule = StratumRule.parse({"ratio": ratio, "cap": cap, "min": least, "max": most, "number": number})
    assert StratumRule.parse(rule.as_dict()) == rule


@pytest.mark.parametrize(
    "rule",
    [101, -1, "abc", "NaN", "Infinity", None, [], {"ratio": 1, "minimum": 2}, {"min": -1}, {"min": "two"},
     {"number": -3}, {"max": 1.5}, {"cap": 120}, {"number": True}],
)  # fmt: skip
def test_a_rule_nobody_can_mean_is_refused_in_words(rule: Any) -> None:
    with pytest.raises(Problem) as refused:
        StratumRule.parse(rule)
    assert refused.value.key == "ratio_invalid"
