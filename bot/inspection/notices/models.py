"""What somebody must be told, every attempt to tell, what came in, and the cards on people's screens."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel, col

from bot.core.tables import big_id, json_dict, maybe_moment, moment, one_of

# PostgreSQL writes a changed row anew; beside the old one it leaves the indexes alone
_ROOMY = {"postgresql_with": {"fillfactor": 60}}


class NoticeState(StrEnum):
    QUEUED = "queued"
    HELD = (
        "held"  # until ``not_before``: quiet hours, quota, the time to stop a mass telling; why in ``detail``
    )
    SENDING = "sending"  # leased by a process
    SENT = "sent"
    FAILED = "failed"  # for good, reason in ``detail``
    EXPIRED = "expired"  # useless by now
    WITHDRAWN = "withdrawn"  # its subject changed or closed
    SKIPPED = "skipped"  # the slice named a reason
    MERGED = "merged"  # told by the digest ``merged_into``, whose state is the truth


class Priority(StrEnum):
    URGENT = "0"
    ASSIGNMENT = "1"
    NORMAL = "2"
    REMINDER = "3"
    DIGEST = "4"


class Notice(SQLModel, table=True):
    """A promise to tell one person one thing. Committed with the change that made it necessary."""

    __table_args__ = (
        UniqueConstraint("subject", "kind", "recipient_id", "slot", name="uq_notice"),
        CheckConstraint(one_of("state", NoticeState), name="ck_notice_state"),
        CheckConstraint("state <> 'sending' OR lease_until IS NOT NULL", name="ck_notice_lease"),
        CheckConstraint("expires_at IS NULL OR expires_at > not_before", name="ck_notice_useful"),
        _ROOMY,
    )
    id: int | None = big_id()
    kind: str = Field(max_length=40)
    subject: str = Field(max_length=60)  # "visit:17"
    generation: int = 1  # of the subject; an older one is withdrawn
    recipient_id: int = Field(foreign_key="person.id", index=True)
    slot: str = Field(default="", max_length=60)  # which repetition: "T-3", "2026-03-11"
    priority: str = Field(default=Priority.NORMAL, max_length=1)
    statutory: bool = False  # ignores quiet hours
    data: dict[str, Any] = json_dict()
    not_before: dt.datetime = moment()  # also: the next try
    expires_at: dt.datetime | None = maybe_moment()
    state: str = Field(default=NoticeState.QUEUED, max_length=10)
    attempts: int = 0
    lease_until: dt.datetime | None = maybe_moment()
    lease_by: str = Field(default="", max_length=40)
    created_at: dt.datetime = moment()
    done_at: dt.datetime | None = maybe_moment()
    delivered_at: dt.datetime | None = maybe_moment()  # where the platform tells
    read_at: dt.datetime | None = maybe_moment()
    clicked_at: dt.datetime | None = maybe_moment()
    platform: str = Field(default="", max_length=16)
    detail: str = ""  # named reason of a skip, a failure, a withdrawal
    card_id: str = Field(default="", max_length=100)
    moved: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # to a next account, unanswered
    merged_into: int | None = Field(default=None, foreign_key="notice.id")
    mass_id: int | None = Field(default=None, foreign_key="masstelling.id")


class MassTelling(SQLModel, table=True):
    """Many notices at once by one person's act; until ``leaves_at`` that person may stop them."""

    id: int | None = big_id()
    caused_by: int = Field(foreign_key="person.id")
    what: str = Field(max_length=200)
    notices: int
    leaves_at: dt.datetime = moment()
    created_at: dt.datetime = moment()
    stopped_at: dt.datetime | None = maybe_moment()


