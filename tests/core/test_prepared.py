"""A prepared statement says what SQLAlchemy would have said, on both databases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import Table, bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from bot.core.db import Database
from bot.core.prepared import Prepared, together
from bot.core.tables import Moment
from bot.inspection.notices.models import InboxEvent

TABLE: Table = InboxEvent.__table__  # type: ignore[attr-defined]
AT = dt.datetime(2026, 3, 10, 9, 30, 1, 7, tzinfo=dt.timezone(dt.timedelta(hours=8)))
KEEP = Prepared(
    insert(TABLE).values({
        **{name: bindparam(name) for name in ("event_id", "body", "received_at")},
        "platform": "wecom", "state": "new", "attempts": 0, "error": "", "not_before": bindparam("received_at"),
    })
)  # fmt: skip
KEPT = Prepared(
    select(TABLE.c.event_id, TABLE.c.body, TABLE.c.received_at, TABLE.c.handled_at).where(
        TABLE.c.event_id == bindparam("event"), TABLE.c.state == "new"
    )
)
MARK = Prepared(
    update(TABLE)
    .where(TABLE.c.event_id == bindparam("event"))
    .values(state="done", handled_at=bindparam("at"))
    .returning(TABLE.c.id, TABLE.c.handled_at)
)


def keep(session: Session, event: str) -> int:
    return KEEP.run(session.connection(), event_id=event, body={"户": [1, None]}, received_at=AT).count


def test_values_go_in_and_come_back_as_the_model_has_them(db: Database) -> None:
    assert db.write_now(keep, "e-1") == 1
    (row,) = db.read_now(lambda s: KEPT.run(s.connection(), event="e-1").rows())
    assert (row.event_id, row.body, row.received_at, row.handled_at) == ("e-1", {"户": [1, None]}, AT, None)
    assert row.received_at.utcoffset() == dt.timedelta(0)
    assert db.read_now(lambda s: KEPT.run(s.connection(), event="e-2").rows()) == []


def test_what_a_change_returns_is_read_like_a_question(db: Database) -> None:
    db.write_now(keep, "e-1")
    (row,) = db.write_now(lambda s: MARK.run(s.connection(), event="e-1", at=AT).rows())
    assert row.handled_at == AT
    assert db.write_now(lambda s: MARK.run(s.connection(), event="nobody", at=AT).count) == 0


def test_each_database_may_have_words_of_its_own(db: Database) -> None:
    mine = Prepared(lambda name: text(f"UPDATE inboxevent SET error = '{name}' WHERE received_at = :at").bindparams(  # noqa: S608
        bindparam("at", type_=Moment())
    ))  # fmt: skip
    db.write_now(keep, "e-1")
    assert db.write_now(lambda s: mine.run(s.connection(), at=AT).count) == 1


def test_a_moment_without_a_zone_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="timezone"):
        db.write_now(lambda s: MARK.run(s.connection(), event="e", at=AT.replace(tzinfo=None)).rows())


def test_an_error_is_that_of_sqlalchemy_and_keeps_the_values_to_itself(db: Database) -> None:
    db.write_now(keep, "13800000001")
    with pytest.raises(IntegrityError) as caught:
        db.write_now(keep, "13800000001")
    assert "INSERT INTO inboxevent" in str(caught.value)
    assert "户" not in str(caught.value)
    assert db.write_now(keep, "e-2") == 1


def test_changes_told_together_are_all_made_or_none(db: Database) -> None:
    def both(session: Session, *events: str) -> None:
        with together(session.connection()):
            for event in events:
                keep(session, event)

    db.write_now(both, "e-1", "e-2")
    with pytest.raises(IntegrityError):
        db.write_now(both, "e-3", "e-1", "e-4")
    assert db.write_now(keep, "e-5") == 1
    kept = db.read_now(lambda s: s.execute(select(TABLE.c.event_id).order_by(TABLE.c.id)).scalars().all())
    assert kept == ["e-1", "e-2", "e-5"]


def asked(session: Session) -> Any:
    return KEPT.run(session.connection(), event="e-1").rows()


def asked_together(session: Session) -> Any:
    with together(session.connection()):
        answer = KEPT.run(session.connection(), event="e-1")
    return answer.rows()


def asked_as_ever(session: Session) -> Any:
    return session.execute(select(TABLE.c.event_id)).all()


@pytest.mark.postgres
@pytest.mark.parametrize("ask", [asked, asked_together, asked_as_ever])
def test_what_breaks_before_it_is_committed_is_done_again(
    postgres_url: str, ask: Callable[[Session], Any]
) -> None:
    """The server restarts, or ends a process that stood still: nothing of it was stored, and the caller notices nothing."""
    db, other = Database(postgres_url), Database(postgres_url)
    tries: list[Any] = []

    def broken(session: Session) -> None:
        number = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        keep(session, "e-1")
        tries.append(number)
        if len(tries) == 1:
            end = text("SELECT pg_terminate_backend(:n, 5000)")
            assert other.read_now(lambda s: s.execute(end, {"n": number}).scalar_one())
        assert len(ask(session)) == 1

    try:
        db.write_now(broken)
        assert len(set(tries)) == 2
        assert len(db.read_now(asked_as_ever)) == 1
    finally:
        db.close()
        other.close()


@pytest.mark.postgres
def test_what_breaks_while_it_is_committed_is_told_for_nobody_knows(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = Database(postgres_url)
    tries: list[int] = []

    def commit(connection: psycopg.Connection[Any]) -> None:
        connection.close()
        raise psycopg.OperationalError("the connection is lost")

    def once(session: Session) -> None:
        tries.append(keep(session, "e-1"))
        monkeypatch.setattr(psycopg.Connection, "commit", commit)

    try:
        with pytest.raises(OperationalError):
            db.write_now(once)
        monkeypatch.undo()
        assert tries == [1]
        assert db.write_now(keep, "e-2") == 1
    finally:
        db.close()
