"""Task (抽查任务), visit (one object in one task), its officers and their check-ins. States: field guide 8.2."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel, col

from bot.core.tables import big_id, json_dict, json_list, maybe_moment, moment, one_of


class TaskState(StrEnum):
    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    LIBRARIES_CONFIRMED = "LIBRARIES_CONFIRMED"
    OBJECTS_DRAWN = "OBJECTS_DRAWN"
    DISPATCHED = "DISPATCHED"  # MATCHED and DISPATCHED are one transaction
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"
    CANCELLED = "CANCELLED"
    SUSPENDED = "SUSPENDED"
    TERMINATED = "TERMINATED"


class VisitState(StrEnum):
    SCHEDULED = "SCHEDULED"  # 待启动: drawn, its batch is not open and nobody is told (YL-3.2.e)
    ASSIGNED = "ASSIGNED"  # 待接收
    ACCEPTED = "ACCEPTED"  # 已接收
    ON_SITE = "ON_SITE"  # 检查中
    RECORDED = "RECORDED"  # 已录入 (also after a return)
    IN_REVIEW = "IN_REVIEW"  # 待审核
    APPROVED = "APPROVED"  # 待公示
    PUBLISHED = "PUBLISHED"  # 已公示
    NON_PUBLIC = "NON_PUBLIC"


class OfficerState(StrEnum):
    ASSIGNED = "ASSIGNED"
    ACCEPTED = "ACCEPTED"
    RECUSAL_ASKED = "RECUSAL_ASKED"
    REPLACED = "REPLACED"


class Library(StrEnum):
    """The two libraries (两库)."""

    OBJECTS = "OBJECTS"
    OFFICERS = "OFFICERS"


class Mode(StrEnum):
    """Which side is drawn by lot (JZ-4.2, JZ-4.3)."""

    BOTH = "BOTH"
    OBJECT_ONLY = "OBJECT_ONLY"
    PERSON_ONLY = "PERSON_ONLY"


class Task(SQLModel, table=True):
    __table_args__ = (
        CheckConstraint(one_of("state", TaskState), name="ck_task_state"),
        CheckConstraint(one_of("mode", Mode), name="ck_task_mode"),
        CheckConstraint("mode = 'BOTH' OR mode_reason <> ''", name="ck_task_mode_reason"),
        CheckConstraint("source = 'CLUE' OR plan_line_id IS NOT NULL", name="ck_task_planned"),  # YL-1.1
    )
    id: int | None = big_id()
    number: str = Field(unique=True, max_length=40)  # area code + date + sequence (field guide 2.1)
    name: str = Field(max_length=200)
    plan_line_id: int | None = Field(default=None, foreign_key="planline.id", index=True)  # None: a clue
    lead_department_id: int = Field(foreign_key="department.id")
    joint_department_ids: list[int] = json_list()  # each sends officers of its own (JZ-17.1)
    state: str = Field(default=TaskState.DRAFT, max_length=20, index=True)
    targeted: bool = False  # 定向
    mode: str = Field(default=Mode.BOTH, max_length=12)
    mode_reason: str = ""
    source: str = Field(default="RANDOM", max_length=10)  # RANDOM | KEY | CLUE | SPECIAL | LICENSING
    object_id: int | None = Field(
        default=None, foreign_key="inspectionobject.id"
    )  # of a licensing visit: it is fixed
    application_no: str = Field(default="", max_length=60)
    item_ids: list[int] = json_list()
    checklist_ids: list[int] = json_list()  # pinned at dispatch: one per item, in order
    window_start: dt.date
    window_end: dt.date
    policy: dict[str, Any] = json_dict()  # reminder steps frozen at dispatch
    created_at: dt.datetime = moment()
    dispatched_at: dt.datetime | None = maybe_moment()
    completed_at: dt.datetime | None = maybe_moment()


class LibraryConfirmation(SQLModel, table=True):
    """Who said when that a library is up to date for the task (YL-3.3.b); the last one of a library counts."""

    __table_args__ = (CheckConstraint(one_of("library", Library), name="ck_library_confirmation"),)
    id: int | None = big_id()
    task_id: int = Field(foreign_key="task.id", index=True)
    library: str = Field(max_length=10)
    person_id: int | None = Field(default=None, foreign_key="person.id")
    changes: str = ""  # what was brought up to date, in words
    at: dt.datetime = moment()


class TaskBatch(SQLModel, table=True):
    """A batch of a task's visits: on its day the officers and enterprises are told, not before (C11)."""

    task_id: int = Field(foreign_key="task.id", primary_key=True)
    number: int = Field(primary_key=True)
    opens_on: dt.date
    opened_at: dt.datetime | None = maybe_moment()


class TaskItem(SQLModel, table=True):
    """Which items a task covers, as rows: «inspected for this item this year» is a join, not a text search.

    ``department_id`` is the department of the task that checks the item: the item's own where it takes part, else
    the lead. Its officers fill and sign that part of the record.
    """

    task_id: int = Field(foreign_key="task.id", primary_key=True)
    item_id: int = Field(foreign_key="item.id", primary_key=True, index=True)
    department_id: int | None = Field(default=None, foreign_key="department.id")


