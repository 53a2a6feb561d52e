"""The audit chain: append-only, each entry holds the hash of the one before (C34)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Field, SQLModel

from bot.core.tables import json_dict, moment


class AuditEntry(SQLModel, table=True):
    """``actor`` is a salted digest: erasing a person never breaks the chain."""

    seq: int = Field(primary_key=True)
    at: dt.datetime = moment()
    actor: str = Field(max_length=32)
    action: str = Field(max_length=40, index=True)
    subject: str = Field(max_length=80, index=True)
    data: dict[str, Any] = json_dict()
    prev_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class AuditHead(SQLModel, table=True):
    """The end of the chain; locking this one row orders the writers."""

    id: int = Field(default=1, primary_key=True)
    seq: int = 0
    hash: str = Field(default="0" * 64, max_length=64)
