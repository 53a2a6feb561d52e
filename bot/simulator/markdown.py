"""The Markdown that phones of both services show, as safe HTML: everything is escaped first, then a few marks
become tags. Links lead to http and https only; pictures, raw HTML and, but for WeCom's markdown_v2, tables stay text, as
on the phones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

_SHIELD = 0xE000  # a backslashed mark waits in the private use area until the marks around it are done
_BACKSLASHED = re.compile(r"\\([!-/:-@\[-`{-~])")
_SHIELDED = re.compile("[\ue021-\ue07e]")
_URL = r"https?://(?:(?!&#3[49];|&[lg]t;)[^\s()\ue000-\uf8ff，。；、）】])+"
_INLINE = re.compile(
    rf"\[(?P<label>[^\[\]\n]+)\]\((?P<link>{_URL})\)"
    rf"|&lt;a href=(?:&#34;|&#39;)(?P<href>{_URL})(?:&#34;|&#39;)&gt;(?P<anchor>.+?)&lt;/a&gt;"
    rf"|(?P<bare>{_URL})"
    r"|\*\*(?P<bold>\S(?:.*?\S)?)\*\*"
    r"|`(?P<code>[^`]+)`"
    r"|&lt;font color=(?:&#34;|&#39;)?(?P<colour>[#\w]+)(?:&#34;|&#39;)?&gt;(?P<tinted>.+?)&lt;/font&gt;"
)
_TINTS = {"info": "good", "comment": "quiet", "warning": "warn"}
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_BULLET = re.compile(r"[-*+]\s+(.*)")
_NUMBER = re.compile(r"\d{1,9}[.)、]\s*(.*)")
_ROW = re.compile(r"\|.*\|")
_RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+")  # between the head and the rest
_QUOTE = re.compile(r"&gt;\s?(.*)")


def to_html(text: str, *, tables: bool = False) -> Markup:
    """Render *text*; the result holds no tag, attribute or address that is not made here."""
    shielded = _BACKSLASHED.sub(lambda m: chr(_SHIELD + ord(m[1])), _without_private(text))
    html = "".join(_blocks(str(escape(shielded)).splitlines(), tables=tables))
    return Markup(_SHIELDED.sub(lambda m: str(escape(chr(ord(m[0]) - _SHIELD))), html))  # noqa: S704


def plain_to_html(text: str) -> Markup:
    """Show what a person typed: no marks, only line breaks."""
    return Markup("<br>").join(text.splitlines())


def one_line(text: str) -> str:
    """The words of *text* without its marks, for a list."""
    return Markup(str(to_html(text[:200])).replace("><", "> <").replace("<br>", " ")).striptags()  # noqa: S704


def _without_private(text: str) -> str:
    return re.sub("[\ue000-\uf8ff]", "", text)


def _blocks(lines: list[str], *, tables: bool) -> Iterator[str]:
    """Group lines of one kind into a list, a quote, a table or a paragraph."""
    kind, held = "", list[str]()
    for line in lines:
        now, content = _kind(line.strip())
        if tables and now == "p" and _ROW.fullmatch(content):
            now = "table"
        if not now and kind in ("ul", "ol"):
            continue  # a blank line between two items leaves the list open
        if now != kind or now.startswith("h"):
            yield _close(kind, held)
            kind, held = now, []
        held.append(_inline(content))
    yield _close(kind, held)


def _kind(line: str) -> tuple[str, str]:
    if not line:
        return "", ""
    if re.fullmatch(r"(-\s?){3,}|(\*\s?){3,}|_{3,}", line):
        return "hr", ""
    if m := _HEADING.fullmatch(line):
        return f"h{min(len(m[1]) + 2, 6)}", m[2]
    for kind, pattern in (("ul", _BULLET), ("ol", _NUMBER), ("blockquote", _QUOTE)):
        if m := pattern.fullmatch(line):
            return kind, m[1]
    return "p", line


def _close(kind: str, held: list[str]) -> str:
    if not kind:
        return ""
    if kind == "hr":
        return "<hr>"
    if kind in ("ul", "ol"):
        return f"<{kind}>" + "".join(f"<li>{item}</li>" for item in held) + f"</{kind}>"
    if kind == "table":
        rows = (
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in held
            if not _RULE.fullmatch(line)
        )
        return (
            "<table>"
            + "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
            + "</table>"
        )
    return f"<{kind}>" + "<br>".join(held) + f"</{kind}>"


def _inline(text: str) -> str:
    return _INLINE.sub(_mark, text)


def _mark(m: re.Match[str]) -> str:
    if m["bold"]:
        return f"<strong>{_inline(m['bold'])}</strong>"
    if m["code"]:
        return f"<code>{m['code']}</code>"
    if m["colour"]:
        return f'<span class="{_TINTS.get(m["colour"], "tint")}">{_inline(m["tinted"])}</span>'
    url = m["link"] or m["href"] or m["bare"]
    label = m["label"] or m["anchor"] or url
    return f'<a href="{url}" target="_blank" rel="noopener noreferrer">{label}</a>'
