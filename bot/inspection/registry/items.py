"""The item list (抽查事项清单): import, activation, retirement of what an upper list dropped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlmodel import Session, col

from bot.core.columns import Fault, Row, Tally
from bot.core.errors import Problem
from bot.inspection.audit import service as audit
from bot.inspection.registry.models import Item

_FIELDS = (
    "name", "content", "field", "target", "klass", "cap_percent", "basis", "method", "notice_mode",
    "ratio_authority", "checklist_code", "label_required", "department_id", "active",
)  # fmt: skip


def upsert_items(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:  # noqa: ARG001
    """Each change of an item is a new version; the version before is no longer in use."""
    tally = Tally()
    latest = latest_items(session, [row.values["code"] for row in rows])
    departments = _departments(session)
    for row in rows:
        wanted = dict(row.values)
        name = wanted.pop("department")
        wanted["department_id"] = departments.get(name)
        if name and wanted["department_id"] is None:
            tally.faults[row.number] = Fault("检查主体", name, "没有这个部门，请先导入部门")
            continue
        before = latest.get(wanted["code"])
        changed = before is not None and any(getattr(before, field) != wanted[field] for field in _FIELDS)
        tally.count(new=before is None, changed=changed)
        if before is None or changed:
            latest[wanted["code"]] = _next_version(session, before, wanted)
    session.flush()
    return tally


def latest_items(session: Session, codes: Collection[str]) -> dict[str, Item]:
    """The newest version of each code, in use or not."""
    query = select(Item).where(col(Item.code).in_(codes)).order_by(col(Item.version))
    return {item.code: item for item in session.execute(query).scalars()}


def current_items(session: Session, item_ids: Sequence[int]) -> list[Item]:
    """The newest versions of the items with these row ids, in order: a plan line may name an older one."""
    rows = {
        item.id: item for item in session.execute(select(Item).where(col(Item.id).in_(item_ids))).scalars()
    }
    newest = latest_items(session, {item.code for item in rows.values()})
    return [newest[rows[item_id].code] for item_id in item_ids if item_id in rows]


def activate_item(session: Session, *, code: str, now: dt.datetime, actor: int | None = None) -> Item:
    """Put the newest version into use; refused without a legal basis or, when GENERAL, without a cap (C2)."""
    item = latest_items(session, [code]).get(code)
    if item is None:
        raise Problem("item_unknown", "清单里没有这个事项", 编号=code)
    if not item.basis:
        raise Problem("item_without_basis", "缺少抽查依据", 事项=item.name)
    if not item.active:
        item.active = True
        session.add(item)
        audit.record(
            session, "item.activated", f"item:{item.code}", now=now, actor=actor, version=item.version
        )
    return item


def retire_missing(
    session: Session, *, listed: Collection[str], now: dt.datetime, actor: int | None = None
) -> list[Item]:
    """Take out of use every item that a complete list no longer has; no new task can use it (LZ-2.2.a)."""
    gone = [
        item
        for item in session.execute(select(Item).where(col(Item.active)).order_by(col(Item.code))).scalars()
        if item.code not in listed
    ]
    for item in gone:
        item.active = False
        session.add(item)
        audit.record(session, "item.retired", f"item:{item.code}", now=now, actor=actor, version=item.version)
    return gone


def _next_version(session: Session, before: Item | None, wanted: dict[str, Any]) -> Item:
    version = 1
    if before is not None:
        before.active, version = False, before.version + 1
        session.add(before)
    item = Item(**wanted, version=version)
    session.add(item)
    return item


def _departments(session: Session) -> dict[str, int]:
    """Row ids by code and name, from the table the foreign key points at: people is a slice beside."""
    table: Table = next(iter(Item.__table__.c.department_id.foreign_keys)).column.table  # type: ignore[attr-defined]
    rows = session.execute(select(table.c.id, table.c.name, table.c.code)).all()
    return {name: key for key, name, _ in rows} | {code: key for key, _, code in rows}
