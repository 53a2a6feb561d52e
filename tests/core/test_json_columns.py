"""What is kept in a JSON column comes back as it was, whichever library wrote it."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, select

from bot.core.clock import UTC
from bot.core.db import Database
from bot.inspection.notices.models import Talk

NOW = dt.datetime(2026, 3, 10, tzinfo=UTC)


class Word(str):
    """A kind of text that the quick library does not know."""

    __slots__ = ()


def _keep(session: Session, data: dict[str, Any]) -> None:
    session.add(Talk(person_key="wecom:a", topic="t", data=data, since=NOW))


def _kept(session: Session) -> dict[str, Any]:
    return session.exec(select(Talk.data)).one()


def test_words_stay_readable_in_the_column(db: Database) -> None:
    data = {"值": "否，标签缺失", "n": [1, 2.5, None, True], "of": {"empty": {}}}
    db.write_now(_keep, data)
    assert db.read_now(_kept) == data
    assert "标签缺失" in db.read_now(
        lambda s: str(s.execute(text("SELECT CAST(data AS text) FROM talk")).scalar_one())
    )


def test_what_only_the_standard_library_knows_is_kept_too(db: Database) -> None:
    db.write_now(_keep, {"kind": Word("食品"), "none": {None: 1}})
    assert db.read_now(_kept) == {"kind": "食品", "none": {"null": 1}}


def test_a_nan_of_an_earlier_release_is_still_read(sqlite_db: Database) -> None:
    sqlite_db.write_now(_keep, {})
    sqlite_db.write_now(lambda s: s.execute(text("UPDATE talk SET data = '{\"x\": NaN}'")))
    assert math.isnan(sqlite_db.read_now(_kept)["x"])
