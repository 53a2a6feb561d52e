"""The document of a checklist version, read once: versions never change, so it is known by its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.inspection.checklists.definition import Checklist, parse_checklist
from bot.inspection.checklists.models import ChecklistVersion
from bot.inspection.checklists.repeats import may_be_asked

_MOST_READ = 1024
_READ: dict[str, Document] = {}


@dataclass(frozen=True, slots=True)
class Document:
    """A checklist, and every draft key (``CL-1:3``) it may ask."""

    checklist: Checklist
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pinned:
    """A version that a task was dispatched with, and what it says."""

    id: int
    code: str
    document: Document


def known_document(sha256: str) -> Document | None:
    """The document with this fingerprint, if this process has read it."""
    return _READ.get(sha256)


def read_document(sha256: str, definition: Mapping[str, Any]) -> Document:
    """The document with this fingerprint; *definition* is looked at the first time only."""
    known = _READ.get(sha256)
    if known is None:
        if len(_READ) >= _MOST_READ:
            _READ.pop(next(iter(_READ)), None)
        checklist = parse_checklist(definition)
        keys = frozenset(f"{checklist.code}:{key}" for key in may_be_asked(checklist))
        known = _READ[sha256] = Document(checklist, keys)
    return known


def document_of(version: ChecklistVersion | Pinned) -> Document:
    """What a version says."""
    if isinstance(version, Pinned):
        return version.document
    return known_document(version.sha256) or read_document(version.sha256, version.definition)


def checklist_of(version: ChecklistVersion | Pinned) -> Checklist:
    """The checklist of a version."""
    return document_of(version).checklist
