"""Places on Chinese maps and by satellite."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.coordinates import LATITUDES, LONGITUDES, System, distance, to_gcj02, to_wgs84

TIANANMEN, TIANANMEN_ON_A_MAP = (39.915, 116.404), (39.91640428150164, 116.41024449916938)


def test_a_chinese_map_draws_a_place_where_others_reckoned_it() -> None:
    """The pair that the converters in general use print."""
    assert to_gcj02(TIANANMEN) == pytest.approx(TIANANMEN_ON_A_MAP, abs=1e-9)
    assert distance(TIANANMEN, TIANANMEN_ON_A_MAP) == pytest.approx(555, abs=1)


@given(st.floats(*LATITUDES), st.floats(*LONGITUDES))
def test_there_and_back_is_the_same_place_all_over_china(north: float, east: float) -> None:
    drawn = to_gcj02((north, east))
    assert distance((north, east), drawn) < 2_000
    if LATITUDES[0] < drawn[0] < LATITUDES[1] and LONGITUDES[0] < drawn[1] < LONGITUDES[1]:
        assert distance((north, east), to_wgs84(drawn)) < 0.001


@pytest.mark.parametrize("abroad", [(48.85, 2.35), (-33.9, 151.2), (0.0, 0.0)])
def test_outside_china_nothing_is_shifted(abroad: tuple[float, float]) -> None:
    assert to_gcj02(abroad) == to_wgs84(abroad) == abroad


def test_wgs84_stays_as_it_is() -> None:
    assert to_wgs84(TIANANMEN, System.WGS84) == TIANANMEN
