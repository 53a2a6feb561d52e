"""Imported year tables: one row a version, never changed, so it can be shown which holidays a date rested on."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_dict, moment


class CalendarYear(SQLModel, table=True):
    """The holidays of one year (or a region's extra ones) as a notice of the State Council's office gave them."""

    __table_args__ = (
        UniqueConstraint("year", "region", "version", name="uq_calendar_year"),
        CheckConstraint("version >= 1", name="ck_calendar_version"),
        CheckConstraint("notice <> ''", name="ck_calendar_has_notice"),
    )
    id: int | None = big_id()
    year: int
    region: str = Field(default="", max_length=40)
    version: int
    notice: str = Field(max_length=80)  # 文号
    title: str = Field(default="", max_length=200)
    body: dict[str, Any] = json_dict()  # the whole table as it was read
    sha256: str = Field(max_length=64)  # of the canonical body without its version
    source: str = Field(default="", max_length=200)  # the file's name
    imported_at: dt.datetime = moment()
