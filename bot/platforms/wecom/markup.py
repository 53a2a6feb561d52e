"""What of our Markdown WeCom can show, and cutting text to WeCom's limits. Pure.

WeCom's markdown has no backslash escapes, so an escaped character becomes its full-width twin: a person who
types ``[x](http://…)`` or ``<@all>`` must not make a link or call everybody.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>|~&$'\"])")
_TWINS = {c: chr(ord(c) + 0xFEE0) for c in "`*_[]#<>~"}
_LITERAL = str.maketrans({c: _TWINS[c] for c in "`*[]<>"})
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff\ue000-\ue07f]")
_LINK = re.compile(r"\[([^\]\n]*)\]\(([^)\s]*)\)")
_LINE_MARKS = re.compile(r"^[ ]{0,3}(?:#{1,6}[ ]+|>[ ]?)", re.MULTILINE)
_SPAN_MARKS = re.compile(r"\*\*|__|`")
_MARKUP = re.compile(r"\*\*|`|^[ ]{0,3}(?:#{1,6}[ ]|>)|\]\(", re.MULTILINE)


def clean(text: str) -> str:
    r"""Drop what JSON could only write as ``\uXXXX``, which WeCom refuses with 40033."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\t", " "))


def has_markup(text: str) -> bool:
    """Tell whether *text* would look different as Markdown."""
    return _MARKUP.search(text) is not None


def markdown(text: str) -> str:
    """Our Markdown as WeCom's: the same marks, without escapes."""
    return _ESCAPED.sub(lambda m: _TWINS.get(m[1], m[1]), clean(text)).strip()


def literal(text: str) -> str:
    """A text that is no Markdown, on one line, so that WeCom's markdown shows it as it is."""
    return line(text).translate(_LITERAL)


def line(text: str) -> str:
    """A text on one line."""
    return " ".join(clean(text).split())


def plain(text: str) -> str:
    """The words of our Markdown, without its marks; links keep their text."""
    hidden = _ESCAPED.sub(lambda m: chr(0xE000 + ord(m[1])), clean(text))  # private use: no mark matches it
    words = _SPAN_MARKS.sub("", _LINE_MARKS.sub("", _LINK.sub(r"\1", hidden)))
    words = re.sub(r"[\ue000-\ue07f]", lambda m: chr(ord(m[0]) - 0xE000), words)
    return re.sub(r"\n{2,}", "\n", words).strip()


def cut(text: str, limit: int) -> str:
    """At most *limit* characters, with «…» where words were left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def cut_bytes(text: str, limit: int) -> str:
    """At most *limit* bytes of UTF-8, cut between two characters, with «…» where words were left out."""
    raw = text.encode()
    return text if len(raw) <= limit else raw[: limit - 3].decode(errors="ignore").rstrip() + "…"
