"""Places on the map: metres between two, and the two systems Chinese phones and maps use. Pure.

Everything of ours is WGS-84, as satellites and browsers give it. Maps sold in China show GCJ-02 (GB 20263-2006 has
public maps encrypted), which lies 100 to 700 m beside it; WeCom's positions come from Tencent's map and are GCJ-02.
The encryption was never published; the formula below is the one in general use and agrees with the maps to a metre.
"""

from __future__ import annotations

import math
from enum import StrEnum

Point = tuple[float, float]  # latitude, longitude in degrees

LATITUDES = (3.0, 54.0)  # of China, islands included
LONGITUDES = (73.0, 136.0)
_EARTH = 6_371_000.0  # metres
_AXIS, _ECCENTRICITY2 = (
    6_378_245.0,
    0.006_693_421_622_965_943,
)  # Krasovsky 1940, which the shift is reckoned on
_ROUNDS = 6  # each leaves a thousandth of the error


class System(StrEnum):
    WGS84 = "WGS-84"
    GCJ02 = "GCJ-02"


def distance(one: Point, other: Point) -> float:
    """Metres on the great circle."""
    lat1, lat2 = math.radians(one[0]), math.radians(other[0])
    half = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    )
    return 2 * _EARTH * math.asin(min(1.0, math.sqrt(half)))


def on_earth(latitude: float | None, longitude: float | None) -> Point | None:
    """The place a phone told; None where it told none, or one that is nowhere."""
    if latitude is None or longitude is None or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return latitude, longitude


def is_in_china(point: Point) -> bool:
    """Whether it lies in the rectangle around China; outside of it maps are not encrypted."""
    return LATITUDES[0] <= point[0] <= LATITUDES[1] and LONGITUDES[0] <= point[1] <= LONGITUDES[1]


def to_wgs84(point: Point, system: System = System.GCJ02) -> Point:
    """The same place in WGS-84, exact to a millimetre against :func:`to_gcj02`."""
    if system is System.WGS84 or not is_in_china(point):
        return point
    latitude, longitude = point
    for _ in range(_ROUNDS):
        north, east = _shift((latitude, longitude))
        latitude, longitude = point[0] - north, point[1] - east
    return latitude, longitude


def to_gcj02(point: Point) -> Point:
    """Where a Chinese map draws a place of WGS-84."""
    if not is_in_china(point):
        return point
    north, east = _shift(point)
    return point[0] + north, point[1] + east


def _shift(point: Point) -> Point:
    """Degrees that GCJ-02 lies north and east of the true place."""
    x, y = point[1] - 105.0, point[0] - 35.0
    wave = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += (wave + _waves(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += (wave + _waves(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))) * 2.0 / 3.0
    across = math.radians(point[0])
    flat = 1.0 - _ECCENTRICITY2 * math.sin(across) ** 2
    meridian = _AXIS * (1.0 - _ECCENTRICITY2) / (flat * math.sqrt(flat))
    return (
        math.degrees(north / meridian),
        math.degrees(east / (_AXIS / math.sqrt(flat) * math.cos(across))),
    )


def _waves(at: float, *waves: tuple[float, float]) -> float:
    return sum(height * math.sin(at / length * math.pi) for height, length in waves)
