"""Whether an object got worse between two imports (C27, ZJ-2.5.g). Pure."""

from __future__ import annotations

from bot.inspection.registry.models import Warned

NAMES = {Warned.CLASS_DROP: "等级下降", Warned.INDEX_JUMP: "指数陡升"}


def warning(before: tuple[str, int | None], after: tuple[str, int | None], *, jump: int) -> Warned:
    """A worse class, or with the same class or a better one an index that rose by *jump* or more; (class, index)."""
    if after[0] > before[0]:  # A is best, D worst
        return Warned.CLASS_DROP
    if before[1] is not None and after[1] is not None and after[1] - before[1] >= jump:
        return Warned.INDEX_JUMP
    return Warned.NO