class Visit(SQLModel, table=True):
    """One object in one task. ``generation`` rises when what was told about it is no longer true."""

    __table_args__ = (
        UniqueConstraint("task_id", "object_id", name="uq_visit_object"),
        CheckConstraint(one_of("state", VisitState), name="ck_visit_state"),
        {"sqlite_autoincrement": True},  # taken back, a visit leaves its id to nobody: messages go by it
    )
    id: int | None = big_id()
    number: str = Field(unique=True, max_length=48)
    task_id: int = Field(foreign_key="task.id")
    object_id: int = Field(foreign_key="inspectionobject.id", index=True)
    state: str = Field(default=VisitState.ASSIGNED, max_length=12)
    stratum: str = Field(max_length=60)
    ticket: str = Field(max_length=64)
    rank: int
    batch: int = 1
    generation: int = 1
    planned_on: dt.date
    due_on: dt.date  # last day of the window
    accepted_at: dt.datetime | None = maybe_moment()
    on_site_at: dt.datetime | None = maybe_moment()
    recorded_at: dt.datetime | None = maybe_moment()
    ended_on: dt.date | None = None  # the day the inspection ended: publicity clocks start here
    submitted_at: dt.datetime | None = maybe_moment()
    reviewed_at: dt.datetime | None = maybe_moment()
    publish_due: dt.date | None = None
    published_at: dt.datetime | None = maybe_moment()
    outcome: str = Field(default="", max_length=4)  # worst result code, R01…
    late: bool = False  # registered after the fact (C16)
    reminded_on: dt.date | None = None  # day its clocks were derived; None: something changed, derive again


class VisitOfficer(SQLModel, table=True):
    """An officer drawn for a visit. A replaced one stays, with the reason and who followed (C13)."""

    __table_args__ = (
        UniqueConstraint("visit_id", "person_id", name="uq_visit_officer"),
        CheckConstraint(one_of("state", OfficerState), name="ck_visit_officer_state"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id")
    person_id: int = Field(foreign_key="person.id", index=True)
    department_id: int | None = Field(default=None, foreign_key="department.id")
    state: str = Field(default=OfficerState.ASSIGNED, max_length=14)
    leader: bool = False  # 组长 of this visit: the first drawn
    ticket: str = Field(max_length=64)
    assigned_at: dt.datetime = moment()
    accepted_at: dt.datetime | None = maybe_moment()
    replaced_by: int | None = Field(default=None, foreign_key="person.id")
    recusal_reason: str = ""
    recusal_decided_by: int | None = Field(default=None, foreign_key="person.id")


class CheckIn(SQLModel, table=True):
    """Presence of one officer (C16). Document and online checks have none."""

    __table_args__ = (UniqueConstraint("visit_id", "person_id", name="uq_check_in"),)
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id")
    person_id: int = Field(foreign_key="person.id")
    at: dt.datetime = moment()
    latitude: float | None = None
    longitude: float | None = None
    place: str = ""
    late_reason: str = ""
    happened_at: dt.datetime | None = maybe_moment()  # registered late: when the officer really was there

    @property
    def present_at(self) -> dt.datetime:
        """When the officer was there, as far as anybody says."""
        return self.happened_at or self.at


class VisitCode(SQLModel, table=True):
    """访客码: under it the person at the door checks that this inspection is real (C16)."""

    visit_id: int = Field(foreign_key="visit.id", primary_key=True)
    code: str = Field(unique=True, max_length=10)
    made_at: dt.datetime = moment()


class ApprovalState(StrEnum):
    ASKED = "ASKED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


class VisitApproval(SQLModel, table=True):
    """行政检查审批: the head's approval of one visit; an urgent one may begin before it (field guide 7.1)."""

    __table_args__ = (
        CheckConstraint(one_of("state", ApprovalState), name="ck_visit_approval_state"),
        CheckConstraint("NOT urgent OR urgent_reason <> ''", name="ck_visit_approval_urgent"),
        CheckConstraint("state <> 'REFUSED' OR decision_reason <> ''", name="ck_visit_approval_refused"),
    )
    visit_id: int = Field(foreign_key="visit.id", primary_key=True)
    state: str = Field(default=ApprovalState.ASKED, max_length=8)
    asked_at: dt.datetime = moment()
    urgent: bool = False
    urgent_reason: str = ""
    urgent_by: int | None = Field(default=None, foreign_key="person.id")
    decided_at: dt.datetime | None = maybe_moment()
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    decision_reason: str = ""
    reminded_on: dt.date | None = None


class NoticeDocument(SQLModel, table=True):
    """行政检查通知书 as issued: what it said and the file. A changed team or day makes a new version (C15)."""

    __table_args__ = (UniqueConstraint("visit_id", "version", name="uq_notice_document"),)
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id")
    version: int
    body: dict[str, Any] = json_dict()
    pdf_sha256: str = Field(max_length=64, index=True)
    issued_at: dt.datetime = moment()


class EnterpriseNotice(SQLModel, table=True):
    """行政检查通知书 for a visit: how it was delivered and when it was read (C15)."""

    visit_id: int = Field(foreign_key="visit.id", primary_key=True)
    due_on: dt.date | None = None  # None: only at check-in
    delivered_at: dt.datetime | None = maybe_moment()
    delivery: str = Field(
        default="PENDING", max_length=16
    )  # PENDING | CHAT | AT_CHECK_IN | NOT_DELIVERED | PAPER
    read_at: dt.datetime | None = maybe_moment()


Index("ix_visit_task_state", col(Visit.task_id), col(Visit.state))
Index(
    "ix_visit_changed",
    col(Visit.id),
    sqlite_where=text("reminded_on IS NULL"),
    postgresql_where=text("reminded_on IS NULL"),
)
Index("ix_visit_state_publish_due", col(Visit.state), col(Visit.publish_due))
Index("ix_visit_officer_state", col(VisitOfficer.state), col(VisitOfficer.assigned_at))
Index("ix_visit_approval_state_reminded", col(VisitApproval.state), col(VisitApproval.reminded_on))
Index("ix_task_batch_waiting", col(TaskBatch.opens_on), sqlite_where=col(TaskBatch.opened_at).is_(None),
      postgresql_where=col(TaskBatch.opened_at).is_(None))  # fmt: skip
