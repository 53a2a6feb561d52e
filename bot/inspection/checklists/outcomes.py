"""The result codes (检查结果) of an item, their weight, and which may stand together (field guide 2.2, 2.3).

The published words of each code are in ``bot.inspection.results.labels``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from bot.core.errors import Problem


class ResultCode(StrEnum):
    """Result of one item; what each says is in ``results.labels``."""

    R01 = "R01"
    R02 = "R02"
    R03 = "R03"
    R04 = "R04"
    R05 = "R05"
    R06 = "R06"
    R07 = "R07"
    R08 = "R08"
    R21 = "R21"
    R22 = "R22"
    R23 = "R23"
    R24 = "R24"
    R25 = "R25"


# Heaviest first, as in field guide 2.3. It does not rank the registry outcomes R21 to R25; they stand above
# "nothing found" because they too say that there was nothing to judge.
WEIGHT = (
    *(ResultCode.R06, ResultCode.R03, ResultCode.R02, ResultCode.R08, ResultCode.R04, ResultCode.R05),
    *(ResultCode.R07, ResultCode.R23, ResultCode.R24, ResultCode.R22, ResultCode.R21, ResultCode.R25),
    ResultCode.R01,
)
_WORDS = tuple(code.value for code in WEIGHT)
_RANK = {word: rank for rank, word in enumerate(_WORDS)}
REGISTRY = frozenset({ResultCode.R21, ResultCode.R22, ResultCode.R23, ResultCode.R24, ResultCode.R25})
WHOLE_VISIT = REGISTRY | {ResultCode.R04, ResultCode.R06, ResultCode.R07}
CLEAN = ResultCode.R01


def worst_first(codes: Iterable[str]) -> list[str]:
    """Order *codes* by weight, each once; raises ``Problem("result_unknown")`` for a foreign code."""
    return sorted({_known(code) for code in codes}, key=_RANK.__getitem__)


def worst(codes: Iterable[str]) -> str | None:
    """Give the heaviest of *codes*, which is the overall result of a visit; None of none."""
    return next(iter(worst_first(codes)), None)


def check_item(codes: Iterable[str]) -> list[str]:
    """Give the codes of one item, worst first; ``Problem("result_conflict")`` when R01 is beside another."""
    ordered = worst_first(codes)
    if CLEAN in ordered and len(ordered) > 1:
        raise Problem("result_conflict", "“未发现问题”不能与其他结果同时选择。", codes="、".join(ordered))
    return ordered


def settle_visit(by_item: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Apply the outcomes that describe the whole visit (R04, R06, R07, R21 to R25) to every item.

    Where one item has such an outcome, no item of the visit may say "nothing found": there R01 gives way to
    the heaviest whole-visit outcome.
    """
    settled = {item: check_item(codes) for item, codes in by_item.items()}
    whole = worst(code for codes in settled.values() for code in codes if code in WHOLE_VISIT)
    if whole is None:
        return settled
    return {item: [whole] if codes == [CLEAN] else codes for item, codes in settled.items()}


def _known(code: str) -> str:
    """The plain word of a code."""
    if code not in _RANK:
        raise Problem("result_unknown", f"没有“{code}”这种检查结果。", code=code)
    return _WORDS[_RANK[code]]
