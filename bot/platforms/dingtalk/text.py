"""Cutting and joining text the way DingTalk measures and shows it. Pure. Sheet: sections 1.7, 4.3 and 5.2."""

from __future__ import annotations

import bisect
import json
import re

_MARK = "…"
_BARE_NEWLINE = re.compile(r"(?<!\n)[ \t]*\n(?!\n)([ \t]*)")
_BLOCK = re.compile(r"#{1,6} |> ?|[-*+] |\d+\. ")  # a heading, a quote, an item of a list


def compact(value: object) -> str:
    """JSON with raw UTF-8 and no spaces: what counts against every limit."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def cut(text: str, limit: int) -> str:
    """Shorten to at most *limit* bytes of UTF-8, at a character, with an ellipsis where it was cut."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = max(limit - len(_MARK.encode()), 0)
    kept = encoded[:room].decode(errors="ignore")
    return kept + _MARK if limit >= len(_MARK.encode()) else kept


def cut_in_json(text: str, limit: int) -> str:
    """Shorten until *text* takes at most *limit* bytes between the quotes of a JSON string."""
    if _cost(text) <= limit:
        return text
    room = limit - len(_MARK.encode())
    lengths = range(min(len(text), limit) + 1)  # a character takes a byte or more
    kept = bisect.bisect_right(lengths, room, key=lambda length: _cost(text[:length])) - 1
    return text[: max(kept, 0)] + _MARK


def _cost(text: str) -> int:
    return len(compact(text).encode()) - 2


def lines(text: str) -> str:
    """Make single newlines survive: the clients swallow a bare one.

    Before a block goes a blank line, since the two spaces that keep a line would nest a list.
    """
    return _BARE_NEWLINE.sub(lambda found: _newline(text, found), text)


def _newline(text: str, found: re.Match[str]) -> str:
    return f"\n\n{found[1]}" if _BLOCK.match(text, found.end()) else "  \n  "
