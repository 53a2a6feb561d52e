"""The files a stranger needs to repeat a draw, by name (``docs/draw-protocol.md``, "The bundle")."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.inspection.draws import algorithm
from bot.inspection.draws.models import Draw, DrawChange, DrawState
from bot.inspection.draws.names import names_of
from bot.inspection.draws.queries import stored_files
from bot.inspection.tasks.models import Task

SEALED = (DrawState.PREPARED, DrawState.COMMITTED)
PUBLIC = ("pool.jsonl", "rules.json", "officers.jsonl", "picks.jsonl", "visits.jsonl", "barred.jsonl")
PRIVATE = ("sealed.jsonl", "days.jsonl")  # for whoever may see officers' days; never published


def bundle(session: Session, draw: Draw) -> dict[str, bytes]:
    """``draw.json`` and every file there is at this point of the ceremony."""
    files = {"draw.json": canonical(head_of(session, draw)), **stored_files(session, draw, PUBLIC)}
    changes = changes_bytes(session, draw)
    return files | ({"changes.jsonl": changes} if changes else {})


def changes_bytes(session: Session, draw: Draw) -> bytes:
    """``changes.jsonl``; empty while nothing has changed."""
    query = select(DrawChange).where(DrawChange.draw_id == draw.id).order_by(col(DrawChange.number))
    return b"".join(canonical(_change_line(change)) + b"\n" for change in session.exec(query))


def head_of(session: Session, draw: Draw) -> dict[str, Any]:
    """``draw.json``: everything about the round. The secret is missing while it is sealed, and stays so in a round
    that was voided before its reveal."""
    task, names = session.get_one(Task, draw.task_id), names_of(session, draw)
    sealed = draw.state in SEALED or not draw.seed_hex
    head = {
        "protocol": algorithm.PROTOCOL, "task": task.number, "name": task.name, "round": draw.round, "state": draw.state,
        "pool_size": draw.pool_size, "pool_sha256": draw.pool_sha256, "rules_sha256": draw.rules_sha256,
        "secret_sha256": draw.secret_sha256, "sources": draw.sources, "values": draw.values,
        "witnesses": [names.of(person) for person in draw.witness_ids], "waivers": draw.waivers,
        "public_value": draw.public_value, "seed": draw.seed_hex, "secret": "" if sealed else draw.secret_hex,
        "committed_at": _moment(draw.committed_at), "revealed_at": _moment(draw.revealed_at),
        "locked_at": _moment(draw.locked_at), "transcript": draw.transcript,
    }  # fmt: skip
    if draw.state == DrawState.VOID:
        people = {"asked_by": draw.void_asked_by, "approved_by": draw.void_approved_by}
        head["void"] = {"ground": draw.void_ground, "at": _moment(draw.void_at)} | {
            role: names.of(person) for role, person in people.items() if person is not None
        }
    return head


def _change_line(change: DrawChange) -> dict[str, Any]:
    return {"number": change.number, "kind": change.kind, "at": _moment(change.at), **change.facts}


def _moment(at: dt.datetime | None) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="seconds") if at is not None else ""
