"""A rig for each test: on both databases, or on SQLite where the database is not the subject."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.clock import ManualClock
from bot.core.db import Database
from tests.conftest import INFO
from tests.messaging.rig import Rig, write_templates


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "messages"
    place.mkdir()
    return write_templates(place)


@pytest.fixture
async def rig(db: Database, clock: ManualClock, folder: Path) -> Rig:
    return Rig(db, clock, folder)


@pytest.fixture
async def small(sqlite_db: Database, clock: ManualClock, folder: Path) -> Rig:
    return Rig(sqlite_db, clock, folder)


@pytest.fixture
def postgres_db(postgres_url: str) -> Iterator[Database]:
    """An empty PostgreSQL database, for what only several writers at once can show."""
    database = Database(postgres_url, info=INFO)
    yield database
    database.close()
