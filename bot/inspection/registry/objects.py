"""Bring parsed rows into the object library (检查对象名录库)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, insert, literal, select, update
from sqlmodel import Session

from bot.core.columns import Row, Tally
from bot.core.tables import Moment
from bot.inspection.registry.classes import FOOD_LABEL
from bot.inspection.registry.models import CreditHistory, InspectionObject
from bot.inspection.registry.places import point_of

_FIELDS = (
    "code", "kind", "name", "address", "district", "industry", "credit_class", "status", "user_unit_code",
    "labels",
)  # fmt: skip
_KEPT = ("risk_index", "latitude", "longitude")  # what a sheet without them takes nothing away from
_TABLE: Table = InspectionObject.__table__  # type: ignore[attr-defined]
_UPDATE = (
    update(_TABLE)
    .where(_TABLE.c.code == bindparam("b_code"))
    .values({name: bindparam(name) for name in (*_FIELDS[1:], *_KEPT, "row_sha256", "updated_at")})
)


def upsert_objects(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:
    """Insert or update by code; an equal row is left alone; each new credit class is kept (ZJ-2.5.g)."""
    tally, fresh, changed, reclassed = Tally(), [], [], list[str]()
    known = _known(session, [row.values["code"] for row in rows])
    for row in rows:
        record = _record(row.values, now)
        before = known.get(record["code"])
        if before is not None:
            _keep_what_is_not_said(record, before)
        tally.count(
            new=before is None, changed=before is not None and before["row_sha256"] != record["row_sha256"]
        )
        if before is None:
            fresh.append(record)
        elif before["row_sha256"] != record["row_sha256"]:
            changed.append({"b_code": record["code"], **record})
        if before is not None and any(
            before[name] != record[name] for name in ("credit_class", "risk_index")
        ):
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


def _known(session: Session, codes: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """What an import compares with, of the objects that are there."""
    names = ("code", "row_sha256", "credit_class", *_KEPT)
    found = session.execute(select(*(_TABLE.c[name] for name in names)).where(_TABLE.c.code.in_(codes)))
    return {row.code: dict(zip(names, row, strict=True)) for row in found}


def _keep_what_is_not_said(record: dict[str, Any], before: Mapping[str, Any]) -> None:
    for name in _KEPT:
        if record[name] is None:
            record[name] = before[name]


def _record(values: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    record = {name: values[name] for name in _FIELDS}
    food = [FOOD_LABEL + values["food_class"]] if values["food_class"] else []
    record["labels"] = [label for label in record["labels"] if not label.startswith(FOOD_LABEL)] + food
    parts = [*(str(record[name]) for name in _FIELDS[:-1]), *record["labels"]]
    if values["risk_index"] is not None:
        parts.append(f"risk_index={values['risk_index']}")
    place = point_of(values)
    if place is not None:
        parts.append("place={:.6f},{:.6f}".format(*place))
    record["row_sha256"] = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    record["risk_index"] = values["risk_index"]
    record["latitude"], record["longitude"] = place or (None, None)
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
