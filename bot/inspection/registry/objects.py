"""Bring parsed rows into the object library (检查对象名录库)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, insert, literal, select, update
from sqlmodel import Session

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
    .values({name: bindparam(name) for name in (*_FIELDS[1:], "risk_index", "row_sha256", "updated_at")})
)


def upsert_objects(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:
    """Insert or update by code; an equal row is left alone; each new credit class is kept (ZJ-2.5.g)."""
    tally, fresh, changed, reclassed = Tally(), [], [], list[str]()
    known = _known(session, [row.values["code"] for row in rows])
    for row in rows:
        record = _record(row.values, now)
        before = known.get(record["code"])
        if record["risk_index"] is None and before is not None:  # a sheet without it takes nothing away
            record["risk_index"] = before[2]
        tally.count(new=before is None, changed=before is not None and before[0] != record["row_sha256"])
        if before is None:
            fresh.append(record)
        elif before[0] != record["row_sha256"]:
            changed.append({"b_code": record["code"], **record})
        if before is not None and before[1:] != (record["credit_class"], record["risk_index"]):
            reclassed.append(record["code"])
    if fresh:
        session.execute(insert(_TABLE), fresh)
    if changed:
        session.connection().execute(_UPDATE, changed)
    _keep_classes(
        session, [record["code"] for record in fresh], now, checked=now
    )  # nothing before to compare with
    _keep_classes(session, reclassed, now, checked=None)
    return tally


def _known(session: Session, codes: Sequence[str]) -> dict[str, tuple[str, str, int | None]]:
    """Digest, credit class and risk index of the objects that are there."""
    found = session.execute(
        select(_TABLE.c.code, _TABLE.c.row_sha256, _TABLE.c.credit_class, _TABLE.c.risk_index).where(
            _TABLE.c.code.in_(codes)
        )
    )
    return {code: (digest, credit, index) for code, digest, credit, index in found}


def _record(values: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    record = {name: values[name] for name in _FIELDS}
    food = [FOOD_LABEL + values["food_class"]] if values["food_class"] else []
    record["labels"] = [label for label in record["labels"] if not label.startswith(FOOD_LABEL)] + food
    parts = [*(str(record[name]) for name in _FIELDS[:-1]), *record["labels"]]
    if values["risk_index"] is not None:
        parts.append(f"risk_index={values['risk_index']}")
    record["row_sha256"] = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    record["risk_index"] = values["risk_index"]
    record["updated_at"] = now
    return record


def _keep_classes(
    session: Session, codes: Sequence[str], now: dt.datetime, *, checked: dt.datetime | None
) -> None:
    if codes:
        source = select(
            _TABLE.c.id, _TABLE.c.credit_class, _TABLE.c.risk_index, literal(now, Moment), literal(checked, Moment),
            literal(""),
        ).where(_TABLE.c.code.in_(codes))  # fmt: skip
        names = ["object_id", "credit_class", "risk_index", "since", "checked_at", "warning"]
        session.execute(insert(CreditHistory).from_select(names, source))
