"""What sending costs and how fast it may go: the quota ledger by day, and limits somebody set."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from bot.core.tables import moment


class QuotaSpend(SQLModel, table=True):
    """How much of a monthly budget was used on a Chinese calendar day (sheet dingtalk 10.1)."""

    __table_args__ = (CheckConstraint("n >= 0", name="ck_quota_spend"),)
    platform: str = Field(primary_key=True, max_length=16)
    budget: str = Field(primary_key=True, max_length=8)  # calls | pushes
    day: dt.date = Field(primary_key=True)
    n: int = 0


class SendLimit(SQLModel, table=True):
    """A limit set while running; it stands in for the platform's own of the same scope and window.

    ``scope`` is person | conversation | robot | app | corp with a window in seconds, or a monthly budget
    (calls | pushes) with ``seconds`` 0.
    """

    __table_args__ = (CheckConstraint("count >= 0 AND seconds >= 0", name="ck_send_limit"),)
    platform: str = Field(primary_key=True, max_length=16)
    scope: str = Field(primary_key=True, max_length=12)
    seconds: int = Field(primary_key=True)
    count: int
    set_at: dt.datetime = moment()
