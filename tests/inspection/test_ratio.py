"""The ratio engine (C9, D7) and the cap of GENERAL items (C2)."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.inspection.plans.ratio import base_problem, percent, preview
from bot.inspection.plans.strata import StratumRule

HENAN = {
    "A": StratumRule(Decimal(1)),
    "B": StratumRule(Decimal(2)),
    "C": StratumRule(Decimal(10)),
    "D": StratumRule(Decimal(30)),
}
SIZES = {"A": 700, "B": 200, "C": 80, "D": 20}

rules = st.builds(
    StratumRule,
    ratio=st.decimals(0, 100, places=2),
    minimum=st.integers(0, 20),
    maximum=st.none() | st.integers(20, 500),
    number=st.none() | st.integers(0, 500),
    cap=st.none() | st.decimals(1, 100, places=1),
)


def test_c9_a_thousand_objects_by_class_give_twenty_five() -> None:
    seen = preview(SIZES, HENAN)
    assert [s.take for s in seen.strata] == [7, 4, 8, 6]
    assert (seen.total, seen.pool) == (25, 1000)
    assert [s.probability for s in seen.strata] == [0.01, 0.02, 0.1, 0.3]


def test_a_small_stratum_is_rounded_up_and_the_preview_says_so() -> None:
    seen = preview({"A": 3}, HENAN, excluded={"已注销、吊销或迁出": 2})
    assert (seen.strata[0].take, seen.strata[0].rounded_up) == (1, True)
    assert seen.excluded == {"已注销、吊销或迁出": 2}


def test_c2_the_base_ratio_keeps_the_cap_and_the_uplift_of_c_and_d_may_pass_it() -> None:
    assert base_problem(HENAN, Decimal(5)) is None
    assert (
        base_problem({**HENAN, "B": StratumRule(Decimal(8))}, Decimal(5))
        == "超过一般检查事项比例上限5%：B类比例为8%"
    )
    assert preview(SIZES, HENAN, cap=Decimal(5)).problem is None
    assert preview({"C": 100}, HENAN, cap=Decimal(5)).problem == "超过一般检查事项比例上限5%：总体比例为10%"


def test_rounding_up_alone_never_breaks_the_cap() -> None:
    assert preview({"A": 3, "B": 3}, HENAN, cap=Decimal(5)).problem is None


def test_percentages_are_cut_not_rounded() -> None:
    assert [percent(Decimal(x)) for x in ("5", "2.5", "9.999", "10", "100")] == [
        "5%",
        "2.5%",
        "9.99%",
        "10%",
        "100%",
    ]


@given(
    st.dictionaries(st.sampled_from("ABCD"), st.integers(0, 5000)),
    st.dictionaries(st.sampled_from("ABCD"), rules),
)
def test_a_take_fits_its_stratum_and_is_the_least_that_meets_the_share(
    sizes: dict[str, int], table: dict[str, StratumRule]
) -> None:
    for stratum in preview(sizes, table).strata:
        assert 0 <= stratum.take <= stratum.size
        assert stratum.exact <= stratum.take < stratum.exact + 1
        assert 0 <= stratum.probability <= 1


@given(st.integers(1, 10**7), st.decimals("0.01", 100, places=2))
def test_a_ratio_above_nought_takes_at_least_one_and_grows_with_the_pool(size: int, ratio: Decimal) -> None:
    smaller, larger = (preview({"A": n}, {"A": StratumRule(ratio)}).total for n in (size, size + 1))
    assert 1 <= smaller <= larger <= smaller + 1
