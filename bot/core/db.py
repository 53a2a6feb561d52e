"""The database road: services are synchronous functions taking a Session; only the edges are async.

Services that write run in the threads of ``writers``. What must be stored before a chat service is answered is one
statement past SQLAlchemy and a commit of its own, and waits behind no service. Readers never block a writer.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlmodel import Session

from bot.core.engines import postgres_engine, sqlite_engine
from bot.core.errors import Problem
from bot.core.grouped import Grouped, Single
from bot.core.postgres_writers import PostgresWriters
from bot.core.sqlite_writer import SqliteWriter
from bot.core.writers import Writers

P = ParamSpec("P")
T = TypeVar("T")

_WRITERS = 4  # on PostgreSQL: enough that commits share a flush; more only wait for one another, and drafts beside photos longest
_DRIVERS = {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"}
_STILL = 30.0  # seconds after which PostgreSQL ends the transaction of a process that stands still in it


class Database:
    """Two engines over one database: one that writes, one that reads. Open with ``open_database``."""

    def __init__(
        self, url: str, *, info: dict[str, Any] | None = None, readers: int = 4, writers: int = _WRITERS,
        still: float = _STILL,
    ) -> None:  # fmt: skip
        self.url = make_url(url)
        self.info = info or {}  # in every Session.info: what services need and no caller should pass around
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.after_commit: list[Callable[[], None]] = []  # called in a worker thread when WAKE was set
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="db-read")
        self._writers: Writers
        self._unhurried: Writers
        if self.is_sqlite:
            self.engine = sqlite_engine(self.url, write=True)
            self._read_engine = sqlite_engine(self.url, write=False)
            self._writers = self._unhurried = SqliteWriter(self.engine, self.info, self.after_commit)
        else:
            self.engine = postgres_engine(self.url, connections=readers + writers + 2, still=still)
            self._read_engine = self.engine
            self._writers = PostgresWriters(self.engine, self.info, self.after_commit, threads=writers)
            self._unhurried = PostgresWriters(self.engine, self.info, self.after_commit, threads=1, group=1)

    # -- edges ------------------------------------------------------------------------------------------

    async def write(
        self, service: Callable[Concatenate[Session, P], T], *args: P.args, **values: P.kwargs
    ) -> T:
        """Run *service* in one transaction and return its result once it is committed."""
        return await asyncio.wrap_future(self.submit(service, *args, **values))

    async def read(self, query: Callable[Concatenate[Session, P], T], *args: P.args, **values: P.kwargs) -> T:
        """Run *query* on a reader; what it returns must not be lazy."""
        return await asyncio.wrap_future(self._readers.submit(lambda: self.read_now(query, *args, **values)))

    # -- command line and tests -------------------------------------------------------------------------

    def write_now(
        self, service: Callable[Concatenate[Session, P], T], *args: P.args, **values: P.kwargs
    ) -> T:
        """As ``write``, from ordinary code."""
        return self.submit(service, *args, **values).result()

    def read_now(self, query: Callable[Concatenate[Session, P], T], *args: P.args, **values: P.kwargs) -> T:
        """As ``read``, from ordinary code."""
        with Session(self._read_engine, expire_on_commit=False, info=dict(self.info)) as session:
            return query(session, *args, **values)

    def submit(
        self, service: Callable[Concatenate[Session, P], T], *args: P.args, **values: P.kwargs
    ) -> Future[T]:
        """As ``write``, without waiting."""

        if isinstance(service, Grouped):
            return self._writers.submit(service, service.make(*args, **values))
        single = Single(service)
        writers = self._unhurried if single.is_unhurried else self._writers
        return writers.submit(single, lambda session: service(session, *args, **values))

    async def write_first(self, statement: Callable[[Any], T]) -> T:
        """Run *statement* on the driver's own connection before whatever waits: a chat service waits for the answer.
        It writes with one statement, which happens whole or not at all and needs no savepoint."""
        return await asyncio.wrap_future(self._writers.first(statement))

    def close(self) -> None:
        """Finish what was submitted, then let go of every connection."""
        for writers in dict.fromkeys((self._unhurried, self._writers)):
            writers.close()
        self._readers.shutdown()
        self.engine.dispose()
        self._read_engine.dispose()


def think_long(session: Session) -> None:
    """For a service that computes for longer than others between two statements: it is not taken for a frozen one."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def open_database(url: str, *, info: dict[str, Any] | None = None) -> Database:
    """Open and try the database; a refusal names the setting, never the password."""
    shown = _address(url).render_as_string(hide_password=True)
    database = Database(url, info=info)
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except (DatabaseError, sqlite3.Error) as error:
        database.close()
        reason = next(iter(str(getattr(error, "orig", error)).splitlines()), type(error).__name__)
        raise Problem(
            "database_unreachable", "数据库打不开", SUICHA_DATABASE_URL=shown, 原因=reason
        ) from error
    return database


def _address(url: str) -> URL:
    """*url* parsed, or ``Problem`` ``database_url``; what cannot be parsed may hold a password anywhere."""
    expected = "应是 sqlite:///文件 或 postgresql+psycopg://用户:口令@主机:端口/库名"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise Problem("database_url", "数据库地址写法不对", SUICHA_DATABASE_URL=expected) from None
    if parsed.drivername not in _DRIVERS:
        raise Problem("database_url", "不支持这种数据库", SUICHA_DATABASE_URL=expected)
    return parsed
