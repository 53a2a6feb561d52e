"""Bring a database to the version of this code. Alembic is imported late: it takes half a second.

``bot/migrations/versions`` holds one file per concern, additive first, never edited once released.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bot.core.db import Database
from bot.core.errors import Problem

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).resolve().parent
_LOCK = 0x73756963686100  # "suicha": one process migrates, the others wait and find nothing left to do


@cache
def head() -> str:
    """The version this code expects; read from the files once."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see the module's docstring

    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(database: Database) -> str:
    """The version the database is at; empty when nothing was ever created. Changes nothing."""
    with database.engine.connect() as connection:
        return _current(connection)


def migrate(database: Database) -> tuple[str, str]:
    """Bring *database* to :func:`head` in one transaction; return (from, to).

    Raise ``Problem`` ``database_newer`` when the database is of a version this code does not know.
    """
    from alembic import command  # noqa: PLC0415

    config = _config()
    with database.engine.connect() as connection, _alone(connection):
        if connection.dialect.name == "postgresql":  # it reads every version's file in between
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        before = _current(connection)
        refuse_newer(before)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = _current(connection)
        connection.commit()
    return before, after


def is_unknown(version: str) -> bool:
    """Whether *version* is of a program newer than this one; an empty database is of none."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    return bool(version) and version not in known


def refuse_newer(version: str) -> None:
    """Raise ``Problem`` ``database_newer`` unless *version* is empty or one this code has."""
    if is_unknown(version):
        raise Problem(
            "database_newer", "数据库比程序新，请先升级随查再启动。", 数据库版本=version, 程序版本=head()
        )


def require_current(database: Database) -> None:
    """Raise ``Problem`` ``database_newer`` or ``database_not_migrated`` unless *database* is at :func:`head`."""
    found = current(database)
    if found == head():
        return
    refuse_newer(found)
    raise Problem(
        "database_not_migrated", "数据库还没有建立或版本较旧，请先运行 suicha migrate。", 数据库=found or "空"
    )


def draft(message: str) -> Path:
    """Write the next file of ``versions`` from what the models have and the files so far have not."""
    from alembic import command  # noqa: PLC0415

    database = Database("sqlite://")
    try:
        migrate(database)
        config = _config()
        with database.engine.connect() as connection:
            config.attributes["connection"] = connection
            number = f"{int(_current(connection) or 0) + 1:04d}"
            script = command.revision(config, message, autogenerate=True, rev_id=number)
    finally:
        database.close()
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def _current(connection: Connection) -> str:
    from alembic.migration import MigrationContext  # noqa: PLC0415

    return MigrationContext.configure(connection).get_current_revision() or ""


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keep other migrators out. SQLite's own lock does that; there the foreign keys rest meanwhile, because
    batch mode drops and recreates tables that others refer to."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction, so it comes before it
    try:
        yield
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys=ON")
