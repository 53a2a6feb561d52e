"""Clues: where many of a kind point to a special check, and with which ratio (YL-3.7.b). Pure."""

from __future__ import annotations

from bot.inspection.followups.models import ClueSource

SOURCES: dict[ClueSource, str] = {
    ClueSource.COMPLAINT: "投诉举报",
    ClueSource.TRANSFER: "转办交办",
    ClueSource.MONITORING: "数据监测",
    ClueSource.FOUND: "检查中发现",
    ClueSource.UNLICENSED: "无证无照",
}
_LEAST, _MOST = 5, 50  # percent: below nothing is found, above it is no sample any more


def suggested_ratio(*, hit: int, objects: int) -> int:
    """Percent of the industry's objects in the area for a special check: twice the share that clues point at, since
    a clue names one of those that are not seen; between 5 and 50. A person decides (D19)."""
    if objects <= 0:
        return _MOST
    return min(_MOST, max(_LEAST, -(-200 * hit // objects)))
