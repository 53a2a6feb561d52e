"""The annual plan (年度抽查计划), its versions and lines (JZ-12.1, ZJ-2.6.b)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_dict, json_list, maybe_moment, moment, one_of


class PlanState(StrEnum):
    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"


class DutyKind(StrEnum):
    PLAN = "plan"  # 部门年度抽查计划
    JOINT_PLAN = "joint_plan"  # 联合抽查计划
    YEARLY_RESULTS = "yearly_results"  # 年度结果公示


class DutyEntry(SQLModel, table=True):
    """责任清单: what a department owes by a day of the year, and the proof that it was done (C1)."""

    __table_args__ = (
        UniqueConstraint("kind", "year", "department_id", name="uq_duty_entry"),
        CheckConstraint(one_of("kind", DutyKind), name="ck_duty_kind"),
        CheckConstraint("filed_at IS NULL OR evidence <> ''", name="ck_duty_evidence"),
    )
    id: int | None = big_id()
    kind: str = Field(max_length=16)
    year: int
    department_id: int = Field(foreign_key="department.id", index=True)
    basis: str = Field(default="", max_length=200)  # the sentence its day rests on
    due_on: dt.date
    opened_at: dt.datetime = moment()
    filed_at: dt.datetime | None = maybe_moment()
    filed_by: int | None = Field(default=None, foreign_key="person.id")
    evidence: str = Field(default="", max_length=200)
    reminded_on: dt.date | None = None  # day its clock was derived; None: something changed, derive again


class Plan(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("code", "version", name="uq_plan_version"),
        CheckConstraint(one_of("state", PlanState), name="ck_plan_state"),
        CheckConstraint("version = 1 OR ground <> ''", name="ck_plan_change_has_ground"),
    )
    id: int | None = big_id()
    code: str = Field(max_length=32)
    version: int = 1
    year: int
    name: str = Field(max_length=200)
    department_id: int = Field(foreign_key="department.id")
    state: str = Field(default=PlanState.DRAFT, max_length=12)
    ground: str = ""  # why this version differs from the one before
    created_at: dt.datetime = moment()
    approved_at: dt.datetime | None = maybe_moment()
    published_at: dt.datetime | None = maybe_moment()


class PlanLine(SQLModel, table=True):
    """What one task will do: items, whom, how many, when. ``scope`` limits the pool (定向)."""

    __table_args__ = (
        UniqueConstraint("plan_id", "number", name="uq_plan_line"),
        CheckConstraint("window_start <= window_end", name="ck_plan_line_window"),
        CheckConstraint("officers_per_visit >= 1", name="ck_plan_line_officers"),
    )
    id: int | None = big_id()
    plan_id: int = Field(foreign_key="plan.id")
    number: int
    name: str = Field(max_length=200)
    item_ids: list[int] = json_list()
    lead_department_id: int = Field(foreign_key="department.id")
    joint_department_ids: list[int] = json_list()
    ratios: dict[str, Any] = json_dict()  # credit class -> percent, or {"ratio": .., "min": .., "max": ..}
    strata: list[Any] = (
        json_list()
    )  # named strata before the classes: {"name", who, rule}; the first that fits counts
    uplifts: list[Any] = json_list()  # labels that raise a ratio: {"label", "times" or "ratio"} (YL-3.5.1.c)
    floor: int = 0  # at least so many objects in all (YL-3.5.1.d)
    exclude_months: int = 0  # whoever was inspected within so many months is left alone
    scope: dict[str, Any] = json_dict()  # districts, industries, labels, kinds; empty: untargeted (不定向)
    focus: str = ""
    method: str = "实地检查"
    officers_per_visit: int = 2
    batch_size: int = 0  # 0: one batch
    batch_opens: list[str] = (
        json_list()
    )  # the days the batches open (YL-3.2.e); empty: spread over the window
    window_start: dt.date
    window_end: dt.date
