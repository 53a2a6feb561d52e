"""What a camera wrote into a photo, and what does not fit the visit. Signs for a person; nothing is refused (C19).

Source of the tags: Exif 2.32 (CIPA DC-008), sections 4.6.5 (DateTimeOriginal, OffsetTimeOriginal) and 4.6.6 (GPS).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.core.clock import CHINA
from bot.core.coordinates import Point, distance

FAR = 500.0  # metres: a market or a factory is smaller, and a phone indoors is off by a hundred
EARLY = dt.timedelta(minutes=30)  # before the first check-in: a shop front taken from the street still fits
_EXIF, _GPS = 0x8769, 0x8825
_TAKEN, _OFFSET, _SOFTWARE = 0x9003, 0x9011, 0x0131
_EDITORS = ("photoshop", "lightroom", "snapseed", "美图", "meitu", "picsart", "gimp", "醒图")


@dataclass(frozen=True, slots=True)
class Traces:
    """``taken_at`` and the position as the camera wrote them; ``software`` that touched the file."""

    taken_at: dt.datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    software: str = ""

    @property
    def point(self) -> Point | None:
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)


NO_TRACES = Traces()


class Sign(StrEnum):
    """``text`` is what the reviewer reads beside the photo."""

    EARLIER = "EARLIER"
    FAR_AWAY = "FAR_AWAY"
    EDITED = "EDITED"
    NO_CAMERA = "NO_CAMERA"
    ELSEWHERE = "ELSEWHERE"

    @property
    def text(self) -> str:
        return _TEXTS[self]


_TEXTS = {
    Sign.EARLIER: "拍摄时间早于签到",
    Sign.FAR_AWAY: "拍摄位置离签到地点超过 500 米",
    Sign.EDITED: "经过修图软件处理",
    Sign.NO_CAMERA: "要求现场拍摄，但没有相机信息",
    Sign.ELSEWHERE: "同一张照片也用在别的检查中",
}


def signs(
    traces: Traces,
    *,
    phone: Point | None,
    arrived_at: dt.datetime | None,
    check_ins: Iterable[Point],
    camera_only: bool,
    used_elsewhere: bool,
) -> list[Sign]:
    """Give what does not fit, most serious first. *phone* is where the upload came from, as the phone said."""
    near = list(check_ins)
    places = [point for point in (traces.point, phone) if point]
    early = bool(arrived_at and traces.taken_at and traces.taken_at < arrived_at - EARLY)
    away = bool(near) and any(min(distance(p, known) for known in near) > FAR for p in places)
    found = (
        (Sign.ELSEWHERE, used_elsewhere),
        (Sign.EARLIER, early),
        (Sign.FAR_AWAY, away),
        (Sign.EDITED, any(word in traces.software.lower() for word in _EDITORS)),
        (Sign.NO_CAMERA, camera_only and traces.taken_at is None),
    )
    return [sign for sign, here in found if here]


def read_traces(exif: Any) -> Traces:
    """Read Pillow's ``Exif``; whatever in it is broken counts as not there."""
    try:
        inner, gps = dict(exif.get_ifd(_EXIF)), dict(exif.get_ifd(_GPS))
        software = str(exif.get(_SOFTWARE, ""))
    except Exception:  # noqa: BLE001 - a stranger's bytes: the photo is evidence whatever its tags hold
        return NO_TRACES
    point = _point(gps)
    return Traces(
        _moment(str(inner.get(_TAKEN, "")), str(inner.get(_OFFSET, ""))),
        point[0] if point else None,
        point[1] if point else None,
        "".join(char for char in software if char.isprintable())[:80],
    )


def _moment(text: str, offset: str) -> dt.datetime | None:
    """Read ``2026:03:10 09:41:00``, in the camera's own time zone or else China's."""
    try:
        naive = dt.datetime.strptime(text.strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None
    if not 1990 <= naive.year <= 2099:
        return None
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", offset.strip("\0 "))
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return naive.replace(tzinfo=CHINA)
    east = dt.timedelta(hours=int(match[2]), minutes=int(match[3]))
    return naive.replace(tzinfo=dt.timezone(east if match[1] == "+" else -east))


def _point(gps: Mapping[int, Any]) -> Point | None:
    """Read GPSLatitudeRef, GPSLatitude, GPSLongitudeRef, GPSLongitude (tags 1 to 4)."""
    try:
        latitude, longitude = _degrees(gps[2]), _degrees(gps[4])
        south, west = str(gps.get(1, "N")).upper() == "S", str(gps.get(3, "E")).upper() == "W"
    except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError, OverflowError):
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude)) or latitude > 90 or longitude > 180:
        return None
    return (-latitude if south else latitude, -longitude if west else longitude)


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600
