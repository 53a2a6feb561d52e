"""A plan line against the object library: who is in scope, in which stratum, and what the line would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, false, func, literal, true
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.ratio import Preview, preview
from bot.inspection.plans.strata import UPLIFTED, StratumRule, stratum_rules, with_floor
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
    scale = scale_of(item.field for item in items)
    gone = sum(sizes(session, line, scale=scale, active=False).values())
    excluded = {"已注销、吊销或迁出": gone} if gone else {}
    counted = sizes(session, line, scale=scale)
    return preview(counted, line_rules(line, counted), excluded=excluded, cap=cap_of(items), scale=scale)


def line_rules(line: PlanLine, sizes: Mapping[str, int]) -> dict[str, StratumRule]:
    """The rule of every stratum of these sizes, uplifts and the floor worked in."""
    present = dict.fromkeys([*line.ratios, *sizes])
    rules = stratum_rules(present, ratios=line.ratios, strata=line.strata or (), uplifts=line.uplifts or ())
    return with_floor(sizes, rules, line.floor or 0)


def sizes(session: Session, line: PlanLine, *, scale: str, active: bool = True) -> dict[str, int]:
    """Objects in the line's scope by stratum, classes on *scale*: those in business, or those that are not."""
    status = col(InspectionObject.status)
    stratum = stratum_column(line, scale).label("stratum")
    query: Select[Any] = sql_select(stratum, func.count()).where(
        status == ObjectStatus.ACTIVE if active else status != ObjectStatus.ACTIVE,
        *who_fits(line.scope, scale),
    )
    return dict(session.execute(query.group_by(stratum)).all())


def who_fits(who: Mapping[str, Sequence[str]], scale: str) -> list[ColumnElement[bool]]:
    """The objects of a scope or of a named stratum as conditions; none for everybody."""
    conditions: list[ColumnElement[bool]] = [
        col(column).in_(who[name]) for name, column in _COLUMNS if who.get(name)
    ]
    conditions += [has_label(label) for label in who.get("labels", ())]
    if who.get("classes"):
        conditions.append(class_column(scale).in_(who["classes"]))
    return conditions


def has_label(label: str) -> ColumnElement[bool]:
    return cast(col(InspectionObject.labels), String).contains(f'"{label}"', autoescape=True)


def stratum_column(line: PlanLine, scale: str) -> Any:
    """Each object's stratum in SQL: the first named one that fits, else its class; raised by the first label."""
    plain = class_column(scale)
    named = [(and_(true(), *who_fits(one["who"], scale)), literal(one["name"])) for one in line.strata or ()]
    base = case(*named, else_=plain) if named else plain
    raised = [(has_label(one["label"]), literal(UPLIFTED + one["label"])) for one in line.uplifts or ()]
    if not raised:
        return base
    fixed = [one["name"] for one in line.strata or () if "number" in one["rule"]]
    keeps = base.in_(fixed) if fixed else false()
    return base + case((keeps, literal("")), *raised, else_=literal(""))


def cap_of(items: Sequence[Item]) -> Decimal | None:
    """The strictest cap of the GENERAL items; None when all are KEY."""
    general = [item for item in items if item.klass == ItemClass.GENERAL]
    caps = [Decimal(str(item.cap_percent)) for item in general if item.cap_percent is not None]
    return min(caps, default=None)
