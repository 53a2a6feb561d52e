"""The item list (一单) and the object library (检查对象名录库)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_dict, json_list, maybe_moment, moment, one_of

PLACE = (  # both or neither, within China: swapped ones are refused
    "(latitude IS NULL) = (longitude IS NULL) AND"
    " (latitude IS NULL OR (latitude BETWEEN 3 AND 54 AND longitude BETWEEN 73 AND 136))"
)


class ItemClass(StrEnum):
    KEY = "KEY"  # 重点检查事项: no cap
    GENERAL = "GENERAL"  # 一般检查事项: cap required


class NoticeMode(StrEnum):
    """How the enterprise learns of the visit; the strictest of a joint visit wins (field guide 7.4)."""

    ADVANCE = "ADVANCE"
    ON_SITE = "ON_SITE"
    UNANNOUNCED = "UNANNOUNCED"


class ObjectKind(StrEnum):
    BUSINESS = "BUSINESS"
    EQUIPMENT = "EQUIPMENT"
    PRODUCT = "PRODUCT"
    PROJECT = "PROJECT"
    BEHAVIOUR = "BEHAVIOUR"


class ObjectStatus(StrEnum):
    ACTIVE = "ACTIVE"  # 存续
    DEREGISTERED = "DEREGISTERED"  # 注销
    REVOKED = "REVOKED"  # 吊销
    MOVED = "MOVED"  # 迁出
    UNREGISTERED = "UNREGISTERED"  # 未登记: known from a clue only, in no random pool


class Item(SQLModel, table=True):
    """One version of an entry of the item list (YL-3.2.c, SC-2.1)."""

    __table_args__ = (
        UniqueConstraint("code", "version", name="uq_item_version"),
        CheckConstraint(one_of("klass", ItemClass), name="ck_item_class"),
        CheckConstraint(one_of("notice_mode", NoticeMode), name="ck_item_notice"),
        CheckConstraint("klass = 'KEY' OR cap_percent IS NOT NULL", name="ck_item_general_has_cap"),
        CheckConstraint("NOT active OR basis <> ''", name="ck_item_active_has_basis"),
    )
    id: int | None = big_id()
    code: str = Field(max_length=32)
    version: int = 1
    name: str = Field(max_length=200)
    content: str = ""
    field: str = Field(default="", max_length=60)  # 抽查领域
    target: str = Field(default="", max_length=100)  # 检查对象, as the list words it
    klass: str = Field(max_length=10)
    cap_percent: float | None = None
    basis: str = ""  # 检查依据
    method: str = Field(default="实地检查", max_length=60)
    notice_mode: str = Field(default=NoticeMode.ADVANCE, max_length=12)
    ratio_authority: str = Field(default="SELF", max_length=8)
    checklist_code: str = Field(default="", max_length=32)
    label_required: str = Field(default="", max_length=40)  # officers need this qualification
    department_id: int | None = Field(default=None, foreign_key="department.id", index=True)
    active: bool = True


class InspectionObject(SQLModel, table=True):
    """Who or what is inspected. ``code`` is the credit code (GB 32100) or the register number of its kind."""

    __table_args__ = (
        CheckConstraint(one_of("kind", ObjectKind), name="ck_object_kind"),
        CheckConstraint(one_of("status", ObjectStatus), name="ck_object_status"),
        CheckConstraint("credit_class IN ('A', 'B', 'C', 'D')", name="ck_object_class"),
        CheckConstraint(PLACE, name="ck_object_place"),
    )
    id: int | None = big_id()
    code: str = Field(unique=True, max_length=40)
    kind: str = Field(default=ObjectKind.BUSINESS, max_length=12)
    name: str = Field(max_length=200)
    address: str = ""
    district: str = Field(default="", max_length=60, index=True)
    industry: str = Field(default="", max_length=60, index=True)  # 领域分库
    credit_class: str = Field(default="B", max_length=1)
    risk_index: int | None = None  # 信用风险指数, higher is worse; None: no sheet had one
    status: str = Field(default=ObjectStatus.ACTIVE, max_length=14)
    latitude: float | None = None  # of the registered place, WGS-84; both or neither
    longitude: float | None = None
    user_unit_code: str = Field(default="", max_length=40)  # equipment: the business that uses it
    labels: list[str] = json_list()
    row_sha256: str = Field(default="", max_length=64)  # of the imported row: equal means unchanged
    updated_at: dt.datetime = moment()


class Warned(StrEnum):
    NO = ""
    CLASS_DROP = "CLASS_DROP"  # 等级下降
    INDEX_JUMP = "INDEX_JUMP"  # 指数陡升


class CreditHistory(SQLModel, table=True):
    """Each credit class and risk index an object has had, newest import last; what got worse is warned of (ZJ-2.5.g)."""

    __table_args__ = (
        CheckConstraint(one_of("warning", Warned), name="ck_credit_warning"),
        Index(
            "ix_credit_unchecked",
            "id",
            sqlite_where=text("checked_at IS NULL"),
            postgresql_where=text("checked_at IS NULL"),
        ),
        Index(
            "ix_credit_warned",
            "batch_id",
            sqlite_where=text("warning <> ''"),
            postgresql_where=text("warning <> ''"),
        ),
    )

    id: int | None = big_id()
    object_id: int = Field(foreign_key="inspectionobject.id", index=True)
    credit_class: str = Field(max_length=1)
    risk_index: int | None = None
    since: dt.datetime = moment()
    checked_at: dt.datetime | None = maybe_moment()  # compared with the one before
    warning: str = Field(default="", max_length=12)
    batch_id: int | None = Field(default=None, foreign_key="importbatch.id")  # whose warnings it stands in


class ImportBatch(SQLModel, table=True):
    """One import run and its account; the rejected rows are in ``rejects`` (at most 1,000 kept here)."""

    id: int | None = big_id()
    kind: str = Field(max_length=16)
    filename: str
    sha256: str = Field(max_length=64)
    started_at: dt.datetime = moment()
    finished_at: dt.datetime | None = maybe_moment()
    counts: dict[str, Any] = json_dict()
    rejects: list[Any] = json_list()
