"""The database road on both databases."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from bot.core.db import Database
from bot.inspection.people.models import Department


def add(session: Session, code: str) -> None:
    session.add(Department(code=code, name=code))
    session.flush()


def codes(session: Session) -> list[str]:
    return list(session.exec(select(Department.code).order_by(Department.code)))


async def test_what_was_answered_is_stored(db: Database) -> None:
    await asyncio.gather(*(db.write(add, f"d{i:03}") for i in range(100)))
    assert len(await db.read(codes)) == 100


async def test_an_error_rolls_back_only_its_own_service(db: Database) -> None:
    def half(session: Session) -> None:
        add(session, "lost")
        raise ValueError("no")

    results = await asyncio.gather(
        db.write(add, "a"), db.write(half), db.write(add, "b"), db.write(add, "a"), return_exceptions=True
    )
    kinds = [type(r).__name__ for r in results]
    assert kinds[1:3] == ["ValueError", "NoneType"]
    # on PostgreSQL either of the two may come first
    assert sorted([kinds[0], kinds[3]]) == ["IntegrityError", "NoneType"]
    assert (await db.read(codes)) == ["a", "b"]


async def test_readers_cannot_write_on_sqlite(sqlite_db: Database) -> None:
    with pytest.raises(OperationalError):
        await sqlite_db.read(add, "x")


@pytest.mark.postgres
async def test_a_process_that_stands_still_in_a_transaction_holds_nobody_up_and_begins_anew(
    postgres_url: str,
) -> None:
    """Found by the frozen process: the same callback, pushed to the other one, waited for a lock that nobody held."""
    frozen, other = Database(postgres_url, still=0.5), Database(postgres_url)
    inside, thawed = threading.Event(), threading.Event()
    tries: list[list[str]] = []

    def stand_still(session: Session) -> None:
        tries.append(codes(session))
        if len(tries) == 1:
            add(session, "same")
            inside.set()
            thawed.wait(60)

    standing = frozen.submit(stand_still)
    try:
        assert await asyncio.to_thread(inside.wait, 20)
        await asyncio.wait_for(other.write(add, "same"), 20)
    finally:
        thawed.set()
    await asyncio.wrap_future(standing)
    assert tries == [[], ["same"]]
    frozen.close()
    other.close()
