"""What processes without a smart bot's socket ask the one that has it."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel, col

from bot.core.tables import big_id, json_dict, moment, one_of


class CallState(StrEnum):
    NEW = "new"
    TAKEN = "taken"  # on its way: whether it arrived is not known until there is an answer
    DONE = "done"


class BotCall(SQLModel, table=True):
    """One frame to send. Rows are removed by who asked, and by the holder when nobody waits any more."""

    __table_args__ = (CheckConstraint(one_of("state", CallState), name="ck_botcall_state"),)
    id: int | None = big_id()
    bot: str = Field(max_length=100)
    cmd: str = Field(max_length=40)
    req_id: str = Field(default="", max_length=200)
    body: dict[str, Any] = json_dict()
    state: str = Field(default=CallState.NEW, max_length=8)
    answer: dict[str, Any] = json_dict()
    asked_at: dt.datetime = moment()


Index(
    "ix_botcall_new",
    col(BotCall.bot),
    col(BotCall.id),
    sqlite_where=text("state = 'new'"),
    postgresql_where=text("state = 'new'"),
)
