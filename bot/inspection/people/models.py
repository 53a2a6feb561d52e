"""Departments, people, their roles, their chat accounts, and what the officer library knows (YL-3.3.d, LZ-2.3.c)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel, col

from bot.core.tables import big_id, json_list, maybe_moment, moment, one_of


class Role(StrEnum):
    OFFICER = "OFFICER"  # 执法检查人员
    HEAD = "HEAD"  # 单位负责人: approves inspections (field guide 7.1)
    LEAD = "LEAD"  # 科室/大队负责人: team lead and department lead unit
    REVIEWER = "REVIEWER"  # 审核人
    COORDINATOR = "COORDINATOR"  # 联席会议办公室
    ADMIN = "ADMIN"  # 名录库管理员
    LEGAL = "LEGAL"  # 法制机构
    ENTERPRISE = "ENTERPRISE"  # 企业联络员


class Department(SQLModel, table=True):
    id: int | None = big_id()
    code: str = Field(unique=True, max_length=32)
    name: str = Field(max_length=100)
    parent_id: int | None = Field(default=None, foreign_key="department.id")
    territory: str = Field(default="", max_length=100)


class Person(SQLModel, table=True):
    id: int | None = big_id()
    code: str = Field(unique=True, max_length=64)  # stable external id: import twice, change nothing
    name: str = Field(max_length=64)
    department_id: int | None = Field(default=None, foreign_key="department.id", index=True)
    mobile: str = Field(default="", max_length=20)
    active: bool = True


class PersonRole(SQLModel, table=True):
    __table_args__ = (CheckConstraint(one_of("role", Role), name="ck_person_role"),)
    person_id: int = Field(foreign_key="person.id", primary_key=True)
    role: str = Field(primary_key=True, max_length=16, index=True)


class Account(SQLModel, table=True):
    """Somebody's id on a chat service. One account has one person; a person may have several."""

    __table_args__ = (UniqueConstraint("platform", "user_id", name="uq_account"),)
    id: int | None = big_id()
    platform: str = Field(max_length=16)
    user_id: str = Field(max_length=128)
    person_id: int = Field(foreign_key="person.id")
    bound_at: dt.datetime = moment()
    dead_since: dt.datetime | None = maybe_moment()  # the platform said it cannot be reached
    dead_reason: str = ""


class DirectoryUnit(SQLModel, table=True):
    """A department of a chat service's directory, and which of ours it is."""

    __table_args__ = (UniqueConstraint("platform", "unit_id", name="uq_directoryunit"),)
    id: int | None = big_id()
    platform: str = Field(max_length=16)
    unit_id: str = Field(max_length=64)
    department_id: int = Field(foreign_key="department.id", index=True)
    name: str = Field(max_length=100)  # as it was last seen there
    parent_unit_id: str = Field(default="", max_length=64)
    made: bool = False  # ours came from there
    gone_since: dt.datetime | None = maybe_moment()


class DirectoryWatch(SQLModel, table=True):
    """When a directory that was brought in by hand is compared again."""

    platform: str = Field(primary_key=True, max_length=16)
    whole_at: dt.datetime = moment()
    units_at: dt.datetime | None = maybe_moment()  # a change of departments was heard
    failures: int = 0


class Officer(SQLModel, table=True):
    """A person of the inspector library. No certificate, no inspection (field guide 5)."""

    __table_args__ = (CheckConstraint("valid_from <= valid_to", name="ck_officer_validity"),)
    person_id: int = Field(foreign_key="person.id", primary_key=True)
    certificate_no: str = Field(unique=True, max_length=32)
    category: str = Field(default="行政执法类公务员", max_length=40)
    valid_from: dt.date
    valid_to: dt.date
    labels: list[str] = json_list()  # qualification and expertise, for example 特种设备
    territory: str = Field(default="", max_length=100)  # district; empty: the whole locality
    available: bool = True


class Absence(SQLModel, table=True):
    id: int | None = big_id()
    person_id: int = Field(foreign_key="person.id", index=True)
    first_day: dt.date
    last_day: dt.date
    reason: str = ""


