"""What the public sees: frozen, allow-listed snapshots with permanent ids (C22, C39)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.core.tables import json_dict, maybe_moment, moment


class Publication(SQLModel, table=True):
    """One published version of one visit's results. ``body`` holds allow-listed fields only."""

    __table_args__ = (
        UniqueConstraint("visit_id", "version", name="uq_publication_version"),
        CheckConstraint("version = 1 OR ground <> ''", name="ck_publication_ground"),
    )
    id: str = Field(primary_key=True, max_length=26)
    visit_id: int = Field(foreign_key="visit.id")
    version: int = 1
    object_code: str = Field(max_length=40, index=True)
    object_name: str = Field(max_length=200)
    task_number: str = Field(max_length=40, index=True)
    result: str = Field(default="", max_length=60, index=True)  # published label of the worst item
    body: dict[str, Any] = json_dict()
    sha256: str = Field(max_length=64)  # of the canonical body
    due_on: dt.date | None = None
    published_at: dt.datetime = moment(index=True)
    late: bool = False
    ground: str = ""  # why a later version
    withdrawn: bool = False
    channels: dict[str, Any] = json_dict()  # channel -> state


class Withholding(SQLModel, table=True):
    """Somebody asks that a result is not published (不予公示) or no longer (撤回); somebody else decides (JZ-26.1)."""

    __table_args__ = (
        Index(
            "uq_withholding_asked", "visit_id", unique=True,
            sqlite_where=text("decided_at IS NULL"), postgresql_where=text("decided_at IS NULL"),
        ),
        CheckConstraint("ground <> ''", name="ck_withholding_ground"),
        CheckConstraint("decided_by <> asked_by", name="ck_withholding_second_person"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="ck_withholding_decided"),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    visit_id: int = Field(foreign_key="visit.id")
    published: bool = False  # it was public already when it was asked
    ground: str
    asked_by: int = Field(foreign_key="person.id")
    asked_at: dt.datetime = moment()
    granted: bool = False
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    decided_at: dt.datetime | None = maybe_moment()
