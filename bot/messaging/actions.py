"""What a button carries: verb, subject and generation, packed and checked against the platforms' limits."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.errors import Problem
from bot.core.ids import row_key

_LIMIT = 128  # bytes; WeCom allows 1,024 for a key, DingTalk actions are ids: the smaller habit wins


@dataclass(frozen=True, slots=True)
class Action:
    """``accept|visit:17|2``: do *verb* to *subject* as it was at *generation*."""

    verb: str
    subject: str
    generation: int = 1

    def pack(self) -> str:
        packed = f"{self.verb}|{self.subject}|{self.generation}"
        if len(packed.encode()) > _LIMIT or packed.count("|") != 2:
            raise ValueError(f"not a button payload: {packed!r}")
        return packed

    @property
    def subject_id(self) -> int:
        """The number in ``visit:17``."""
        return int(self.subject.rpartition(":")[2])


def unpack(packed: str) -> Action:
    """Read a button's payload; raise ``Problem`` ``button_unknown`` for anything we did not make."""
    verb, _, rest = packed.partition("|")
    subject, _, generation = rest.partition("|")
    name, _, number = subject.partition(":")
    words = verb.replace("_", "").isalpha() and name.isalpha()
    numbers = None not in (row_key(number), row_key(generation))
    if not (words and numbers):
        raise Problem("button_unknown", "这张卡片的按钮已不再使用，请打开最新的卡片。")
    return Action(verb, subject, int(generation))
