"""Bulletins (通报) and supervision orders (督办): what the joint-conference office says about the departments (C30)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
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
