"""The chat services' access tokens, which every process of an installation shares."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Field, SQLModel

from bot.core.tables import json_dict, maybe_moment


class PlatformToken(SQLModel, table=True):
    """One app's token, sealed; who is fetching another one; and why the last try was refused for good."""

    key: str = Field(primary_key=True, max_length=120)  # "wecom:wwdemo:1000017"
    sealed: str = ""  # empty: none yet
    renew_at: dt.datetime | None = maybe_moment()
    ends_at: dt.datetime | None = maybe_moment()
    lease_until: dt.datetime | None = maybe_moment()
    lease_by: str = Field(default="", max_length=40)
    error: dict[str, Any] = json_dict()  # code, detail, cls, advice of a refusal that only a person can mend
    error_until: dt.datetime | None = maybe_moment()
