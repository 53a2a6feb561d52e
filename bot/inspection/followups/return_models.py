"""Return visits (随机抽查回访): a sample of finished visits, looked at again by other officers (C31, ZJ-3.3.b)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_list, maybe_moment, moment, one_of


class Finding(StrEnum):
    CLEAN = "CLEAN"  # 未发现问题
    PROBLEM = "PROBLEM"  # 发现问题


class ReturnSample(SQLModel, table=True):
    """One recorded draw: pool, secret and seed are kept, so anybody may draw again and find the same."""

    __table_args__ = (CheckConstraint("percent > 0 AND percent <= 100", name="ck_return_sample_percent"),)
    id: int | None = big_id()
    number: str = Field(unique=True, max_length=40)
    task_id: int = Field(foreign_key="task.id", index=True)
    percent: float
    pool: list[str] = json_list()  # numbers of the finished visits
    pool_sha256: str = Field(max_length=64)
    rules_sha256: str = Field(max_length=64)
    secret_hex: str = Field(max_length=64)
    seed_hex: str = Field(max_length=64)
    drawn_at: dt.datetime = moment()


class ReturnVisit(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("visit_id", name="uq_return_visit"),
        CheckConstraint(f"finding = '' OR {one_of('finding', Finding)}", name="ck_return_finding"),
        CheckConstraint("finding <> 'PROBLEM' OR note <> ''", name="ck_return_note"),
        CheckConstraint("(finding = '') = (done_at IS NULL)", name="ck_return_done"),
        Index(
            "ix_return_changed",
            "id",
            sqlite_where=text("reminded_on IS NULL"),
            postgresql_where=text("reminded_on IS NULL"),
        ),
    )
    id: int | None = big_id()
    sample_id: int = Field(foreign_key="returnsample.id", index=True)
    visit_id: int = Field(foreign_key="visit.id")
    ticket: str = Field(max_length=64)
    rank: int
    due_on: dt.date
    finding: str = Field(default="", max_length=8)
    note: str = ""
    differs: bool = False  # 未发现问题 at first, a problem now
    done_at: dt.datetime | None = maybe_moment()
    done_by: int | None = Field(default=None, foreign_key="person.id")
    reminded_on: dt.date | None = None  # None: clocks are to be derived again


class ReturnOfficer(SQLModel, table=True):
    return_id: int = Field(foreign_key="returnvisit.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True, index=True)
    ticket: str = Field(max_length=64)
