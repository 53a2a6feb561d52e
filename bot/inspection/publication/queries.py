"""What the public may ask: newest records, one record with its versions, counts. Only snapshots are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.publication.models import Publication

PAGE = 50
_CODE_LENGTH = 8  # so many letters and digits are a credit code, or the end of one


@dataclass(frozen=True, slots=True)
class Filter:
    """What a visitor looks for: a credit code or a part of a name, one task, one result label."""

    text: str = ""
    task: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One page, newest first; ``older`` is the id to go on from, empty at the end."""

    rows: Sequence[Publication]
    older: str = ""


def search(session: Session, wanted: Filter, *, before: str = "", limit: int = PAGE) -> Found:
    """The newest version of every public record that fits; withdrawn ones are left out."""
    query = _where(select(Publication), wanted)
    if before:
        query = query.where(col(Publication.id) < before)
    rows = session.execute(query.order_by(col(Publication.id).desc()).limit(limit + 1)).scalars().all()
    return Found(rows[:limit], rows[limit - 1].id if len(rows) > limit else "")


def counts(session: Session, wanted: Filter) -> list[tuple[str, int]]:
    """How many records there are by result label, most frequent first."""
    query = _where(select(Publication.result, func.count()), wanted).group_by(col(Publication.result))
    found = [(label, int(n)) for label, n in session.execute(query)]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def versions(session: Session, public_id: str) -> list[Publication]:
    """Every version of the record that *public_id* (of any version) belongs to, newest first.

    Raises ``not_found``.
    """
    one = session.get(Publication, public_id)
    if one is None:
        raise Problem("not_found", "没有找到这条公示。请核对网址，或用名称、统一社会信用代码查询。")
    query = select(Publication).where(Publication.visit_id == one.visit_id)
    return list(session.exec(query.order_by(col(Publication.version).desc())))


def _where(query: Any, wanted: Filter) -> Select[Any]:
    later = Publication.__table__.alias("later")  # type: ignore[attr-defined]
    newest = ~exists().where(
        later.c.visit_id == col(Publication.visit_id), later.c.version > col(Publication.version)
    )
    found: Select[Any] = query.where(newest, col(Publication.withdrawn).is_(False))
    if wanted.text:
        found = found.where(_matches(" ".join(wanted.text.split())))
    if wanted.task:
        found = found.where(col(Publication.task_number) == wanted.task)
    if wanted.result:
        found = found.where(col(Publication.result) == wanted.result)
    return found


def _matches(text: str) -> ColumnElement[bool]:
    if text.isascii() and text.isalnum() and len(text) >= _CODE_LENGTH:
        return col(Publication.object_code) == text.upper()
    return col(Publication.object_name).contains(text, autoescape=True)
