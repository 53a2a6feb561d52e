"""委托: the order to an institution, who adopted its report, and facts for liability (C20, JZ-29.6)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel, col

from bot.core.tables import big_id, maybe_moment, moment, one_of


class CommissionState(StrEnum):
    ORDERED = "ORDERED"
    REPORTED = "REPORTED"
    ADOPTED = "ADOPTED"
    REJECTED = "REJECTED"
    FALSE = "FALSE"  # the report was later found to be false


class Commission(SQLModel, table=True):
    """One order. A reused conclusion of another lawful body is an order that came with its report (SC-4.2.3.c)."""

    __table_args__ = (
        CheckConstraint(one_of("state", CommissionState), name="ck_commission_state"),
        CheckConstraint("state = 'ORDERED' OR report_sha256 <> ''", name="ck_commission_report"),
        CheckConstraint("state <> 'FALSE' OR false_ground <> ''", name="ck_commission_false_ground"),
        CheckConstraint("state <> 'REJECTED' OR decision_note <> ''", name="ck_commission_rejected_note"),
    )
    id: int | None = big_id()
    number: str = Field(unique=True, max_length=60)
    visit_id: int = Field(foreign_key="visit.id", index=True)
    item_id: int = Field(foreign_key="item.id")
    institution: str = Field(max_length=120)
    qualification_no: str = Field(max_length=60)
    qualification_valid_to: dt.date
    contact_id: int | None = Field(
        default=None, foreign_key="person.id"
    )  # whom the institution put in charge
    task: str  # what is to be found out
    due_on: dt.date
    state: str = Field(default=CommissionState.ORDERED, max_length=10)
    reused_from: str = ""  # the document whose conclusion is reused
    ordered_by: int = Field(foreign_key="person.id")
    ordered_at: dt.datetime = moment()
    report_sha256: str = Field(default="", max_length=64)
    conclusion: str = ""
    reported_at: dt.datetime | None = maybe_moment()
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    decided_at: dt.datetime | None = maybe_moment()
    decision_note: str = ""
    false_ground: str = ""
    false_by: int | None = Field(default=None, foreign_key="person.id")
    false_at: dt.datetime | None = maybe_moment()
    reminded_on: dt.date | None = None  # None: its clock is to be looked at again


class Adoption(SQLModel, table=True):
    """A result that rests on a report."""

    __table_args__ = (UniqueConstraint("commission_id", "visit_id", "item_id", name="uq_adoption"),)
    id: int | None = big_id()
    commission_id: int = Field(foreign_key="commission.id")
    visit_id: int = Field(foreign_key="visit.id", index=True)
    item_id: int = Field(foreign_key="item.id")
    by: int = Field(foreign_key="person.id")
    at: dt.datetime = moment()


class LiabilityFact(SQLModel, table=True):
    """A fact that counts for or against liability, with its source; a person decides what it means (D19)."""

    __table_args__ = (UniqueConstraint("visit_id", "item_id", "code", "source", name="uq_liability_fact"),)
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id")
    item_id: int = Field(foreign_key="item.id")
    code: str = Field(max_length=16)  # the seed row: "JZ-29.6"
    text: str
    source: str = Field(max_length=60)  # "commission:17"
    at: dt.datetime = moment()


Index("ix_commission_reminded", col(Commission.reminded_on))
