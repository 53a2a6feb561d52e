"""Bring parsed rows into the object library (检查对象名录库)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, insert, literal, select, update
from sqlmodel import Session, col

from bot.core.columns import Row, Tally
from bot.core.tables import Moment
from bot.inspection.registry.classes import FOOD_LABEL
from bot.inspection.registry.models import CreditHistory, InspectionObject

_FIELDS = (
    "code", "kind", "name", "address", "district", "industry", "credit_class", "status", "user_unit_code",
    "labels",
)  # fmt: skip
_TABLE: Table = InspectionObject.__table__  # type: ignore[attr-defined]
_UPDATE = (
    update(_TABLE)
    .where(_TABLE.c.code == bindparam("b_code"))
    .values({name: bindparam(name) for name in (*_FIELDS[1:], "row_sha256", "updated_at")})
)


def upsert_objects(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:
    """Insert or update by code; an equal row is left alone; each new credit class is kept (ZJ-2.5.g)."""
    tally, fresh, changed, reclassed = Tally(), [], [], []
    known = _known(session, [row.values["code"] for row in rows])
    for row in rows:
        record = _record(row.values, now)
        before = known.get(record["code"])
        tally.count(new=before is None, changed=before is not None and before[0] != record["row_sha256"])
        if before is None:
            fresh.append(record)
        elif before[0] != record["row_sha256"]:
            changed.append({"b_code": record["code"], **record})
        if before is None or before[1] != record["credit_class"]:
            reclassed.append(record["code"])
    if fresh:
        session.execute(insert(_TABLE), fresh)
    if changed:
        session.connection().execute(_UPDATE, changed)
    _keep_classes(session, reclassed, now)
    return tally


def _known(session: Session, codes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Digest and credit class of the objects that are there."""
    found = session.execute(
        select(_TABLE.c.code, _TABLE.c.row_sha256, _TABLE.c.credit_class).where(_TABLE.c.code.in_(codes))
    )
    return {code: (digest, credit) for code, digest, credit in found}


def _record(values: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    record = {name: values[name] for name in _FIELDS}
    food = [FOOD_LABEL + values["food_class"]] if values["food_class"] else []
    record["labels"] = [label for label in record["labels"] if not label.startswith(FOOD_LABEL)] + food
    parts = [*(str(record[name]) for name in _FIELDS[:-1]), *record["labels"]]
    record["row_sha256"] = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    record["updated_at"] = now
    return record


def _keep_classes(session: Session, codes: Sequence[str], now: dt.datetime) -> None:
    if codes:
        source = select(_TABLE.c.id, _TABLE.c.credit_class, literal(now, Moment)).where(
            _TABLE.c.code.in_(codes)
        )
        names = [col(CreditHistory.object_id), col(CreditHistory.credit_class), col(CreditHistory.since)]
        session.execute(insert(CreditHistory).from_select(names, source))
