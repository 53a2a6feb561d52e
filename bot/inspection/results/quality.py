"""Signs of an inspection that was not real (走过场); a person judges, nothing is refused (C32). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.coordinates import Point, distance
from bot.inspection.checklists.exif import FAR

SHORTEST = dt.timedelta(minutes=10)  # a real visit takes longer
COPIES = 3  # visits of one day with the same words
FAMILIAR = 10  # results of one officer that one reviewer let pass within a year, none of them returned
ENTERED_LATE = dt.timedelta(days=3)  # between the end of the visit and the hand-in
APART = 1_500.0  # metres: a phone indoors is off by hundreds, and they need not check in at the same door
FRUITLESS = 3  # clean visits by one officer to one object within a year (field guide 12)


class Flag(StrEnum):
    """``words`` is what the reviewer reads."""

    NO_CHECK_IN = "NO_CHECK_IN"
    APART = "APART"
    AWAY = "AWAY"
    ELSEWHERE = "ELSEWHERE"
    TOO_SHORT = "TOO_SHORT"
    COPIED_TEXT = "COPIED_TEXT"
    NO_PHOTO = "NO_PHOTO"
    LATE = "LATE"
    LATE_ENTRY = "LATE_ENTRY"
    NO_SIGNATURE = "NO_SIGNATURE"
    DISSENT = "DISSENT"
    LOW_YIELD = "LOW_YIELD"
    FIXED_PAIR = "FIXED_PAIR"

    def words(self, trace: Trace) -> str:
        """What was seen, with the metres where it is about a distance."""
        return _TEXTS[self].format(apart=trace.apart, away=trace.away, elsewhere=trace.elsewhere)


_TEXTS = {
    Flag.NO_CHECK_IN: "现场检查但签到不足两人",
    Flag.APART: "检查人员的签到位置相距 {apart:.0f} 米",
    Flag.AWAY: "有签到位置离该户登记的位置 {away:.0f} 米",
    Flag.ELSEWHERE: "签到位置离以往检查该户的位置 {elsewhere:.0f} 米",
    Flag.TOO_SHORT: "从签到到提交不足 10 分钟",
    Flag.COPIED_TEXT: "同一天多户检查的文字完全相同",
    Flag.NO_PHOTO: "有不合格项没有照片",
    Flag.LATE: "检查后补登记",
    Flag.LATE_ENTRY: "检查结束 3 天以后才提交",
    Flag.NO_SIGNATURE: "被检查单位没有签字",
    Flag.DISSENT: "有执法人员对记录有不同意见",
    Flag.FIXED_PAIR: "一年内同一审核人审核该检查人员 10 次以上，从未退回",
    Flag.LOW_YIELD: "同一人员一年内三次检查该户均未发现问题，请说明理由",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """What a visit left behind.

    ``same_text`` counts visits of that day with the same words, ``clean_visits`` one officer's at this object within a
    year; both include this visit. ``apart`` is how many metres the officers' check-ins lie from each other,
    ``away`` how far the farthest of them is from the object's registered place, ``elsewhere`` the nearest of them from
    where this object was found before; None where nobody knows.
    ``bad_without_photo`` names questions. ``submitted_at`` is when it was handed in, ``ended_at`` when they left.
    ``familiar`` counts what this reviewer let pass of one officer within a year without ever returning one.
    """

    on_site: bool
    checked_in: int
    began_at: dt.datetime | None
    ended_at: dt.datetime | None
    same_text: int
    bad_without_photo: tuple[str, ...]
    late: bool
    clean_visits: int = 0
    submitted_at: dt.datetime | None = None
    unsigned: bool = False
    dissent: bool = False
    familiar: int = 0
    apart: float | None = None
    away: float | None = None
    elsewhere: float | None = None


def flags(trace: Trace) -> tuple[Flag, ...]:
    """The signs a reviewer should look at, most serious first."""
    spent = trace.ended_at - trace.began_at if trace.began_at and trace.ended_at else None
    waited = trace.submitted_at - trace.ended_at if trace.submitted_at and trace.ended_at else dt.timedelta()
    signs = (
        (Flag.NO_CHECK_IN, trace.on_site and trace.checked_in < 2),
        (Flag.APART, trace.on_site and trace.apart is not None and trace.apart > APART),
        (Flag.AWAY, trace.on_site and trace.away is not None and trace.away > FAR),
        (Flag.ELSEWHERE, trace.on_site and trace.elsewhere is not None and trace.elsewhere > APART),
        (Flag.TOO_SHORT, trace.on_site and spent is not None and spent < SHORTEST),
        (Flag.COPIED_TEXT, trace.same_text >= COPIES),
        (Flag.NO_PHOTO, bool(trace.bad_without_photo)),
        (Flag.LATE, trace.late),
        (Flag.LATE_ENTRY, waited > ENTERED_LATE),
        (Flag.NO_SIGNATURE, trace.unsigned),
        (Flag.DISSENT, trace.dissent),
        (Flag.FIXED_PAIR, trace.familiar >= FAMILIAR),
        (Flag.LOW_YIELD, trace.clean_visits >= FRUITLESS),
    )
    return tuple(flag for flag, here in signs if here)


def sign_words(trace: Trace) -> tuple[str, ...]:
    """What the reviewer reads, most serious first."""
    return tuple(flag.words(trace) for flag in flags(trace))


def widest(points: Sequence[Point]) -> float | None:
    """The metres between the two points that lie farthest from each other; None for fewer than two."""
    spans = [distance(one, other) for n, one in enumerate(points) for other in points[n + 1 :]]
    return max(spans, default=None)


def nearest(here: Sequence[Point], before: Sequence[Point]) -> float | None:
    """The metres from *here* to where the object was found before; None where one of them is unknown."""
    return min((distance(one, other) for one in here for other in before), default=None)


def farthest(here: Sequence[Point], registered: Point | None) -> float | None:
    """The metres from the registered place to the point that lies farthest from it; None where one is unknown."""
    return max((distance(one, registered) for one in here), default=None) if registered else None
