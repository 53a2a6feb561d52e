"""What a reviewer types after looking at the queue: 「通过 1、3」「退回 2 照片不清楚」. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_NUMBERS = re.compile(r"[\d\s、,，和及-]*")
_PASS, _BACK = ("通过", "通過", "同意", "过"), ("退回", "返回", "打回")
_MOST = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """``places`` in the list as shown, from 1; ``reason`` for a return."""

    passes: bool
    places: tuple[int, ...]
    reason: str = ""


def read_wish(words: str) -> Wish | None:
    """What is wanted, or None where the words are not understood: nothing is guessed, and "all" is no number."""
    plain = unicodedata.normalize("NFKC", words).strip().rstrip("。.!")
    for verbs, passes in ((_PASS, True), (_BACK, False)):
        verb = next((v for v in verbs if plain.startswith(v)), None)
        if verb is None:
            continue
        rest = plain[len(verb) :].lstrip(" :：第")
        found = _NUMBERS.match(rest)
        numbers = found[0] if found else ""
        places = _places(numbers)
        reason = rest[len(numbers) :].strip(" 件项号,，:：。")
        if not places or (passes and reason) or (not passes and not reason):
            return None
        return Wish(passes, places, reason)
    return None


def _places(text: str) -> tuple[int, ...]:
    places: list[int] = []
    for part in re.split(r"[\s、,，和及]+", text.strip()):
        first, dash, last = part.partition("-")
        if dash and first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= _MOST:
            places += range(int(first), int(last) + 1)
        elif part.isdecimal() and 1 <= int(part) <= _MOST:
            places.append(int(part))
        elif part:
            return ()
    return tuple(dict.fromkeys(places))
