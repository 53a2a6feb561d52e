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
    visit_id: int = Field(foreign_key="visit.id")
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


class TransferKind(StrEnum):
    AUTHORITY = "AUTHORITY"  # 移送有管辖权的部门
    CRIME = "CRIME"  # 涉嫌犯罪, 移送公安机关


class TransferState(StrEnum):
    PROPOSED = "PROPOSED"  # crime: the head decides within three days
    APPROVED = "APPROVED"  # crime: to be handed over within 24 hours
    REFUSED = "REFUSED"
    SENT = "SENT"
    RECEIVED = "RECEIVED"


class Transfer(SQLModel, table=True):
    """A problem handed to another authority, chased until somebody there confirms (C23, 移送规定 art. 5)."""

    __table_args__ = (
        UniqueConstraint("follow_up_id", "kind", "round", name="uq_transfer"),
        CheckConstraint(one_of("kind", TransferKind), name="ck_transfer_kind"),
        CheckConstraint(one_of("state", TransferState), name="ck_transfer_state"),
        CheckConstraint("kind = 'CRIME' OR state IN ('SENT', 'RECEIVED')", name="ck_transfer_decided"),
        CheckConstraint("state <> 'REFUSED' OR reason <> ''", name="ck_transfer_refusal"),
        CheckConstraint(
            "state NOT IN ('PROPOSED', 'APPROVED') OR due_at IS NOT NULL", name="ck_transfer_clock"
        ),
        Index(
            "ix_transfer_changed",
            "id",
            sqlite_where=text("reminded_on IS NULL"),
            postgresql_where=text("reminded_on IS NULL"),
        ),
    )
    id: int | None = big_id()
    follow_up_id: int = Field(foreign_key="followup.id")
    kind: str = Field(max_length=10)
    round: int = 1
    state: str = Field(max_length=10)
    receiver: str = Field(max_length=200)
    department_id: int | None = Field(default=None, foreign_key="department.id")  # None: outside this system
    note: str = ""
    reason: str = ""  # of a refusal
    proposed_at: dt.datetime = moment()
    due_at: dt.datetime | None = maybe_moment()  # of what is to be done next, by the hour
    decided_at: dt.datetime | None = maybe_moment()
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    sent_at: dt.datetime | None = maybe_moment()
    received_at: dt.datetime | None = maybe_moment()
    receipt: str = Field(default="", max_length=100)  # 回执文号
    reminded_on: dt.date | None = None  # None: clocks are to be derived again


class ClueSource(StrEnum):
    COMPLAINT = "COMPLAINT"  # 投诉举报
    TRANSFER = "TRANSFER"  # 转办交办
    MONITORING = "MONITORING"  # 数据监测
    FOUND = "FOUND"  # seen on a visit, outside its items (D22)
    UNLICENSED = "UNLICENSED"  # 无证无照, by its own rules (YL-3.7.c)


class Clue(SQLModel, table=True):
    """个案线索: looked into at once, outside every random draw (C25). Its task's visit says how far it is."""

    __table_args__ = (
        CheckConstraint(one_of("source", ClueSource), name="ck_clue_source"),
        CheckConstraint("content <> ''", name="ck_clue_content"),
        Index("ix_clue_cluster", "industry", "district", "received_at"),
    )
    id: int | None = big_id()
    number: str = Field(unique=True, max_length=32)
    source: str = Field(max_length=12)
    content: str
    object_id: int | None = Field(default=None, foreign_key="inspectionobject.id", index=True)
    object_name: str = Field(default="", max_length=200)
    address: str = ""
    industry: str = Field(default="", max_length=60)
    district: str = Field(default="", max_length=60)
    department_id: int = Field(foreign_key="department.id", index=True)
    item_id: int = Field(foreign_key="item.id")
    received_at: dt.datetime = moment()
    task_id: int | None = Field(default=None, foreign_key="task.id", unique=True)
    hindrance: str = ""  # why nobody could be sent yet
    case_number: str = Field(default="", max_length=60)  # 立案文号


class SpecialProposal(SQLModel, table=True):
    """专项抽查 proposed because clues of one industry and area pile up (YL-3.7.b). A person decides."""

    __table_args__ = (CheckConstraint("ratio > 0 AND ratio <= 100", name="ck_special_ratio"),)
    id: int | None = big_id()
    industry: str = Field(max_length=60)
    district: str = Field(max_length=60)
    clues: int
    days: int
    objects: int  # active objects of that industry and area
    ratio: int  # percent
    proposed_at: dt.datetime = moment()


Index("ix_special_proposal", col(SpecialProposal.industry), col(SpecialProposal.district))
Index("ix_follow_up_due", col(FollowUp.state), col(FollowUp.due_on))
Index(
    "ix_follow_up_changed",
    col(FollowUp.id),
    sqlite_where=text("reminded_on IS NULL"),
    postgresql_where=text("reminded_on IS NULL"),
)
