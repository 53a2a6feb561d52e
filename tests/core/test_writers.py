"""Group commit on PostgreSQL: who shares a transaction, and what a failure in it does to the others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.grouped import unhurried
from bot.core.postgres_writers import PostgresWriters
from bot.inspection.people.models import Department
from tests.fakes.told import held_up

pytestmark = pytest.mark.postgres


@pytest.fixture
def alone(postgres_url: str) -> Iterator[Database]:
    """A database with one writer, whose queue can be filled."""
    with contextlib.closing(Database(postgres_url, writers=1)) as db:
        yield db


def add(session: Session, code: str) -> str:
    session.add(Department(code=code, name=code))  # flushed by the writer
    return code


def names(session: Session) -> list[str]:
    return sorted(session.exec(select(Department.code)))


def commits(db: Database) -> list[object]:
    seen: list[object] = []
    event.listen(db.engine, "commit", seen.append)
    return seen


def test_what_waits_shares_a_commit(alone: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgresWriters, "slice", 5.0)
    seen = commits(alone)
    with held_up(alone) as futures:
        futures += [alone.submit(add, f"d{n}") for n in range(20)]
    assert [future.result() for future in futures] == [f"d{n}" for n in range(20)]
    assert len(alone.read_now(names)) == 20
    assert len(seen) == 1  # the one that held them up was of the same group


def test_bad_ones_fail_alone_and_the_others_are_stored(alone: Database) -> None:
    with held_up(alone) as futures:
        futures += [alone.submit(add, f"d{n // 2}") for n in range(20)]  # every second one is a repeat
    outcomes = [future.exception() for future in futures]
    assert [type(outcome) for outcome in outcomes] == [type(None), IntegrityError] * 10
    assert len(alone.read_now(names)) == 10


def test_a_connection_that_breaks_in_a_group_is_noticed_by_nobody(alone: Database, postgres_url: str) -> None:
    tries: list[int] = []

    def broken(session: Session) -> str:
        number = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        tries.append(number)
        if len(tries) == 1:
            with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [number])
        return add(session, "b")

    with held_up(alone) as futures:
        futures += [alone.submit(add, "a"), alone.submit(broken), alone.submit(add, "c")]
    assert [future.result() for future in futures] == ["a", "b", "c"]
    assert len(set(tries)) == 2
    assert alone.read_now(names) == ["a", "b", "c"]


def test_a_group_whose_commit_breaks_is_told_for_nobody_knows(
    alone: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def commit(connection: psycopg.Connection[Any]) -> None:
        connection.close()
        raise psycopg.OperationalError("the connection is lost")

    def noted(session: Session, code: str) -> None:
        tries.append(add(session, code))

    alone.write_now(add, "before")  # a new connection commits its settings
    with held_up(alone) as futures:
        futures += [alone.submit(noted, code) for code in "abc"]
        monkeypatch.setattr(psycopg.Connection, "commit", commit)
        monkeypatch.setattr(PostgresWriters, "slice", 5.0)
    monkeypatch.undo()
    assert [type(future.exception()) for future in futures] == [OperationalError] * 3
    assert tries == ["a", "b", "c"]  # none was run twice
    assert alone.submit(add, "d").result(5) == "d"


def test_a_commit_that_the_server_refuses_fails_only_who_caused_it(alone: Database) -> None:
    """A check at the commit ends the whole group; each then has one of its own."""
    alone.write_now(lambda s: s.execute(text(
        "CREATE TABLE late (n INTEGER, CONSTRAINT once UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)"
    )) and None)  # fmt: skip

    def put(session: Session, n: int) -> None:
        session.execute(text("INSERT INTO late VALUES (:n)"), {"n": n})

    with held_up(alone) as futures:
        futures += [alone.submit(put, n) for n in (1, 2, 2, 3)]
    outcomes = [type(future.exception()) for future in futures]
    assert outcomes == [type(None), type(None), IntegrityError, type(None)]
    assert alone.read_now(lambda s: s.execute(text("SELECT n FROM late ORDER BY n")).scalars().all()) == [
        1,
        2,
        3,
    ]


def test_who_waits_for_a_quick_service_does_not_wait_for_a_long_one(
    alone: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that was long the last time it ran has a transaction of its own."""
    go = threading.Event()

    def long(_session: Session) -> None:
        assert go.wait(5)

    monkeypatch.setattr(PostgresWriters, "slice", 0.2)
    threading.Timer(0.3, go.set).start()
    alone.write_now(long)  # from now on it is known
    go.clear()
    with held_up(alone) as futures:
        quick, slow = alone.submit(add, "a"), alone.submit(long)
        futures += [quick]
    assert quick.result(5) == "a"
    assert not slow.done()
    assert alone.read_now(names) == ["a"]
    go.set()
    slow.result(5)


def test_an_unhurried_service_keeps_no_thread_from_others(alone: Database) -> None:
    entered, go = threading.Event(), threading.Event()

    @unhurried
    def keep(session: Session, code: str) -> str:
        entered.set()
        assert go.wait(5)
        return add(session, code)

    slow = alone.submit(keep, "slow")
    assert entered.wait(5)
    assert [alone.submit(add, f"d{n}").result(5) for n in range(3)] == ["d0", "d1", "d2"]
    assert not slow.done()
    go.set()
    assert slow.result(5) == "slow"
    assert alone.read_now(names) == ["d0", "d1", "d2", "slow"]
