"""The database road: services are synchronous functions taking a Session; only the edges are async.

On SQLite one writer thread takes what has queued up, runs each service in a savepoint, commits once (group commit)
and then answers each caller; an exception rolls back only its own savepoint. On PostgreSQL a pool of threads runs
one transaction each and repeats it on serialization failure or deadlock. What must be stored before a chat service is
answered is one statement past SQLAlchemy and a commit of its own, and waits behind no service. Readers never block the
writer.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlmodel import Session

from bot.core.engines import own_connection, postgres_engine, repeated, sqlite_engine
from bot.core.errors import Problem
from bot.core.log import log

P = ParamSpec("P")
T = TypeVar("T")

_BATCH = 256  # services in one group commit
_SLICE = 0.01  # seconds after which a group commit takes no further service
_SOON, _IN_TURN, _AT_LAST = range(3)
_WRITERS = 4  # on PostgreSQL: enough that commits share a flush; more only wait for one another, and drafts beside photos longest
_DRIVERS = {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"}
_STILL = 30.0  # seconds after which PostgreSQL ends the transaction of a process that stands still in it
WAKE = "wake"  # key in Session.info: somebody must be told, so delivery looks at once


@dataclass(order=True, slots=True)
class _Job:
    """A service in the writer's queue, or a statement that comes before all of them; else in the order they came."""

    when: int
    number: int
    job: Callable[[Any], Any] = field(
        compare=False
    )  # takes a Session, or the driver's connection when it is urgent
    future: Future[Any] = field(compare=False)

    def run(self, session: Session) -> Any:
        return self.job(driver_of(session) if self.when == _SOON else session)


def driver_of(session: Session) -> Any:
    """The driver's own connection, inside the session's transaction."""
    return session.connection().connection.driver_connection


def _nothing(_session: Session) -> None:
    """The end of the queue."""


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
        if self.is_sqlite:
            self.engine = sqlite_engine(self.url, write=True)
            self._read_engine = sqlite_engine(self.url, write=False)
            self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
            self._numbers = itertools.count()
            self._thread = threading.Thread(target=self._write_loop, name="db-write", daemon=True)
            self._thread.start()
        else:
            self.engine = postgres_engine(self.url, connections=readers + writers + 1, still=still)
            self._read_engine = self.engine
            self._writers = ThreadPoolExecutor(writers, thread_name_prefix="db-write")
            self._first = ThreadPoolExecutor(1, thread_name_prefix="db-first")

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

        def job(session: Session) -> T:
            return service(session, *args, **values)

        return self._queue(_IN_TURN, job) if self.is_sqlite else self._writers.submit(self._write_once, job)

    async def write_first(self, statement: Callable[[Any], T]) -> T:
        """Run *statement* on the driver's own connection before whatever waits: a chat service waits for the answer.
        It writes with one statement, which happens whole or not at all and needs no savepoint."""
        if self.is_sqlite:
            return await asyncio.wrap_future(self._queue(_SOON, statement))
        return await asyncio.wrap_future(self._first.submit(self._state_once, statement))

    def _queue(self, when: int, job: Callable[[Any], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put(_Job(when, next(self._numbers), job, future))
        return future

    def close(self) -> None:
        """Finish what was submitted, then let go of every connection."""
        if self.is_sqlite:
            self._queue(_AT_LAST, _nothing)
            self._thread.join()
        else:
            self._writers.shutdown()
            self._first.shutdown()
        self._readers.shutdown()
        self.engine.dispose()
        self._read_engine.dispose()

    # -- PostgreSQL -------------------------------------------------------------------------------------

    def _write_once(self, job: Callable[[Session], T]) -> T:
        committing = False  # if the connection breaks then, nobody knows

        def write() -> tuple[T, bool]:
            nonlocal committing
            committing = False
            with Session(self.engine, expire_on_commit=False, info=dict(self.info)) as session:
                result = job(session)
                session.flush()
                committing = True
                session.commit()
                return result, bool(session.info.get(WAKE))

        result, wake = repeated(write, when_lost=lambda: not committing)
        self._tell(wake)
        return result

    def _state_once(self, statement: Callable[[Any], T]) -> T:
        def state() -> T:
            with own_connection(self.engine) as driver:
                return statement(driver)

        return repeated(state)

    # -- SQLite -----------------------------------------------------------------------------------------

    def _write_loop(self) -> None:
        was_alone = False
        while (first := self._jobs.get()).when != _AT_LAST:
            # never twice in a row while a service waits
            if alone := first.when == _SOON and not (was_alone and not self._jobs.empty()):
                self._commit_alone(first)
            else:
                self._commit_together(first)
            was_alone = alone

    def _commit_alone(self, one: _Job) -> None:
        if not one.future.set_running_or_notify_cancel():
            return
        try:
            with own_connection(self.engine) as driver:
                result = one.job(driver)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            one.future.set_exception(error)
        else:
            one.future.set_result(result)

    def _commit_together(self, first: _Job) -> None:
        done: list[tuple[Future[Any], Any]] = []
        taken: list[_Job] = []
        try:
            with Session(self.engine, expire_on_commit=False, info=dict(self.info)) as session:
                for one in self._batch(first):
                    taken.append(one)
                    if not one.future.set_running_or_notify_cancel():
                        continue
                    try:
                        with session.begin_nested() if done else _first_of_all(session):
                            result = one.run(session)
                        done.append((one.future, result))  # only now is it flushed
                    except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
                        one.future.set_exception(error)
                    session.expunge_all()
                session.commit()
                wake = bool(session.info.get(WAKE))
        except BaseException as error:  # noqa: BLE001 - disk full, locked: every caller of the batch must know
            for one in taken:
                if not one.future.done():
                    one.future.set_exception(error)
            return
        for future, result in done:
            future.set_result(result)
        self._tell(wake)

    def _batch(self, first: _Job) -> Iterator[_Job]:
        """*first* and what has queued up, for as long as nobody waits too long for the commit."""
        until = time.monotonic() + _SLICE
        one = first
        for _ in range(_BATCH):
            yield one
            if time.monotonic() > until or self._jobs.empty():
                return
            one = self._jobs.get()
            if one.when == _AT_LAST:
                self._jobs.put(one)
                return

    def _tell(self, wake: bool) -> None:
        for callback in self.after_commit if wake else ():
            try:
                callback()
            except Exception:  # noqa: BLE001 - the commit stands, and the one writer thread must live on
                log.exception("after_commit_broke")


@contextmanager
def _first_of_all(session: Session) -> Iterator[None]:
    """In place of a savepoint: nothing stands before the first of a group that its failure could take along."""
    try:
        yield
        session.flush()
    except BaseException:
        session.rollback()
        raise


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
