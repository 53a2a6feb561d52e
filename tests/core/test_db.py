"""The database road: group commit, errors, retries, pragmas, closing."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, func, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, select

from bot.core.db import Database, open_database
from bot.core.errors import Problem
from bot.core.sqlite_writer import SqliteWriter
from bot.core.writers import WAKE
from bot.inspection.notices.models import Talk
from bot.inspection.people.models import Department


def add(session: Session, code: str) -> str:
    session.add(Department(code=code, name=code))  # not flushed: the end of the savepoint does it
    return code


def names(session: Session) -> list[str]:
    return sorted(session.exec(select(Department.code)))


def test_a_row_refused_only_when_it_is_flushed_fails_its_own_call_and_the_road_stays_open(
    db: Database,
) -> None:
    """Bug: the caller was answered twice, which ended SQLite's only writer thread; every later write hung."""
    db.write_now(add, "a")
    with pytest.raises(IntegrityError):
        db.write_now(add, "a")
    assert db.submit(add, "b").result(timeout=5) == "b"
    assert db.read_now(names) == ["a", "b"]


def test_in_a_group_each_call_gets_its_own_answer(sqlite_db: Database) -> None:
    """A hundred calls wait for the writer; then they share a commit, and the bad ones fail alone."""
    held, go = threading.Event(), threading.Event()

    def hold(_session: Session) -> None:
        held.set()
        assert go.wait(5)

    first = sqlite_db.submit(hold)
    assert held.wait(5)
    futures = [sqlite_db.submit(add, f"d{n // 2}") for n in range(100)]  # every second one is a repeat
    go.set()
    first.result(timeout=5)
    outcomes = [future.exception(timeout=5) for future in futures]
    assert [type(o).__name__ for o in outcomes] == ["NoneType", "IntegrityError"] * 50
    assert len(sqlite_db.read_now(names)) == 50


def test_an_answer_is_given_only_after_the_commit(sqlite_db: Database) -> None:
    future = sqlite_db.submit(add, "a")
    future.add_done_callback(lambda _f: seen.append(sqlite_db.read_now(names)))
    seen: list[list[str]] = []
    future.result(timeout=5)
    sqlite_db.write_now(lambda _s: None)
    assert seen == [["a"]]


def statement(code: str) -> Callable[[Any], str]:
    """A row of its own, as ``write_first`` takes it: past SQLAlchemy, on the driver's connection."""

    def run(driver: Any) -> str:
        row = f"VALUES ('{code}', 't', '{{}}', '2026-03-10')"
        driver.execute(f"INSERT INTO talk (person_key, topic, data, since) {row}")
        return code

    return run


def talks(session: Session) -> list[str]:
    return sorted(session.exec(select(Talk.person_key)))


async def test_what_comes_first_overtakes_what_waits_and_is_stored_for_itself(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go = threading.Event(), threading.Event()

    def hold(_session: Session) -> None:
        held.set()
        assert go.wait(5)
        monkeypatch.setattr(SqliteWriter, "slice", 5.0)  # for the next group

    def look(_session: Session) -> list[str]:
        return sqlite_db.read_now(talks)

    monkeypatch.setattr(SqliteWriter, "slice", -1.0)  # the first group takes nobody else

    first = sqlite_db.submit(hold)
    await asyncio.to_thread(held.wait, 5)
    looking = sqlite_db.submit(look)
    urgent = [asyncio.create_task(sqlite_db.write_first(statement(code))) for code in ("u", "v")]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*urgent) == ["u", "v"]
    # the second is of the same commit as the service, which has waited for one of them
    assert await asyncio.wrap_future(looking) == ["u"]
    assert first.result(5) is None
    assert sqlite_db.read_now(talks) == ["u", "v"]


async def test_what_comes_first_fails_alone(db: Database) -> None:
    await db.write_first(statement("a"))
    for _ in range(2):
        with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
            await db.write_first(statement("a"))
    assert await db.write_first(statement("b")) == "b"
    assert await db.write(add, "c") == "c"
    assert await db.read(talks) == ["a", "b"]


@pytest.mark.postgres
def test_a_deadlock_of_what_comes_first_is_repeated(postgres_url: str) -> None:
    tries = []

    def unlucky(driver: Any) -> str:
        tries.append(driver.autocommit)
        if len(tries) == 1:
            driver.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")
        return statement("a")(driver)

    with contextlib.closing(Database(postgres_url)) as db:
        assert asyncio.run(db.write_first(unlucky)) == "a"
        assert tries == [True, True]
        assert db.read_now(talks) == ["a"]


def test_when_the_commit_fails_everybody_of_the_group_is_told_and_nothing_is_stored(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_session: Session) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", full)
        with pytest.raises(OSError, match="disk full"):
            sqlite_db.write_now(add, "a")
    assert sqlite_db.read_now(names) == []
    sqlite_db.write_now(add, "b")
    assert sqlite_db.read_now(names) == ["b"]


