"""The sheet of clues that another system hands over, and its way into the table (C25)."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from sqlmodel import Session, col, select

from bot.core.cells import day
from bot.core.clock import at_china
from bot.core.columns import Column, Fault, Layout, Need, Row, Tally, choice, text
from bot.inspection.audit.service import record
from bot.inspection.followups.clue_rules import SOURCES
from bot.inspection.followups.models import Clue
from bot.inspection.people.departments import department_ids
from bot.inspection.people.models import Department
from bot.inspection.registry.columns import short_code
from bot.inspection.registry.items import latest_items
from bot.inspection.registry.models import InspectionObject, Item


def received(cell: str) -> dt.datetime:
    """``2026-03-10 10:00`` or a date alone, on a Chinese wall clock."""
    plain = unicodedata.normalize("NFKC", cell).strip()
    try:
        return dt.datetime.strptime(plain, "%Y-%m-%d %H:%M").replace(
            tzinfo=at_china(dt.date(2026, 1, 1)).tzinfo
        )
    except ValueError:
        return at_china(day(plain))


CLUES: Final = Layout(
    kind="clues",
    title="个案线索登记表",
    key=("number",),
    columns=(
        Column("number", "线索编号", short_code, need=Need.FILLED, note="原系统的编号", aliases=("编号",)),
        Column(
            "source", "来源", choice({name: source for source, name in SOURCES.items()}), need=Need.FILLED,
            note="、".join(SOURCES.values()), aliases=("线索来源",),
        ),
        Column("content", "内容", text(2000), need=Need.FILLED, note="写明问题", aliases=("线索内容", "举报内容")),
        Column("received_at", "受理时间", received, need=Need.FILLED, note="例如2026-03-10 10:00", aliases=("时间",)),
        Column("object_code", "对象代码", text(40), note="名录库里的对象填写", aliases=("统一社会信用代码",)),
        Column("object_name", "对象名称", text(200), note="不在名录库的填名称", aliases=("名称",)),
        Column("address", "地址", text(200), note="不在名录库的填写"),
        Column("industry", "行业", text(60), note="不在名录库的填写", aliases=("领域",)),
        Column("district", "区域", text(60), note="不在名录库的填写", aliases=("区县", "乡镇")),
        Column("item", "抽查事项", short_code, note="事项编号；按它打开检查表", aliases=("事项编号",)),
        Column("department", "承办部门", text(100), note="留空则为事项的检查主体", aliases=("部门",)),
    ),
)  # fmt: skip


def upsert_clues(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:
    """Take in clues that are not there yet; one that is there stays as it was taken in.

    What they lead to is opened by ``open_received``: at the end of the import, or by the next tick.
    """
    tally = Tally()
    there = set(
        session.exec(select(Clue.number).where(col(Clue.number).in_([row.values["number"] for row in rows])))
    )
    for row in rows:
        if row.values["number"] in there:
            tally.count(new=False, changed=False)
            continue
        found = resolve(session, row.values)
        if isinstance(found, Fault):
            tally.faults[row.number] = found
            continue
        add_clue(session, found, now=now)
        tally.count(new=True, changed=True)
    return tally


def add_clue(session: Session, clue: Clue, *, now: dt.datetime, actor: int | None = None) -> Clue:
    """Keep a clue; the words of who complained stay out of the audit chain."""
    session.add(clue)
    session.flush()
    record(
        session, "clue.received", f"clue:{clue.id}", now=now, actor=actor, number=clue.number, source=clue.source
    )  # fmt: skip
    return clue


def resolve(session: Session, values: dict[str, Any]) -> Clue | Fault:
    """The clue with object, item and department found, or what is wrong with it.

    Without an item the one in use for the industry is taken; without a department the item's own (谁主管、谁监管).
    """
    inspected = _object(session, values["object_code"])
    if values["object_code"] and inspected is None:
        return Fault(
            "对象代码", values["object_code"], "名录库里没有这个检查对象；不在名录库的请只填对象名称"
        )
    industry = inspected.industry if inspected else values["industry"]
    departments = department_ids(session)
    department = departments.get(values["department"])
    if values["department"] and department is None:
        return Fault("承办部门", values["department"], "没有这个部门，请先导入部门")
    item = _item(session, values["item"], industry=industry, department_id=department)
    if item is None:
        return Fault("抽查事项", values["item"], "请填在用的抽查事项，或有事项的行业、承办部门")
    department = department or item.department_id or _only_department(session)
    if department is None:
        return Fault("承办部门", "", "事项没有检查主体，请填写承办部门")
    return Clue(
        number=values["number"], source=values["source"], content=values["content"],
        object_id=inspected.id if inspected else None,
        object_name=inspected.name if inspected else values["object_name"],
        address=inspected.address if inspected else values["address"], industry=industry,
        district=inspected.district if inspected else values["district"], department_id=department,
        item_id=item.id or 0, received_at=values["received_at"],
    )  # fmt: skip


def _object(session: Session, code: str) -> InspectionObject | None:
    return (
        session.exec(select(InspectionObject).where(InspectionObject.code == code)).one_or_none()
        if code
        else None
    )


def _item(session: Session, code: str, *, industry: str, department_id: int | None) -> Item | None:
    """The item by its code; else one in use for the industry, the department's own first; else one of the department."""
    if code:
        item = latest_items(session, [code]).get(code)
        return item if item is not None and item.active else None
    in_use = select(Item).where(col(Item.active)).order_by(col(Item.id))
    of_department = in_use.where(Item.department_id == department_id) if department_id is not None else None
    narrowed = [
        query.where(Item.field == industry)
        for query in (of_department, in_use)
        if query is not None and industry
    ]
    wider = [of_department] if of_department is not None else []
    return next((item for query in (*narrowed, *wider) if (item := session.exec(query).first())), None)


def _only_department(session: Session) -> int | None:
    """Where there is one department, it is the one."""
    found = session.exec(select(Department.id).limit(2)).all()
    return found[0] if len(found) == 1 else None
