"""Deadlines (期限): what is promised to whom until a duty is done. Derived from the duty, never typed."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, Session, SQLModel, col

from bot.core.tables import big_id, json_list, maybe_moment, moment, one_of


class ReminderPolicy(SQLModel, table=True):
    """Steps as they stood when a deadline took them: the same words are one row, and no row ever changes."""

    id: int | None = big_id()
    sha256: str = Field(unique=True, max_length=64)
    kind: str = Field(max_length=24)
    steps: list[Any] = json_list()
    remind_at: str = Field(max_length=5)


class ReminderClock(SQLModel, table=True):
    """A policy that runs from and to certain days. Many deadlines share one, so the rules speak once for all."""

    id: int | None = big_id()
    key: str = Field(unique=True, max_length=80)
    policy_id: int = Field(foreign_key="reminderpolicy.id")
    started_on: dt.date
    due_on: dt.date | None = None
    due_at: dt.datetime | None = maybe_moment()


class Deadline(SQLModel, table=True):
    """One duty with its clock. ``next_at`` is when somebody hears of it next; None: nobody does any more.

    ``about`` is the subject of what the people on duty are told, ``above`` of what their superiors are told:
    one message for everything under it.
    """

    __table_args__ = (
        UniqueConstraint("kind", "subject", name="uq_deadline"),
        CheckConstraint("closed_at IS NULL OR next_at IS NULL", name="ck_deadline_closed_is_silent"),
    )
    id: int | None = big_id()
    kind: str = Field(max_length=24)
    subject: str = Field(max_length=60)  # "visit:17"
    root: str = Field(max_length=60, index=True)  # the row it is derived from
    about: str = Field(max_length=60)
    above: str = Field(max_length=60)
    tag: str = Field(default="", max_length=24)  # tells one run of the same duty from the next
    generation: int = 1
    department_id: int = Field(foreign_key="department.id")
    clock_id: int = Field(foreign_key="reminderclock.id", index=True)
    provisional: bool = False  # rests on a year whose holidays are not known
    next_at: dt.datetime | None = maybe_moment()
    opened_at: dt.datetime = moment()
    closed_at: dt.datetime | None = maybe_moment()


class DeadlineMember(SQLModel, table=True):
    """Somebody on duty for a deadline; superiors are found by their office instead."""

    deadline_id: int = Field(foreign_key="deadline.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True)
    who: str = Field(max_length=12)
    since: dt.datetime = moment()


class DutyHolder(SQLModel, table=True):
    """Who holds an office for a department now: lead, the department above, joint-conference office, librarian."""

    department_id: int = Field(foreign_key="department.id", primary_key=True)
    who: str = Field(primary_key=True, max_length=12)
    person_id: int = Field(foreign_key="person.id", primary_key=True)
    since: dt.datetime = moment()


class HushKind(StrEnum):
    ACKNOWLEDGED = "ACKNOWLEDGED"  # 收到: until it expires
    SNOOZED = "SNOOZED"  # 稍后提醒


class Hush(SQLModel, table=True):
    """One person asked not to be chased about one deadline until ``until``."""

    __table_args__ = (
        CheckConstraint(one_of("kind", HushKind), name="ck_hush_kind"),
        CheckConstraint("kind <> 'SNOOZED' OR reason <> ''", name="ck_hush_reason"),
    )
    deadline_id: int = Field(foreign_key="deadline.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True)
    kind: str = Field(max_length=12)
    until: dt.datetime = moment()
    reason: str = ""
    snoozes: int = 0  # so far, against the profile's limit
    at: dt.datetime = moment()


class ExtensionState(StrEnum):
    ASKED = "ASKED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


class Extension(SQLModel, table=True):
    """申请延期: a request to the lead, who grants or refuses it."""

    __table_args__ = (
        CheckConstraint(one_of("state", ExtensionState), name="ck_extension_state"),
        CheckConstraint("until > due_on", name="ck_extension_later"),
        CheckConstraint("reason <> ''", name="ck_extension_reason"),
        CheckConstraint("state = 'ASKED' OR decided_at IS NOT NULL", name="ck_extension_decided"),
    )
    id: int | None = big_id()
    deadline_id: int = Field(foreign_key="deadline.id", index=True)
    person_id: int = Field(foreign_key="person.id")
    due_on: dt.date  # the day it was asked from
    until: dt.date
    reason: str = Field(max_length=200)
    state: str = Field(default=ExtensionState.ASKED, max_length=8)
    asked_at: dt.datetime = moment()
    decided_at: dt.datetime | None = maybe_moment()
    decided_by: int | None = Field(default=None, foreign_key="person.id")


class LeaveRequest(SQLModel, table=True):
    """请假: granted, its visits are drawn to others and the officer is drawn no more for these days."""

    __table_args__ = (
        CheckConstraint(one_of("state", ExtensionState), name="ck_leave_state"),
        CheckConstraint("first_day <= last_day", name="ck_leave_days"),
        CheckConstraint("reason <> ''", name="ck_leave_reason"),
        Index(
            "uq_leave",
            "person_id",
            "first_day",
            "last_day",
            unique=True,
            sqlite_where=text("state <> 'REFUSED'"),
            postgresql_where=text("state <> 'REFUSED'"),
        ),
    )
    id: int | None = big_id()
    person_id: int = Field(foreign_key="person.id")
    first_day: dt.date
    last_day: dt.date
    reason: str = Field(max_length=200)
    state: str = Field(default=ExtensionState.ASKED, max_length=8)
    asked_at: dt.datetime = moment()
    decided_at: dt.datetime | None = maybe_moment()
    decided_by: int | None = Field(default=None, foreign_key="person.id")
    handed_over: int = 0  # visits drawn to others
    stayed: int = 0  # visits nobody else could be drawn for


class Heartbeat(SQLModel, table=True):
    """When a fixed tick last looked: the gap after it is what was late."""

    name: str = Field(primary_key=True, max_length=24)
    at: dt.datetime = moment()


def first_beat(session: Session, name: str, *, now: dt.datetime) -> None:
    """Make the row of a tick; another process may do so at the same moment."""
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert
    session.execute(make(Heartbeat).values(name=name, at=now).on_conflict_do_nothing())


Index(
    "ix_deadline_next",
    col(Deadline.next_at),
    col(Deadline.clock_id),
    sqlite_where=text("next_at IS NOT NULL"),
    postgresql_where=text("next_at IS NOT NULL"),
)
