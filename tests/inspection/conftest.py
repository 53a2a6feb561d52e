"""One more database for the services."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.core.db import Database
from tests.conftest import INFO


@pytest.fixture
def postgres_db(postgres_url: str) -> Iterator[Database]:
    """An empty PostgreSQL database, for what only several writers at once can show."""
    database = Database(postgres_url, info=INFO)
    yield database
    database.close()
