"""The threads that write. What has queued up shares a transaction and its commit (group commit), and each caller is
answered after it.

On SQLite one thread runs each service of a group in a savepoint: an exception rolls back only its own. On PostgreSQL
several threads do without, because a savepoint costs two round trips: when anything of a group fails, each of its
services runs again in a transaction of its own.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session

from bot.core.engines import may_pass, own_connection, repeated, was_lost
from bot.core.log import log

T = TypeVar("T")

_GROUP = 256  # services in one commit
_SOON, _IN_TURN, _AT_LAST = range(3)
WAKE = "wake"  # key in Session.info: somebody must be told, so delivery looks at once


@dataclass(order=True, slots=True)
class _Job:
    """A service in the queue, or a statement that comes before all of them; else in the order they came."""

    when: int
    number: int
    run: Callable[[Any], Any] = field(compare=False)
    future: Future[Any] = field(compare=False)
    name: str = field(compare=False)

    def fail(self, error: BaseException) -> None:
        """Hand the error to the caller, whole, unless it has its answer."""
        if not self.future.done():
            self.future.set_exception(error)


class Writers(ABC):
    """One queue of services, and threads that take groups from it."""

    slice: float  # seconds after which a group takes no further service; one that took longer last time goes alone

    def __init__(
        self, engine: Engine, info: dict[str, Any], after_commit: Sequence[Callable[[], None]]
    ) -> None:
        self._engine, self._info, self._after_commit = engine, info, after_commit
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._long: set[str] = set()  # services that took longer than a slice when they ran last
        self._threads: list[threading.Thread] = []

    def submit(self, name: str, job: Callable[[Session], T]) -> Future[T]:
        """Run *job* in a transaction; *name* is its service's."""
        return self._put(_IN_TURN, job, name)

    @abstractmethod
    def first(self, statement: Callable[[Any], T]) -> Future[T]:
        """Run *statement* on the driver's own connection, committed alone, before what waits."""

    def close(self) -> None:
        """Finish what was submitted."""
        self._put(_AT_LAST, _nothing)
        for thread in self._threads:
            thread.join()

    def _start(self, threads: int) -> None:
        for _ in range(threads):
            thread = threading.Thread(target=self._loop, name="db-write", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _loop(self) -> None:
        while (first := self._jobs.get()).when != _AT_LAST:
            self._commit(first)
        self._jobs.put(first)  # the other threads end, too

    @abstractmethod
    def _commit(self, first: _Job) -> None:
        """Run *first*, and what else fits into its commit, and answer their callers."""

    def _put(self, when: int, run: Callable[[Any], T], name: str = "") -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put(_Job(when, next(self._numbers), run, future, name))
        return future

    def _group(self, first: _Job) -> Iterator[_Job]:
        """*first* and what has queued up, for as long as nobody waits too long for the commit."""
        until = time.monotonic() + self.slice
        one = first
        for _ in range(_GROUP):
            yield one
            if time.monotonic() > until:
                return
            try:
                one = self._jobs.get_nowait()
            except queue.Empty:
                return
            if one.when == _AT_LAST or one.name in self._long:
                self._jobs.put(one)  # to where it was
                return

    def _session(self) -> Session:
        return Session(self._engine, expire_on_commit=False, info=dict(self._info))

    def _run(self, one: _Job, session: Session) -> Any:
        began = time.monotonic()
        try:
            return one.run(driver_of(session) if one.when == _SOON else session)
        finally:
            (self._long.add if time.monotonic() - began > self.slice else self._long.discard)(one.name)

    def _answer(self, done: Sequence[tuple[_Job, Any]], session: Session) -> None:
        for one, result in done:
            one.future.set_result(result)
        for callback in self._after_commit if session.info.get(WAKE) else ():
            try:
                callback()
            except Exception:  # noqa: BLE001 - the commit stands, and the writing thread must live on
                log.exception("after_commit_broke")


class SqliteWriter(Writers):
    """One thread: SQLite lets one write at a time."""

    slice = 0.01

    def __init__(
        self, engine: Engine, info: dict[str, Any], after_commit: Sequence[Callable[[], None]]
    ) -> None:
        super().__init__(engine, info, after_commit)
        self._was_alone = False
        self._start(1)

    def first(self, statement: Callable[[Any], T]) -> Future[T]:
        return self._put(_SOON, statement)

    def _commit(self, first: _Job) -> None:
        # never twice in a row while a service waits
        self._was_alone = first.when == _SOON and not (self._was_alone and not self._jobs.empty())
        if self._was_alone:
            self._commit_alone(first)
        else:
            self._commit_together(first)

    def _commit_alone(self, one: _Job) -> None:
        if not one.future.set_running_or_notify_cancel():
            return
        try:
            with own_connection(self._engine) as driver:
                result = one.run(driver)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            one.fail(error)
        else:
            one.future.set_result(result)

    def _commit_together(self, first: _Job) -> None:
        done: list[tuple[_Job, Any]] = []
        taken: list[_Job] = []
        try:
            with self._session() as session:
                for one in self._group(first):
                    taken.append(one)
                    if not one.future.set_running_or_notify_cancel():
                        continue
                    try:
                        with session.begin_nested() if done else _first_of_all(session):
                            result = self._run(one, session)
                        done.append((one, result))  # only now is it flushed
                    except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
                        one.fail(error)
                    session.expunge_all()
                session.commit()
        except BaseException as error:  # noqa: BLE001 - disk full, locked: every caller of the group must know
            for one in taken:
                one.fail(error)
            return
        self._answer(done, session)


class PostgresWriters(Writers):
    """Several threads, each with a connection, and one more for statements that wait behind no service."""

    slice = 0.05  # the threads wait for one another, and for the server

    def __init__(
        self, engine: Engine, info: dict[str, Any], after_commit: Sequence[Callable[[], None]], *, threads: int
    ) -> None:  # fmt: skip
        super().__init__(engine, info, after_commit)
        self._first = ThreadPoolExecutor(1, thread_name_prefix="db-first")
        self._here = threading.local()  # whether this thread commits just now
        event.listen(engine, "commit", self._commits)
        self._start(threads)

    def first(self, statement: Callable[[Any], T]) -> Future[T]:
        return self._first.submit(self._state_once, statement)

    def close(self) -> None:
        super().close()
        self._first.shutdown()

    def _state_once(self, statement: Callable[[Any], T]) -> T:
        def state() -> T:
            with own_connection(self._engine) as driver:
                return statement(driver)

        return repeated(state)

    def _commit(self, first: _Job) -> None:
        running: list[_Job] = []
        try:
            done = self._write(one for one in self._group(first) if _begins(one, running))
        except BaseException as error:  # noqa: BLE001 - it is the callers', handed over whole
            if self._is_unknown(error) or (len(running) == 1 and not may_pass(error)):
                for one in running:
                    one.fail(error)
            else:
                for one in running:
                    self._write_alone(one)
        else:
            self._answer(*done)

    def _write_alone(self, one: _Job) -> None:
        try:
            done = repeated(lambda: self._write([one]), when_lost=lambda: not self._here.committing)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            one.fail(error)
        else:
            self._answer(*done)

    def _write(self, jobs: Iterable[_Job]) -> tuple[list[tuple[_Job, Any]], Session]:
        """Run *jobs* in one transaction; their results, and the session they shared."""
        self._here.committing = False
        done = []
        with self._session() as session:
            for one in jobs:
                done.append((one, self._run(one, session)))
                session.flush()
                session.expunge_all()
            session.commit()
        return done, session

    def _commits(self, _connection: Connection) -> None:
        self._here.committing = True

    def _is_unknown(self, error: BaseException) -> bool:
        """Whether nobody can say if it is stored: the connection broke while it committed."""
        return self._here.committing and was_lost(error)


def _begins(one: _Job, running: list[_Job]) -> bool:
    """Whether its caller still waits; then it is noted."""
    begins = one.future.set_running_or_notify_cancel()
    if begins:
        running.append(one)
    return begins


def driver_of(session: Session) -> Any:
    """The driver's own connection, inside the session's transaction."""
    return session.connection().connection.driver_connection


def _nothing(_session: Session) -> None:
    """The end of the queue."""


@contextmanager
def _first_of_all(session: Session) -> Iterator[None]:
    """In place of a savepoint: nothing stands before the first of a group that its failure could take along."""
    try:
        yield
        session.flush()
    except BaseException:
        session.rollback()
        raise
