"""Follow-up of a problem found: order, term, correction, closure (C23). States: field guide 8.2."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel, col

from bot.core.tables import big_id, maybe_moment, moment, one_of


class FollowUpState(StrEnum):
    OPEN = "OPEN"
    ORDERED = "ORDERED"  # 已责令改正, with a term
    RECHECK_DUE = "RECHECK_DUE"  # the enterprise says it is done
    CORRECTED = "CORRECTED"
    CASE_FILED = "CASE_FILED"
    TRANSFERRED = "TRANSFERRED"
    NO_PENALTY = "NO_PENALTY"
    CLOSED = "CLOSED"


class FollowUp(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("visit_id", "item_id", name="uq_follow_up"),
        CheckConstraint(one_of("state", FollowUpState), name="ck_follow_up_state"),
        CheckConstraint("state <> 'ORDERED' OR due_on IS NOT NULL", name="ck_follow_up_term"),
        CheckConstraint("state <> 'CLOSED' OR closing_note <> ''", name="ck_follow_up_closing"),
    )
    id: int | None = big_id()
    number: str = Field(unique=True, max_length=48)
    visit_id: int = Field(foreign_key="visit.id", index=True)
    item_id: int = Field(foreign_key="item.id")
    state: str = Field(default=FollowUpState.OPEN, max_length=14)
    generation: int = 1
    codes: str = Field(default="", max_length=40)
    problem: str
    order_text: str = ""
    due_on: dt.date | None = None
    handler_id: int = Field(foreign_key="person.id", index=True)
    opened_at: dt.datetime = moment()
    handled_at: dt.datetime | None = maybe_moment()  # left OPEN with a recorded handling: counts for M6
    reported_at: dt.datetime | None = maybe_moment()
    report: str = ""
    closed_at: dt.datetime | None = maybe_moment()
    closing_note: str = ""
    reminded_on: dt.date | None = None  # day its clocks were derived; None: something changed, derive again


Index("ix_follow_up_due", col(FollowUp.state), col(FollowUp.due_on))
Index(
    "ix_follow_up_changed",
    col(FollowUp.id),
    sqlite_where=text("reminded_on IS NULL"),
    postgresql_where=text("reminded_on IS NULL"),
)
