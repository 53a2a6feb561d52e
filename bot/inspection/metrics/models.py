"""Bulletins (通报) and supervision orders (督办): what the joint-conference office says about the departments (C30)."""
"""Bulletins (通报) drafted from the figures, and the supervision orders (督办单) that follow from them (C30)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_list, maybe_moment, moment, one_of


class BulletinState(StrEnum):
    DRAFT = "DRAFT"
    ISSUED = "ISSUED"


class Bulletin(SQLModel, table=True):
    """One period's figures, a row a department. A person issues it; nothing is sent before."""

    __table_args__ = (
        CheckConstraint(one_of("state", BulletinState), name="ck_bulletin_state"),
        CheckConstraint("state = 'DRAFT' OR issued_at IS NOT NULL", name="ck_bulletin_issued"),
    )
    id: int | None = big_id()
    period: str = Field(unique=True, max_length=7)  # "2026-03"
    state: str = Field(default=BulletinState.DRAFT, max_length=8)
class Bulletin(SQLModel, table=True):
    """One period's bulletin. Its rows are frozen as they were drafted; a person lets it out."""

    __table_args__ = (
        CheckConstraint("(issued_at IS NULL) = (issued_by IS NULL)", name="ck_bulletin_issued"),
    )
    id: int | None = big_id()
    period: str = Field(unique=True, max_length=7)  # 2026-03: the last month it covers
    year: int
    rows: list[Any] = json_list()
    drafted_at: dt.datetime = moment()
    issued_at: dt.datetime | None = maybe_moment()
    issued_by: int | None = Field(default=None, foreign_key="person.id")


class OrderState(StrEnum):
    OPEN = "OPEN"
    REPLIED = "REPLIED"
    CLOSED = "CLOSED"


class SupervisionOrder(SQLModel, table=True):
    """A unit below its target answers by a day, and is named again until the order is closed."""
    """督办单: a finding, a term, a reply, a look at it; chased until it is closed (ZJ-1.3)."""

    __table_args__ = (
        UniqueConstraint("bulletin_id", "department_id", name="uq_supervision_order"),
        CheckConstraint(one_of("state", OrderState), name="ck_supervision_state"),
        CheckConstraint("state = 'OPEN' OR reply <> ''", name="ck_supervision_reply"),
    )
    id: int | None = big_id()
    bulletin_id: int = Field(foreign_key="bulletin.id")
    department_id: int = Field(foreign_key="department.id", index=True)
    finding: str = Field(max_length=400)
    due_on: dt.date
    state: str = Field(default=OrderState.OPEN, max_length=8)
    reply: str = ""
    opened_at: dt.datetime = moment()
    replied_at: dt.datetime | None = maybe_moment()
    closed_at: dt.datetime | None = maybe_moment()
    reminded_on: dt.date | None = None  # day its clock was derived; None: something changed, derive again
        CheckConstraint("finding <> ''", name="ck_supervision_finding"),
        CheckConstraint("state <> 'REPLIED' OR reply <> ''", name="ck_supervision_reply"),
        CheckConstraint("(state = 'CLOSED') = (closed_at IS NOT NULL)", name="ck_supervision_closed"),
        Index(
            "ix_supervision_changed",
            "id",
            sqlite_where=text("reminded_on IS NULL"),
            postgresql_where=text("reminded_on IS NULL"),
        ),
    )
    id: int | None = big_id()
    number: str = Field(unique=True, max_length=40)
    bulletin_id: int | None = Field(default=None, foreign_key="bulletin.id")  # None: ordered by itself
    department_id: int = Field(foreign_key="department.id", index=True)
    finding: str
    due_on: dt.date
    state: str = Field(default=OrderState.OPEN, max_length=8)
    reply: str = ""
    remark: str = ""  # why a reply was not enough
    round: int = 1
    ordered_at: dt.datetime = moment()
    closed_at: dt.datetime | None = maybe_moment()
    reminded_on: dt.date | None = None  # None: clocks are to be derived again