class Attempt(SQLModel, table=True):
    """One try to tell, and what the platform said. Written before the request leaves, completed after."""

    __table_args__ = (UniqueConstraint("notice_id", "n", name="uq_attempt"), _ROOMY)
    id: int | None = big_id()
    notice_id: int = Field(foreign_key="notice.id")
    n: int
    platform: str = Field(max_length=16)
    target: str = Field(
        default="", max_length=200, sa_column_kwargs={"server_default": ""}
    )  # user id or address
    at: dt.datetime = moment()
    outcome: str = Field(default="sending", max_length=12)  # sending | sent | retry | failed | unknown
    code: str = Field(default="", max_length=80)
    detail: str = ""
    ref: str = ""
    repeated: bool = False  # may have been shown twice: the one before had an unknown outcome


class Card(SQLModel, table=True):
    """A card on somebody's screen; ``stale`` ones are refreshed by the sweep."""

    card_id: str = Field(primary_key=True, max_length=100)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    platform: str = Field(max_length=16)
    user_id: str = Field(max_length=128)
    token: str = ""  # WeCom response_codes, each good for one update
    shown: str = Field(
        default="", max_length=64
    )  # digest of what it shows: an update that changes nothing is saved
    kind: str = Field(max_length=40)
    subject: str = Field(max_length=60, index=True)
    stale: bool = False
    tries: int = 0
    not_before: dt.datetime | None = maybe_moment()
    held_until: dt.datetime | None = maybe_moment()  # one process is changing it: updates of a card queue up
    closed: bool = False
    sent_at: dt.datetime = moment()


class InboxState(StrEnum):
    NEW = "new"
    DONE = "done"
    FAILED = "failed"


class InboxEvent(SQLModel, table=True):
    """An event that was acknowledged to the platform; stored before the answer."""

    __table_args__ = (
        UniqueConstraint("platform", "event_id", name="uq_inbox_event"),
        CheckConstraint(one_of("state", InboxState), name="ck_inbox_state"),
    )
    id: int | None = big_id()
    platform: str = Field(max_length=16)
    event_id: str = Field(max_length=200)
    body: dict[str, Any] = json_dict()
    received_at: dt.datetime = moment()
    state: str = Field(default=InboxState.NEW, max_length=8)
    attempts: int = 0
    not_before: dt.datetime = moment()
    handled_at: dt.datetime | None = maybe_moment()
    error: str = ""


class Talk(SQLModel, table=True):
    """A conversation that waits for the person's next words: binding, a reason, question by question."""

    person_key: str = Field(primary_key=True, max_length=160)  # "wecom:insp007"
    topic: str = Field(max_length=40)
    data: dict[str, Any] = json_dict()
    since: dt.datetime = moment()


Index(
    "ix_notice_due",  # in the order in which it goes out
    col(Notice.priority),
    col(Notice.not_before),
    col(Notice.id),
    sqlite_where=text("state IN ('queued', 'held')"),
    postgresql_where=text("state IN ('queued', 'held')"),
)
Index(
    "ix_notice_leased",
    col(Notice.lease_until),
    sqlite_where=text("state = 'sending'"),
    postgresql_where=text("state = 'sending'"),
)
Index(
    "ix_inbox_new",
    col(InboxEvent.not_before),
    sqlite_where=text("state = 'new'"),
    postgresql_where=text("state = 'new'"),
)
Index("ix_card_stale", col(Card.not_before), sqlite_where=text("stale"), postgresql_where=text("stale"))
Index("ix_attempt_target", col(Attempt.platform), col(Attempt.target), col(Attempt.at))
Index(
    "ix_notice_sent",
    col(Notice.done_at),
    sqlite_where=text("state = 'sent' AND read_at IS NULL AND clicked_at IS NULL"),
    postgresql_where=text("state = 'sent' AND read_at IS NULL AND clicked_at IS NULL"),
)
# most notices have none: only the others stand in the index
for _column in ("merged_into", "mass_id"):
    _some = text(f"{_column} IS NOT NULL")
    Index(f"ix_notice_{_column}", Notice.__table__.c[_column], sqlite_where=_some, postgresql_where=_some)  # type: ignore[attr-defined]
