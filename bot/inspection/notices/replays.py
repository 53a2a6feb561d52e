"""What came under each callback signature that does not cover its body (DingTalk robot messages and cards)."""

from __future__ import annotations

import datetime as dt

from sqlmodel import Field, SQLModel

from bot.core.tables import moment


class SeenCallback(SQLModel, table=True):
    """A body that came under a signature; both as SHA-256. Kept as long as the signature could be replayed."""

    signature: str = Field(primary_key=True, max_length=64)
    body: str = Field(primary_key=True, max_length=64)
    at: dt.datetime = moment(index=True)
