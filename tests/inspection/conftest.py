"""One more database for the services, and an officer's desk with a visit on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.clock import ManualClock
from bot.core.db import Database
from tests.conftest import INFO
from tests.fakes.desk import Desk
from tests.fakes.visits import LI, WANG, make_visit


@pytest.fixture
def postgres_db(postgres_url: str) -> Iterator[Database]:
    """An empty PostgreSQL database, for what only several writers at once can show."""
    database = Database(postgres_url, info=INFO)
    yield database
    database.close()


@pytest.fixture
def desk(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    """A visit before its day."""
    db.write_now(make_visit, now=clock.now())
    return Desk(db, clock, tmp_path / "evidence")


@pytest.fixture
def opened(desk: Desk) -> Desk:
    """The same visit with both officers there and its form open."""
    desk.arrive(WANG, LI)
    desk.open()
    return desk
