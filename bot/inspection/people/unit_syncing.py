"""Keep our departments as those of a chat service's directory. What was done in one that is gone stays with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.core.ids import sha256_hex
from bot.inspection.audit.service import record
from bot.inspection.people.models import Department, DirectoryUnit
from bot.inspection.people.units import (
    KnownPlace,
    Place,
    UnitAct,
    UnitChange,
    compare_units,
    count_units,
    too_many_gone,
)

_CODE, _NAME = 32, 100  # lengths of a department's columns


def preview_units(session: Session, *, platform: str, places: Sequence[Place]) -> list[UnitChange]:
    """What :func:`sync_units` would do; nothing is changed."""
    return compare_units(places, _known(session, platform), _ours(session))


def sync_units(
    session: Session, *, platform: str, places: Sequence[Place], now: dt.datetime, force: bool = False
) -> list[UnitChange]:
    """Do it, in the caller's transaction. Raise ``Problem`` ``directory_empty`` or ``too_many_gone`` unless *force*."""
    known = _known(session, platform)
    changes = compare_units(places, known, _ours(session))
    if known and not places:
        raise Problem(
            "directory_empty", "通讯录里一个部门也没有，没有改动。请检查应用的可见范围和通讯录权限。"
        )
    if not force and too_many_gone(changes, known):
        raise Problem(
            "too_many_gone",
            "通讯录里少了太多部门，没有改动。多半是可见范围变小了；确实如此请加 --force。",
            部门数=sum(change.act is UnitAct.GONE for change in changes),
        )
    rows = {one.unit_id: one for one in session.exec(_of(platform))}
    for change in changes:
        _apply(session, change, rows, platform=platform, now=now)
    if changes:
        record(session, "departments.synced", f"platform:{platform}", now=now, **count_units(changes))
    return changes


def department_of(session: Session, platform: str) -> dict[str, int]:
    """Our department's id by its number in the directory."""
    return {one.unit_id: one.department_id for one in session.exec(_of(platform)) if one.gone_since is None}


def _apply(
    session: Session, change: UnitChange, rows: dict[str, DirectoryUnit], *, platform: str, now: dt.datetime
) -> None:
    place, row = change.place, rows.get(change.place.unit_id)
    name = place.name[:_NAME]
    if row is None:
        department_id = change.department_id or _made(session, place, rows, platform=platform, now=now)
        row = rows[place.unit_id] = DirectoryUnit(
            platform=platform, unit_id=place.unit_id, department_id=department_id, name=name,
            parent_unit_id=place.parent_id, made=change.act is UnitAct.CREATE,
        )  # fmt: skip
        session.add(row)
        return
    department = session.get_one(Department, row.department_id)
    match change.act:
        case UnitAct.GONE:
            row.gone_since = now
        case UnitAct.BACK:
            row.gone_since = None
        case UnitAct.RENAME:
            if department.name == row.name:  # a name that our own list has changed since is the list's
                department.name = name
            row.name = name
        case UnitAct.MOVE:
            above = rows.get(place.parent_id)
            if row.made:  # where our own list puts a department, it stays
                department.parent_id = above.department_id if above else None
            row.parent_unit_id = place.parent_id
    session.add_all([row, department])
    record(session, f"department.{change.act}", f"department:{department.id}", now=now, platform=platform)


def _made(
    session: Session, place: Place, rows: dict[str, DirectoryUnit], *, platform: str, now: dt.datetime
) -> int:
    above = rows.get(place.parent_id)
    code = f"{platform}-{place.unit_id}"
    if len(code) > _CODE:
        code = f"{platform[:15]}-{sha256_hex(place.unit_id.encode())[:16]}"
    department = Department(
        code=code, name=place.name[:_NAME], parent_id=above.department_id if above else None
    )
    session.add(department)
    session.flush()
    record(session, "department.create", f"department:{department.id}", now=now, platform=platform)
    return department.id or 0


def _known(session: Session, platform: str) -> list[KnownPlace]:
    return [
        KnownPlace(one.unit_id, one.name, one.department_id, one.parent_unit_id, one.gone_since is not None)
        for one in session.exec(_of(platform))
    ]


def _ours(session: Session) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, key in session.exec(select(Department.name, Department.id)):
        found.setdefault(name, []).append(key or 0)
    return found


def _of(platform: str):  # type: ignore[no-untyped-def]
    return select(DirectoryUnit).where(DirectoryUnit.platform == platform).order_by(col(DirectoryUnit.id))
