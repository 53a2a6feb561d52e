"""What people type, made fit to be kept."""

from __future__ import annotations

import re

_UNKEEPABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def keepable(text: str) -> str:
    """*text* without what a database cannot keep (NUL, halves of characters); its lines stay."""
    return text if text.isprintable() else _UNKEEPABLE.sub("", text)


def said(text: str, longest: int = 2000) -> str:
    """*text* on one line: ``keepable``, at most *longest* long."""
    return " ".join(keepable(text).split())[:longest].rstrip()


def says_something(text: str) -> bool:
    """Whether there are at least two letters, digits or characters in it: a full stop is no reason."""
    return len(re.sub(r"[\W_]", "", text)) >= 2
