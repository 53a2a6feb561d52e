"""The threads that write. What has queued up shares a transaction and its commit (group commit), and each caller is
answered after it. Calls of a ``Grouped`` service that queued up share its statements, too.

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
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session

from bot.core.engines import may_pass, own_connection, repeated, was_lost
from bot.core.log import log

T = TypeVar("T")
S = TypeVar("S", bound=Callable[..., Any])

GROUP = 256  # services in one commit, at most
_SOON, _IN_TURN, _AT_LAST = range(3)
WAKE = "wake"  # key in Session.info: somebody must be told, so delivery looks at once
UNHURRIED: set[str] = set()


def unhurried(service: S) -> S:
    """A service that writes much, and whose caller waits anyway: on PostgreSQL, where several write at once, it goes a road
    of its own, so that it keeps no thread from those who wait for theirs."""
    UNHURRIED.add(name_of(service))
    return service


def name_of(service: Callable[..., Any]) -> str:
    return f"{service.__module__}.{getattr(service, '__qualname__', type(service).__qualname__)}"


class Service(Protocol):
    """What a call is run by, with those that came with it; an answer that is an exception is its caller's alone."""

    name: str
    most: int  # calls at once

    def run(self, session: Session, calls: Sequence[Any], /) -> Sequence[Any]: ...


@dataclass(order=True, slots=True)
class _Job:
    """A call in the queue, or a statement that comes before all of them; else in the order they came."""

    when: int
    number: int
    call: Any = field(compare=False)
    service: Service | None = field(compare=False, default=None)
    future: Future[Any] = field(compare=False, default_factory=Future)

    def begins(self) -> bool:
        """Whether its caller still waits."""
        return self.future.set_running_or_notify_cancel()

    def end(self, answer: Any) -> None:
        """Hand the answer to the caller; an error whole, unless it has its answer."""
        if not isinstance(answer, BaseException):
            self.future.set_result(answer)
        elif not self.future.done():
            self.future.set_exception(answer)


_Done = list[tuple[_Job, Any]]


class Writers(ABC):
    """One queue of services, and threads that take groups from it."""

    slice: float  # seconds after which a group takes no further service; one that took longer last time goes alone
    group: int = GROUP
    ends_with_many: bool  # whether a group ends with what was run over many calls

    def __init__(
        self, engine: Engine, info: dict[str, Any], after_commit: Sequence[Callable[[], None]]
    ) -> None:
        self._engine, self._info, self._after_commit = engine, info, after_commit
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._long: set[str] = set()  # services of which a call took longer than a slice when they ran last
        self._threads: list[threading.Thread] = []

    def submit(self, service: Service, call: Any) -> Future[Any]:
        """Run *call* in a transaction."""
        return self._put(_IN_TURN, call, service)

    @abstractmethod
    def first(self, statement: Callable[[Any], T]) -> Future[T]:
        """Run *statement* on the driver's own connection, committed alone, before what waits."""

    def close(self) -> None:
        """Finish what was submitted."""
        self._put(_AT_LAST, None)
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

    def _put(self, when: int, call: Any, service: Service | None = None) -> Future[Any]:
        job = _Job(when, next(self._numbers), call, service)
        self._jobs.put(job)
        return job.future

    def _group(self, first: _Job) -> Iterator[list[_Job]]:
        """*first* and what has queued up, for as long as nobody waits too long for the commit; each time the calls that
        are run at once."""
        until, room = time.monotonic() + self.slice, self.group
        one: _Job | None = first
        while one is not None:
            calls = [one]
            most = one.service.most if one.service else 1
            while len(calls) < most and (another := self._take(like=one)):
                calls.append(another)
            if waiting := [job for job in calls if job.begins()]:
                yield waiting
            room = 0 if most > 1 and self.ends_with_many else room - len(calls)
            one = self._take() if room > 0 and time.monotonic() < until else None

    def _take(self, like: _Job | None = None) -> _Job | None:
        """What is next, if it may share a commit, and is a call of the same service as *like*."""
        try:
            one = self._jobs.get_nowait()
        except queue.Empty:
            return None
        apart = one.when == _AT_LAST or (one.service is not None and one.service.name in self._long)
        if apart or (like is not None and one.service is not like.service):
            self._jobs.put(one)  # to where it was
            return None
        return one

    def _session(self) -> Session:
        return Session(self._engine, expire_on_commit=False, info=dict(self._info))

    def _run(self, calls: list[_Job], session: Session) -> _Done:
        service = calls[0].service
        if service is None:
            return [(one, one.call(driver_of(session))) for one in calls]
        began = time.monotonic()
        try:
            answers = service.run(session, [one.call for one in calls])
        finally:
            took = (time.monotonic() - began) / len(calls)
            (self._long.add if took > self.slice else self._long.discard)(service.name)
        session.flush()
        session.expunge_all()
        return list(zip(calls, answers, strict=True))

    def _answer(self, done: _Done, session: Session) -> None:
        for one, answer in done:
            one.end(answer)
        for callback in self._after_commit if session.info.get(WAKE) else ():
            try:
                callback()
            except Exception:  # noqa: BLE001 - the commit stands, and the writing thread must live on
                log.exception("after_commit_broke")


