"""Results per item and their reviews (C21)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_list, moment


class ItemResult(SQLModel, table=True):
    """Result of one item in one visit; a later version replaces an earlier one and says why."""

    __table_args__ = (
        UniqueConstraint("visit_id", "item_id", "version", name="uq_item_result"),
        CheckConstraint("version = 1 OR reason <> ''", name="ck_item_result_reason"),
    )
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id")
    item_id: int = Field(foreign_key="item.id")
    version: int = 1
    codes: list[str] = json_list()  # worst first
    problem: str = ""
    at: dt.datetime = moment()
    person_id: int = Field(foreign_key="person.id")
    reason: str = ""


class Review(SQLModel, table=True):
    """One look of a reviewer who did not inspect. ``round`` rises with each submission."""

    __table_args__ = (
        UniqueConstraint("visit_id", "round", name="uq_review_round"),
        CheckConstraint("decision IN ('APPROVED', 'RETURNED')", name="ck_review_decision"),
        CheckConstraint("decision = 'APPROVED' OR reason <> ''", name="ck_review_return_has_reason"),
    )
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id")
    round: int
    reviewer_id: int = Field(foreign_key="person.id")
    decision: str = Field(max_length=10)
    reason: str = ""
    at: dt.datetime = moment()
