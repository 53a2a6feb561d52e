"""What stands in a group of the platform as well: promised in the transaction of the change, like every message."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, Session, SQLModel, select

from bot.core.tables import big_id, maybe_moment, moment, one_of


class PostResult(StrEnum):
    SENDING = "SENDING"
    SENT = "SENT"
    RETRY = "RETRY"
    UNKNOWN = "UNKNOWN"  # no answer came, or the process died meanwhile
    FAILED = "FAILED"  # for good


class GroupPost(SQLModel, table=True):
    """One matter for the groups; every platform with a group robot posts it once, until ``useless_after``."""

    __table_args__ = (UniqueConstraint("kind", "subject", name="uq_group_post"),)
    id: int | None = big_id()
    kind: str = Field(max_length=40)
    subject: str = Field(max_length=60)
    created_at: dt.datetime = moment()
    useless_after: dt.datetime = moment(index=True)


class GroupAttempt(SQLModel, table=True):
    """One try of one platform, noted before it leaves: the window of its robot is read from these by all processes."""

    __table_args__ = (
        UniqueConstraint("post_id", "platform", "n", name="uq_group_attempt"),
        CheckConstraint(one_of("result", PostResult), name="ck_group_attempt_result"),
        Index(
            "uq_group_attempt_sent", "post_id", "platform", unique=True,
            sqlite_where=text("result = 'SENT'"), postgresql_where=text("result = 'SENT'"),
        ),
        Index("ix_group_attempt_window", "platform", "at"),
    )  # fmt: skip
    id: int | None = big_id()
    post_id: int = Field(foreign_key="grouppost.id")
    platform: str = Field(max_length=40)
    n: int
    at: dt.datetime = moment()
    result: str = Field(default=PostResult.SENDING, max_length=8)
    retry_at: dt.datetime | None = maybe_moment()
    code: str = Field(default="", max_length=60)


def post_to_groups(
    session: Session, kind: str, subject: str, *, now: dt.datetime, useless_after: dt.datetime
) -> None:
    """Promise that the groups get *kind* about *subject*; twice is once."""
    known = select(GroupPost.id).where(GroupPost.kind == kind, GroupPost.subject == subject)
    if session.exec(known).first() is None:
        session.add(GroupPost(kind=kind, subject=subject, created_at=now, useless_after=useless_after))
