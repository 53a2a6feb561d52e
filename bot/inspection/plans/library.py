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
    gone = sum(sizes(session, line.scope, active=False).values())
    excluded = {"已注销、吊销或迁出": gone} if gone else {}
    return preview(sizes(session, line.scope), rules, excluded=excluded, cap=cap_of(items))


def sizes(session: Session, scope: Mapping[str, Sequence[str]], *, active: bool = True) -> dict[str, int]:
    """Objects in *scope* by credit class: those in business, or those that are not."""
    status = col(InspectionObject.status)
    query: Select[Any] = sql_select(InspectionObject.credit_class, func.count()).where(  # type: ignore[call-overload]
        status == ObjectStatus.ACTIVE if active else status != ObjectStatus.ACTIVE
    )
    for name, column in _COLUMNS:
        if scope.get(name):
            query = query.where(col(column).in_(scope[name]))
    for label in scope.get("labels", ()):
        text = cast(col(InspectionObject.labels), String)
        query = query.where(text.contains(f'"{label}"', autoescape=True))
    return dict(session.execute(query.group_by(InspectionObject.credit_class)).all())


def cap_of(items: Sequence[Item]) -> Decimal | None:
    """The strictest cap of the GENERAL items; None when all are KEY."""
    general = [item for item in items if item.klass == ItemClass.GENERAL]
    caps = [Decimal(str(item.cap_percent)) for item in general if item.cap_percent is not None]
    return min(caps, default=None)