class SqliteWriter(Writers):
    """One thread: SQLite lets one write at a time."""

    slice = 0.01
    ends_with_many = False

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
        if not one.begins():
            return
        try:
            with own_connection(self._engine) as driver:
                answer = one.call(driver)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            answer = error
        one.end(answer)

    def _commit_together(self, first: _Job) -> None:
        done: _Done = []
        taken: list[_Job] = []
        try:
            with self._session() as session:
                for calls in self._group(first):
                    taken += calls
                    done += self._each_or_all(calls, session, first_of_all=not done)
                session.commit()
        except BaseException as error:  # noqa: BLE001 - disk full, locked: every caller of the group must know
            for one in taken:
                one.end(error)
            return
        self._answer(done, session)

    def _each_or_all(self, calls: list[_Job], session: Session, *, first_of_all: bool) -> _Done:
        """Run *calls* at once, and when that fails one by one; who fails alone has its error."""
        try:
            with _first_of_all(session) if first_of_all else session.begin_nested():
                return self._run(calls, session)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            session.expunge_all()
            if len(calls) == 1:
                calls[0].end(error)
                return []
        done: _Done = []
        for one in calls:
            done += self._each_or_all([one], session, first_of_all=first_of_all and not done)
        return done


class PostgresWriters(Writers):
    """Several threads, each with a connection, and one more for statements that wait behind no service."""

    slice = 0.05  # the threads wait for one another, and for the server
    # such a service locks its rows in order; the next one in the same commit might wait for who waits for it
    ends_with_many = True

    def __init__(
        self, engine: Engine, info: dict[str, Any], after_commit: Sequence[Callable[[], None]], *, threads: int,
        group: int = GROUP,
    ) -> None:  # fmt: skip
        super().__init__(engine, info, after_commit)
        self.group = group
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
            done = self._write(_noted(self._group(first), running))
        except BaseException as error:  # noqa: BLE001 - it is the callers', handed over whole
            if self._is_unknown(error) or (len(running) == 1 and not may_pass(error)):
                for one in running:
                    one.end(error)
            else:
                for one in running:
                    self._write_alone(one)
        else:
            self._answer(*done)

    def _write_alone(self, one: _Job) -> None:
        try:
            done = repeated(lambda: self._write([[one]]), when_lost=lambda: not self._here.committing)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            one.end(error)
        else:
            self._answer(*done)

    def _write(self, group: Iterable[list[_Job]]) -> tuple[_Done, Session]:
        """Run a group in one transaction; its answers, and the session it shared."""
        self._here.committing = False
        done: _Done = []
        with self._session() as session:
            for calls in group:
                done += self._run(calls, session)
            session.commit()
        return done, session

    def _commits(self, _connection: Connection) -> None:
        self._here.committing = True

    def _is_unknown(self, error: BaseException) -> bool:
        """Whether nobody can say if it is stored: the connection broke while it committed."""
        return self._here.committing and was_lost(error)


def _noted(group: Iterable[list[_Job]], running: list[_Job]) -> Iterator[list[_Job]]:
    """The same group, noting who is of it."""
    for calls in group:
        running += calls
        yield calls


def driver_of(session: Session) -> Any:
    """The driver's own connection, inside the session's transaction."""
    return session.connection().connection.driver_connection


@contextmanager
def _first_of_all(session: Session) -> Iterator[None]:
    """In place of a savepoint: nothing stands before the first of a group that its failure could take along."""
    try:
        yield
        session.flush()
    except BaseException:
        session.rollback()
        raise
