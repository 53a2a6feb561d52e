"""The public files of a round without unpacking a pool for everybody who looks: sizes, and one file as it is stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.inspection.draws.bundle import PUBLIC, changes_bytes, head_of
from bot.inspection.draws.models import Draw, DrawFile


@dataclass(frozen=True, slots=True)
class PublicFile:
    """``body`` is packed with zlib where the file is frozen, and as it is where it still changes. ``tag`` names exactly
    these bytes; ``None`` for a body that the visitor has already."""

    tag: str
    frozen: bool
    body: bytes | None


def sizes(session: Session, draw: Draw) -> dict[str, int]:
    """Every public file there is and its bytes, in the order of the protocol's page."""
    query = select(DrawFile.name, DrawFile.size).where(
        DrawFile.draw_id == draw.id, col(DrawFile.name).in_(PUBLIC)
    )
    frozen = dict(session.exec(query).all())
    found = {"draw.json": len(canonical(head_of(session, draw)))}
    found |= {name: frozen[name] for name in PUBLIC if name in frozen}
    changes = changes_bytes(session, draw)
    return found | ({"changes.jsonl": len(changes)} if changes else {})


def public_file(session: Session, draw: Draw, name: str, *, has: frozenset[str]) -> PublicFile | None:
    """One file; None where there is none of this name. Who has one of the tags *has* is sent no body."""
    if name in PUBLIC:
        return _frozen(session, draw, name, has=has)
    body = {
        "draw.json": lambda: canonical(head_of(session, draw)),
        "changes.jsonl": lambda: changes_bytes(session, draw),
    }
    made = body[name]() if name in body else b""
    return PublicFile(hashlib.sha256(made).hexdigest()[:32], frozen=False, body=made) if made else None


def _frozen(session: Session, draw: Draw, name: str, *, has: frozenset[str]) -> PublicFile | None:
    """A file is written once, so its round and name say which bytes it has."""
    tag = hashlib.sha256(f"{draw.id}\n{name}\n{draw.pool_sha256}\n{draw.rules_sha256}".encode()).hexdigest()[
        :32
    ]
    there = select(DrawFile.name).where(DrawFile.draw_id == draw.id, DrawFile.name == name)
    if tag in has and session.exec(there).first():
        return PublicFile(tag, frozen=True, body=None)
    row = session.get(DrawFile, (draw.id, name))
    return PublicFile(tag, frozen=True, body=row.body) if row is not None else None
