"""Where an object is registered on the map (登记位置), kept in WGS-84 whatever the sheet or the map it came from used. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.core.columns import Column, Fault, choice
from bot.core.coordinates import LATITUDES, LONGITUDES, Point, to_wgs84
from bot.core.errors import Problem
from bot.inspection.registry.models import InspectionObject
from bot.inspection.registry.words import SYSTEMS

_DEGREES = re.compile(r"\d{1,3}(?:\.\d{1,15})?°?")
_WHICH: Final = "请写明经纬度取自哪种地图：WGS-84（GPS、天地图）或GCJ-02（高德、腾讯地图）"
read_system = choice(SYSTEMS)


def longitude(cell: str) -> float:
    """Degrees east within China: ``110.154321``."""
    return _degrees(cell, LONGITUDES, "经度")


def latitude(cell: str) -> float:
    """Degrees north within China: ``22.637654``."""
    return _degrees(cell, LATITUDES, "纬度")


def _degrees(cell: str, within: tuple[float, float], name: str) -> float:
    if _DEGREES.fullmatch(cell) is None:
        raise ValueError(f"{name}应是小数的度数，例如110.154321")
    value = float(cell.removesuffix("°"))
    if problem := _outside(value, within, name):
        raise ValueError(f"{problem}，请检查经度和纬度是否填反")
    return value


def _outside(value: float, within: tuple[float, float], name: str) -> str:
    """Why the database would not keep these degrees (its check of 0035 has the same bounds)."""
    return "" if within[0] <= value <= within[1] else f"{name}应在{within[0]:g}至{within[1]:g}之间"


PLACE_COLUMNS: Final = (
    Column(
        "longitude",
        "经度",
        longitude,
        default=None,
        note="例如110.154321；与纬度、坐标系一起填，留空不改变",
        aliases=("东经", "经度坐标", "lng", "lon", "longitude"),
    ),
    Column(
        "latitude",
        "纬度",
        latitude,
        default=None,
        note="例如22.637654",
        aliases=("北纬", "纬度坐标", "lat", "latitude"),
    ),
    Column(
        "system",
        "坐标系",
        read_system,
        default=None,
        note="WGS-84（GPS、天地图）或GCJ-02（高德、腾讯地图）",
        aliases=("坐标系统", "坐标类型"),
    ),
)


def place_rule(values: Mapping[str, Any]) -> Fault | None:
    """Both degrees and their system, or none of the three: which map they are from is never guessed.

    What lies within the bounds on a GCJ-02 map may lie outside of them in WGS-84, in which it is kept.
    """
    east, north, system = values["longitude"], values["latitude"], values["system"]
    if (east is None) != (north is None):
        missing = "经度" if east is None else "纬度"
        return Fault(missing, "", "经度和纬度要么都填，要么都不填")
    if east is not None and system is None:
        return Fault("坐标系", "", _WHICH)
    if (point := point_of(values)) is None:
        return None
    for value, written, within, name in (
        (point[1], east, LONGITUDES, "经度"),
        (point[0], north, LATITUDES, "纬度"),
    ):
        if problem := _outside(value, within, name):
            return Fault(name, f"{written:.15g}", f"{problem}，换算成WGS-84后是{value:.6f}，请核对")
    return None


def point_of(values: Mapping[str, Any]) -> Point | None:
    """The place of a row that ``place_rule`` let pass, in WGS-84 to 0.1 m."""
    if values["latitude"] is None:
        return None
    found = to_wgs84((values["latitude"], values["longitude"]), values["system"])
    return round(found[0], 6), round(found[1], 6)


def place_of(target: InspectionObject) -> Point | None:
    """Where the object is registered, in WGS-84."""
    if target.latitude is None or target.longitude is None:
        return None
    return target.latitude, target.longitude


def read_place(cells: Mapping[str, str]) -> Point | None:
    """The place in a form's fields longitude, latitude and system; None when all degrees are empty.

    Raises ``place_invalid`` naming the fields.
    """
    readers = {
        "longitude": ("经度", longitude),
        "latitude": ("纬度", latitude),
        "system": ("坐标系", read_system),
    }
    values, wrong = dict.fromkeys(readers), {}
    for field, (name, read) in readers.items():
        if cell := cells.get(field, "").strip():
            try:
                values[field] = read(cell)
            except ValueError as error:
                wrong[name] = str(error)
    if not wrong and (fault := place_rule(values)):
        wrong[fault.header] = fault.reason
    if wrong:
        raise Problem("place_invalid", "登记位置没有改动", **wrong)
    return point_of(values)
