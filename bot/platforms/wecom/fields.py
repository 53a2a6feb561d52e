"""Strangers' XML and JSON as a tree of named texts. Pure; refuses what a callback never needs.

Expat alone is not enough: it expands entities and accepts any depth. Sheet sections 1.3 and 1.10.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from bot.platforms.wecom.crypto import CallbackError

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
MAX_PARTS = 10_000  # elements are built before the signature can be checked


class Malformed(CallbackError):  # noqa: N818 - it is what the body is
    """Not the XML or JSON that was agreed."""

    code = -40002
    status = 400


class TooLarge(Malformed):
    """Over ``MAX_BYTES`` or ``MAX_PARTS``."""

    status = 413


@dataclass(slots=True)
class Fields:
    """One element: its own text, and its children in order. Names are found whatever their case."""

    name: str
    text: str = ""
    children: list[Fields] = field(default_factory=list)
    _first: dict[str, Fields] | None = field(default=None, repr=False, compare=False)  # once it is asked for

    def get(self, name: str) -> str:
        """The text of the first child of that name, or an empty string."""
        child = (self._first or self._find()).get(name.lower())
        return child.text if child is not None else ""

    def child(self, name: str) -> Fields | None:
        """The first child of that name. Asked only of a tree that was read to its end."""
        return (self._first or self._find()).get(name.lower())

    def _find(self) -> dict[str, Fields]:
        self._first = {child.name.lower(): child for child in reversed(self.children)}
        return self._first

    def plain(self) -> dict[str, Any]:
        """The children as a JSON-able dict; a name that repeats becomes a list."""
        found: dict[str, Any] = {}
        for child in self.children:
            value = child.plain() if child.children else child.text
            if child.name not in found:
                found[child.name] = value
            elif isinstance(found[child.name], list):
                found[child.name].append(value)
            else:
                found[child.name] = [found[child.name], value]
        return found


def read(body: bytes) -> Fields:
    """Read an XML document or a JSON object. Raise Malformed or TooLarge."""
    if len(body) > MAX_BYTES or body.count(b"<") + body.count(b",") > MAX_PARTS:
        raise TooLarge
    return _read_json(body) if body.lstrip()[:1] == b"{" else _read_xml(body)


def _read_xml(body: bytes) -> Fields:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    root = Fields("")
    path = [root]

    def start(name: str, _attributes: dict[str, str]) -> None:
        if len(path) > MAX_DEPTH:
            raise Malformed
        element = Fields(name)
        path[-1].children.append(element)
        path.append(element)

    def end(_name: str) -> None:
        path.pop()

    def text(data: str) -> None:
        path[-1].text += data

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise Malformed from None
    return root.children[0]


def _refuse(*_declaration: object) -> None:
    raise Malformed


def _read_json(body: bytes) -> Fields:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    return Fields("", children=list(_children(tree, MAX_DEPTH)))


def _children(tree: dict[str, Any], depth: int) -> Iterator[Fields]:
    if depth == 0:
        raise Malformed
    for name, value in tree.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield Fields(_text(name), children=list(_children(one, depth - 1)))
            else:
                yield Fields(_text(name), _text(one))


def _text(value: object) -> str:
    """A scalar as XML would write it; numbers keep all their digits."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    if "\x00" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)):
        raise Malformed
    return text