class Relation(SQLModel, table=True):
    """A declared or derived ground why an officer must not inspect an object (行政处罚法 art. 43)."""

    __table_args__ = (UniqueConstraint("person_id", "object_id", name="uq_relation"),)
    id: int | None = big_id()
    person_id: int = Field(foreign_key="person.id")
    object_id: int = Field(foreign_key="inspectionobject.id", index=True)
    ground: str = Field(default="", max_length=40)


class Training(SQLModel, table=True):
    """Attendance of a pre-inspection training (ZJ-2.6.c); valid until ``valid_to``."""

    __table_args__ = (UniqueConstraint("person_id", "session", name="uq_training"),)
    id: int | None = big_id()
    person_id: int = Field(foreign_key="person.id")
    session: str = Field(max_length=100)
    held_on: dt.date
    valid_to: dt.date
    quiz_due: bool = False  # attended, and its quiz not passed yet: no training so far


class TrainingSession(SQLModel, table=True):
    """检查前业务培训, one sitting (C14). Who says its code on the spot has attended; ``name`` is that of the sheet."""

    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="ck_training_session_hours"),
        CheckConstraint("code_sha256 <> ''", name="ck_training_session_code"),
        CheckConstraint("pass_percent BETWEEN 1 AND 100", name="ck_training_session_pass"),
    )
    id: int | None = big_id()
    name: str = Field(unique=True, max_length=100)
    place: str = Field(max_length=200)
    starts_at: dt.datetime = moment(index=True)
    ends_at: dt.datetime = moment()
    valid_to: dt.date
    department_id: int | None = Field(default=None, foreign_key="department.id")  # None: for everybody
    code_sha256: str = Field(unique=True, max_length=64)  # digest only, as of a binding code
    created_at: dt.datetime = moment()
    quiz: list[dict[str, Any]] = json_list()  # empty: attendance is enough
    pass_percent: int | None = None


class TrainingAttempt(SQLModel, table=True):
    """One try at the quiz of a training, passed or not."""

    __table_args__ = (
        UniqueConstraint("training_id", "person_id", "number", name="uq_training_attempt"),
        CheckConstraint("score BETWEEN 0 AND 100", name="ck_training_attempt_score"),
    )
    id: int | None = big_id()
    training_id: int = Field(foreign_key="trainingsession.id")
    person_id: int = Field(foreign_key="person.id", index=True)
    number: int
    answers: list[str] = json_list()
    score: int
    passed: bool
    at: dt.datetime = moment()


class EnterpriseContact(SQLModel, table=True):
    """联络员 of an enterprise: first addressee of notices. One person may serve several enterprises."""

    person_id: int = Field(foreign_key="person.id", primary_key=True)
    object_id: int = Field(foreign_key="inspectionobject.id", primary_key=True, index=True)
    duty: str = Field(default="联络员", max_length=20)


class BindCode(SQLModel, table=True):
    """A one-time code that ties a chat account to a person; stored as a digest only."""

    code_sha256: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    expires_at: dt.datetime = moment()
    used_at: dt.datetime | None = maybe_moment()


class ConsoleLogin(SQLModel, table=True):
    """One entry into the console: which link was used (so it is used once) and which session it opened."""

    link_sha256: str = Field(primary_key=True, max_length=64)
    session_sha256: str = Field(unique=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    used_at: dt.datetime = moment()
    ended_at: dt.datetime | None = maybe_moment()


Index("ix_account_person_platform", col(Account.person_id), col(Account.platform))


class MobileLookup(SQLModel, table=True):
    """A mobile number a chat service was asked about: too many misses block the call for a day (sheet 6.1)."""

    platform: str = Field(primary_key=True, max_length=16)
    number_sha256: str = Field(primary_key=True, max_length=64)
    found: bool
    at: dt.datetime = moment(index=True)


class EnterpriseRobot(SQLModel, table=True):
    """A group robot that an enterprise added to its own group; the account of one of its contacts is its ``id``."""

    id: str = Field(primary_key=True, max_length=32)
    person_id: int = Field(foreign_key="person.id", unique=True)
    sealed_url: str  # the key in the address is a credential
    added_at: dt.datetime = moment()
