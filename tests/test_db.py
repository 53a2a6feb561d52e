"""The database road on both databases."""

from __future__ import annotations

import asyncio

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
