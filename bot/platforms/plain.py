"""Plain words of a message for channels without cards: no Markdown, links written out. Pure."""

from __future__ import annotations

import re

from bot.platforms.base import OutboundMessage

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_MARKS = re.compile(r"(?m)^\s{0,3}(?:#{1,6}\s+|>\s?)|\*\*|__")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>#|~])")


def plain(markdown: str) -> str:
    """The words of the Markdown subset."""
    text = _MARKS.sub("", _LINK.sub(r"\1 \2", markdown))
    return _ESCAPED.sub(r"\1", text).strip()


def letter(message: OutboundMessage) -> str:
    """Title, body, facts and every link, one below the other."""
    facts = "\n".join(f"{name}：{value}" for name, value in message.facts)
    links = "\n".join(f"{button.text}：{button.url}" for button in message.buttons if button.url)
    return "\n\n".join(part for part in (plain(message.body), facts, message.done or links) if part)


def short(message: OutboundMessage, *, limit: int) -> str:
    """One line of at most *limit* characters; the link stays whole."""
    link = f" {message.url}" if message.url else ""
    words = " ".join(f"{plain(message.title)}：{plain(message.body)}".split())
    room = limit - len(link)
    return (words if len(words) <= room else words[: max(room - 1, 0)] + "…") + link