async def test_a_caller_that_gave_up_does_not_stop_the_others(db: Database) -> None:
    task = asyncio.create_task(db.write(add, "a"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.write(add, "b")
    assert "b" in await db.read(names)


def test_callbacks_run_after_the_commit_and_only_when_somebody_must_be_told(db: Database) -> None:
    seen: list[list[str]] = []
    db.after_commit.append(lambda: seen.append(db.read_now(names)))

    def waking(session: Session) -> None:
        add(session, "a")
        session.info[WAKE] = True

    db.write_now(waking)
    db.write_now(add, "b")
    assert seen == [["a"]]


@pytest.mark.postgres
def test_a_deadlock_is_repeated_and_both_get_through(postgres_url: str) -> None:
    both = threading.Barrier(2)
    tries: list[str] = []

    def cross(session: Session, first: str, second: str) -> None:
        tries.append(first)
        session.execute(text("UPDATE department SET name = name || '!' WHERE code = :c"), {"c": first})
        if len(tries) <= 2:
            both.wait(5)
        session.execute(text("UPDATE department SET name = name || '!' WHERE code = :c"), {"c": second})

    with contextlib.closing(Database(postgres_url)) as db:
        for code in ("x", "y"):
            db.write_now(add, code)
        futures = [db.submit(cross, "x", "y"), db.submit(cross, "y", "x")]
        for future in futures:
            future.result(timeout=15)
        assert len(tries) >= 3  # the server may have ended one of them, or both
        assert db.read_now(lambda s: sorted(s.exec(select(Department.name)))) == ["x!!", "y!!"]


def test_sqlite_is_durable_strict_and_readers_never_block_on_the_writer(sqlite_db: Database) -> None:
    def pragma(session: Session, name: str) -> object:
        return session.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one()

    assert [sqlite_db.write_now(pragma, p) for p in ("journal_mode", "synchronous", "foreign_keys")] == [
        "wal",
        2,
        1,
    ]

    def slow(session: Session) -> int:
        add(session, "a")
        session.flush()
        return sqlite_db.read_now(lambda s: s.exec(select(func.count()).select_from(Department)).one())

    assert sqlite_db.write_now(slow) == 0  # the reader sees what was committed before


def test_what_was_submitted_before_closing_is_stored(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    futures = [db.submit(add, f"d{n}") for n in range(300)]
    db.close()
    assert all(future.done() and future.exception() is None for future in futures)
    again = Database(sqlite_url)
    assert len(again.read_now(names)) == 300
    again.close()


def test_a_database_that_cannot_be_opened_names_the_setting_and_never_the_password(tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        open_database(f"sqlite:///{tmp_path}/no/such/place.db")
    assert refused.value.key == "database_unreachable"
    with pytest.raises(Problem) as refused:
        open_database("postgresql+psycopg://user:hunter2@127.0.0.1:9/none")
    assert "hunter2" not in str(refused.value)
    assert "SUICHA_DATABASE_URL" in refused.value.fields


def test_a_commit_that_fails_is_the_failure_of_its_own_callers_only(db: Database) -> None:
    """Bug: on SQLite the transaction stayed open, and whoever came next was refused for it."""
    failed = []

    def on_commit(connection: Any) -> None:
        if not failed:
            failed.append(True)
            if not db.is_sqlite:  # there a COMMIT that fails has ended the transaction
                connection.connection.driver_connection.rollback()
            raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    event.listen(db.engine, "commit", on_commit)
    talk = {"topic": "t", "since": dt.datetime(2026, 3, 10, tzinfo=dt.UTC)}
    with pytest.raises(OperationalError, match="full"):
        db.write_now(lambda s: s.add(Talk(person_key="lost", **talk)))
    db.write_now(lambda s: s.add(Talk(person_key="kept", **talk)))
    assert db.read_now(lambda s: s.exec(select(Talk.person_key)).all()) == ["kept"]


@pytest.mark.postgres
async def test_who_asks_after_the_server_came_back_notices_nothing(postgres_url: str) -> None:
    """The pool's connections are all dead then; none is handed out, and nobody asks the server for it each time."""
    db = Database(postgres_url, readers=2, writers=2)
    end_all = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    try:
        for n in range(2):
            await asyncio.gather(
                *(db.write(add, f"{n}-{i}") for i in range(4)), *(db.read(names) for _ in range(4))
            )
            with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as server:
                ended = server.execute(end_all).fetchall()
            assert len(ended) >= 2
            stated = await db.write_first(lambda driver: driver.execute("SELECT 1").fetchone())
            assert stated == (1,)
        await db.write(add, "z")
        assert len(await db.read(names)) == 9
    finally:
        db.close()


def test_an_error_does_not_say_whom_it_was_about(db: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        db.write_now(lambda s: s.execute(
            text("INSERT INTO person (code, name, mobile) VALUES (:c, :n, :m)"), {"c": "P1", "n": "王芳", "m": "13800000001"}
        ))  # fmt: skip
    assert "INSERT INTO person" in str(caught.value)
    assert "parameters hidden" in str(caught.value)


@pytest.mark.postgres
async def test_a_statement_for_a_chat_service_does_not_wait_behind_services(postgres_url: str) -> None:
    """Bug: they shared their threads, so that a few long services held up every answer to the chat service."""
    db, done = Database(postgres_url, writers=2), threading.Event()
    long = [asyncio.ensure_future(db.write(lambda _session: done.wait(30))) for _ in range(4)]
    try:
        stated = db.write_first(lambda driver: driver.execute("SELECT 1").fetchone())
        assert await asyncio.wait_for(stated, 10) == (1,)
        assert not any(one.done() for one in long)
    finally:
        done.set()
        await asyncio.gather(*long)
        db.close()
