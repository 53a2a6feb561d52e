"""Numbers of people that must not stand in what is made public (C22, C39)."""

from __future__ import annotations

import re
import unicodedata

from bot.core.errors import Problem

_PATTERNS = (
    ("身份证号", re.compile(r"(?<![0-9A-Z])\d{6}([ -]?)\d{8}\1\d{3}[\dX](?![0-9A-Z])")),
    ("手机号", re.compile(r"(?<!\d)1[3-9]\d([ -]?)\d{4}\1\d{4}(?!\d)")),
    ("银行卡号", re.compile(r"(?<!\d)\d{4}([ -]?)\d{4}\1\d{4}\1\d{4,7}(?!\d)")),
)


def private_number(text: str) -> str:
    """The kind of personal number that *text* seems to hold; empty when there is none."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return next((kind for kind, pattern in _PATTERNS if pattern.search(plain)), "")


def public_words(text: str, *, name: str = "理由") -> str:
    """*text*, typed by somebody and about to be public. Raises ``private_data``, which never repeats the number."""
    if kind := private_number(text):
        raise Problem(
            "private_data",
            f"{name}会向社会公开，其中疑似有个人的{kind}。请删去后再写。",
            **{name: f"疑似{kind}"},
        )
    return text
