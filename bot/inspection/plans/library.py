"""A plan line against the object library as it stands: sizes of its strata, what it would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, String, cast, func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.ratio import Preview, preview
from bot.inspection.plans.strata import StratumRule
from bot.inspection.registry.classes import class_column, scale_of
from bot.inspection.registry.models import InspectionObject, Item, ItemClass, ObjectStatus

_COLUMNS = (
    ("districts", InspectionObject.district),
    ("industries", InspectionObject.industry),
    ("kinds", InspectionObject.kind),
)


def line_preview(session: Session, line: PlanLine) -> Preview:
    """What a draw of the line would take now. What was inspected this year is known only at the draw."""
    items = session.exec(select(Item).where(col(Item.id).in_(line.item_ids))).all()
    rules = {klass: StratumRule.parse(rule) for klass, rule in line.ratios.items()}
    scale = scale_of(item.field for item in items)
    gone = sum(sizes(session, line.scope, scale=scale, active=False).values())
    excluded = {"已注销、吊销或迁出": gone} if gone else {}
    counted = sizes(session, line.scope, scale=scale)
    return preview(counted, rules, excluded=excluded, cap=cap_of(items), scale=scale)


def sizes(
    session: Session, scope: Mapping[str, Sequence[str]], *, scale: str, active: bool = True
) -> dict[str, int]:
    """Objects in *scope* by class on *scale*: those in business, or those that are not."""
    status = col(InspectionObject.status)
    klass = class_column(scale).label("klass")
    query: Select[Any] = sql_select(klass, func.count()).where(
        status == ObjectStatus.ACTIVE if active else status != ObjectStatus.ACTIVE
    )
    for name, column in _COLUMNS:
        if scope.get(name):
            query = query.where(col(column).in_(scope[name]))
    for label in scope.get("labels", ()):
        text = cast(col(InspectionObject.labels), String)
        query = query.where(text.contains(f'"{label}"', autoescape=True))
    return dict(session.execute(query.group_by(klass)).all())


def cap_of(items: Sequence[Item]) -> Decimal | None:
    """The strictest cap of the GENERAL items; None when all are KEY."""
    general = [item for item in items if item.klass == ItemClass.GENERAL]
    caps = [Decimal(str(item.cap_percent)) for item in general if item.cap_percent is not None]
    return min(caps, default=None)
