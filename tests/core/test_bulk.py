"""Many rows in one go are the rows that SQLAlchemy itself would have stored."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Date, Float, Integer, String, select
from sqlalchemy.exc import DataError

from bot.core.bulk import OverRows, insert_many
from bot.core.clock import CHINA
from bot.core.db import Database
from bot.core.tables import BigId, Moment
from bot.inspection.notices.models import Notice, Priority
from bot.inspection.notices.service import row
from tests.fakes.builders import NOW, make_person

TABLE = Notice.__table__  # type: ignore[attr-defined]


def rows(person: int, count: int) -> list[dict[str, Any]]:
    later = NOW + dt.timedelta(days=1, microseconds=7)
    return [
        row("draw_voided", f"task:{n}", recipient_id=person, now=NOW, expires_at=later if n % 2 else None,
            priority=Priority.URGENT, statutory=bool(n % 3), data={"户": n} if n % 5 else None)
        for n in range(count)
    ]  # fmt: skip


def test_many_rows_are_those_that_were_given(db: Database) -> None:
    person = db.write_now(lambda s: make_person(s).id or 0)
    given = rows(person, 40)
    assert db.write_now(lambda s: insert_many(s.connection(), TABLE, given)) == 40

    def stored(session: Any) -> list[dict[str, Any]]:
        found = session.connection().execute(select(TABLE).order_by(TABLE.c.id)).mappings()
        return [{name: one[name] for name in given[0]} for one in found]

    assert db.read_now(stored) == given


def test_rows_there_are_already_are_left_and_not_counted(db: Database) -> None:
    person = db.write_now(lambda s: make_person(s).id or 0)
    given = rows(person, 12)

    def put(some: list[dict[str, Any]]) -> int:
        return db.write_now(lambda s: insert_many(s.connection(), TABLE, some, unless_there=True))

    assert [put(given[:5]), put(given), put([])] == [5, 7, 0]


def test_rows_given_as_parameters_are_taken_as_they_are(db: Database) -> None:
    kinds = {"n": BigId, "words": String(), "so": Boolean()}
    walked = OverRows(kinds, lambda given: select(given.c.n, given.c.words, given.c.so).order_by(given.c.n))
    given = [
        [n, words, bool(n % 2)]
        for n, words in enumerate(
            ["", "NULL", 'a"b', "c\\d", "{e,f}", " g ", "h\ni\t", "幸福超市，“一”", "%s :x"]
        )
    ]
    found = db.read_now(lambda s: walked.run(s.connection(), given).rows())
    assert [[row.n, row.words, bool(row.so)] for row in found] == given
    assert db.read_now(lambda s: walked.run(s.connection(), []).rows()) == []


def test_days_moments_json_and_nothing_are_taken_as_columns_take_them(db: Database) -> None:
    kinds = {"n": Integer(), "who": BigId, "words": String(), "day": Date(), "at": Moment(), "said": JSON()}
    walked = OverRows(kinds, lambda given: select(*given.c).order_by(given.c.n))
    china = dt.datetime(2026, 3, 10, 9, 30, 0, 7, CHINA)
    given = [
        (1, 2**40, 'a"\\', dt.date(2026, 3, 9), NOW, {"户": [1, None, 'x"y\\z'], "t": ""}),
        (2, None, None, None, None, None),
        (3, 0, "", dt.date(1, 1, 1), china, []),
    ]
    found = db.read_now(lambda s: walked.run(s.connection(), given).rows())
    assert [tuple(row) for row in found] == given
    nowhere = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="timezone"):
        db.read_now(lambda s: walked.run(s.connection(), [(1, 1, "", None, nowhere, [])]))


@pytest.mark.postgres
def test_a_text_too_long_for_its_column_is_refused_and_not_cut_off(postgres_url: str) -> None:
    with contextlib.closing(Database(postgres_url)) as db:
        person = db.write_now(lambda s: make_person(s).id or 0)
        given = [
            row("draw_voided", "task:1", recipient_id=person, now=NOW, slot="x" * 60 + end) for end in "ab"
        ]
        with pytest.raises(DataError):
            db.write_now(lambda s: insert_many(s.connection(), TABLE, given, unless_there=True))


def test_a_text_with_a_nul_is_refused_and_not_cut_off(db: Database) -> None:
    walked = OverRows({"words": TABLE.c.slot.type}, lambda given: select(given.c.words))
    with pytest.raises((ValueError, DataError)):
        db.read_now(lambda s: walked.run(s.connection(), [["a"], [None], ["b\x00c"]]).rows())


def test_a_number_with_a_fraction_stays_what_it_was(db: Database) -> None:
    third = OverRows(
        {"n": Integer(), "km": Float()}, lambda given: select(given.c.n).where(given.c.km == 1 / 3)
    )
    given = [[1, 1 / 3], [2, 0.333333333333333], [3, None], [4, -2.0]]
    assert [row.n for row in db.read_now(lambda s: third.run(s.connection(), given).rows())] == [1]
