"""Departments: import, and finding one by its code or its name (names are data, D17)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, SQLModel, col

from bot.core.columns import Fault, Row, Tally
from bot.inspection.people.models import Department


def upsert_departments(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:  # noqa: ARG001
    """Insert or update by code; a parent may stand later in the same rows, never above itself."""
    tally = Tally()
    known = {d.code: d for d in session.execute(select(Department)).scalars()}
    parents = _parents(known, rows)
    good = [row for row in rows if not _refuse(row, parents, tally)]
    fresh = {row.values["code"] for row in good} - known.keys()
    for row in good:
        if row.values["code"] in fresh:
            known[row.values["code"]] = Department(code=row.values["code"], name=row.values["name"])
    session.add_all(known[code] for code in fresh)
    session.flush()
    for row in good:
        parent = parents.get(row.values["code"])
        department = known[row.values["code"]]
        changed = assign(
            department,
            name=row.values["name"],
            territory=row.values["territory"],
            parent_id=known[parent].id if parent in known else None,
        )
        tally.count(new=department.code in fresh, changed=changed)
    session.flush()
    return tally


def department_ids(session: Session) -> dict[str, int]:
    """Row ids by code and by name; a code wins over an equal name."""
    rows = session.execute(select(col(Department.id), col(Department.name), col(Department.code))).all()
    return {name: key for key, name, _ in rows} | {code: key for key, _, code in rows}


def assign(row: SQLModel, **values: Any) -> bool:
    """Set what differs; whether anything did."""
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)


def _parents(known: dict[str, Department], rows: Sequence[Row]) -> dict[str, str]:
    """Parent code by code as it will be after the rows; a word that names no department stays as written."""
    by_id = {d.id: d.code for d in known.values()}
    result = {d.code: by_id.get(d.parent_id, "") for d in known.values()}
    result |= {row.values["code"]: "" for row in rows}
    names = {d.name: d.code for d in known.values()} | {r.values["name"]: r.values["code"] for r in rows}
    for row in rows:
        parent = row.values["parent"]
        result[row.values["code"]] = parent if parent in result else names.get(parent, parent)
    return result


def _refuse(row: Row, parents: dict[str, str], tally: Tally) -> bool:
    """Note a parent that is unknown, or parents that go in a ring."""
    code, above = str(row.values["code"]), parents[row.values["code"]]
    seen: set[str] = set()
    if above and above not in parents:
        tally.faults[row.number] = Fault("上级", row.values["parent"], "没有这个上级部门")
        return True
    while above and above != code and above not in seen:
        seen.add(above)
        above = parents.get(above, "")
    if above == code:
        tally.faults[row.number] = Fault("上级", row.values["parent"], "上级部门绕成了圈")
    return above == code
