"""The queue of the threads that write. What has queued up shares a transaction and its commit (group commit), and each
caller is answered after it; calls of a ``Grouped`` service share its statements, too. ``sqlite_writer`` and
``postgres_writers`` say how a group is run.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from bot.core.grouped import Service
from bot.core.log import log

T = TypeVar("T")

GROUP = 256  # services in one commit, at most
SOON, IN_TURN, AT_LAST = range(3)
WAKE = "wake"  # key in Session.info: somebody must be told, so delivery looks at once


@dataclass(order=True, slots=True)
class Job:
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


Done = list[tuple[Job, Any]]


class Writers(ABC):
    """One queue of services, and threads that take groups from it."""

    slice: float  # seconds after which a group takes no further service; one that took longer last time goes alone
    group: int = GROUP
    ends_with_many: bool  # whether a group ends with what was run over many calls

    def __init__(
        self, engine: Engine, info: dict[str, Any], after_commit: Sequence[Callable[[], None]]
    ) -> None:
        self._engine, self._info, self._after_commit = engine, info, after_commit
        self._jobs: queue.PriorityQueue[Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._long: set[str] = set()  # services of which a call took longer than a slice when they ran last
        self._threads: list[threading.Thread] = []

    def submit(self, service: Service, call: Any) -> Future[Any]:
        """Run *call* in a transaction."""
        return self._put(IN_TURN, call, service)

    @abstractmethod
    def first(self, statement: Callable[[Any], T]) -> Future[T]:
        """Run *statement* on the driver's own connection, committed alone, before what waits."""

    def close(self) -> None:
        """Finish what was submitted."""
        self._put(AT_LAST, None)
        for thread in self._threads:
            thread.join()

    def _start(self, threads: int) -> None:
        for _ in range(threads):
            thread = threading.Thread(target=self._loop, name="db-write", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _loop(self) -> None:
        while (first := self._jobs.get()).when != AT_LAST:
            self._commit(first)
        self._jobs.put(first)  # the other threads end, too

    @abstractmethod
    def _commit(self, first: Job) -> None:
        """Run *first*, and what else fits into its commit, and answer their callers."""

    def _put(self, when: int, call: Any, service: Service | None = None) -> Future[Any]:
        job = Job(when, next(self._numbers), call, service)
        self._jobs.put(job)
        return job.future

    def _group(self, first: Job) -> Iterator[list[Job]]:
        """*first* and what has queued up, for as long as nobody waits too long for the commit; each time the calls that
        are run at once."""
        until, room = time.monotonic() + self.slice, self.group
        one: Job | None = first
        while one is not None:
            calls = [one]
            most = one.service.most if one.service else 1
            while len(calls) < most and (another := self._take(like=one)):
                calls.append(another)
            if waiting := [job for job in calls if job.begins()]:
                yield waiting
            room = 0 if most > 1 and self.ends_with_many else room - len(calls)
            one = self._take() if room > 0 and time.monotonic() < until else None

    def _take(self, like: Job | None = None) -> Job | None:
        """What is next, if it may share a commit, and is a call of the same service as *like*."""
        try:
            one = self._jobs.get_nowait()
        except queue.Empty:
            return None
        apart = one.when == AT_LAST or (one.service is not None and one.service.name in self._long)
        if apart or (like is not None and one.service is not like.service):
            self._jobs.put(one)  # to where it was
            return None
        return one

    def _session(self) -> Session:
        return Session(self._engine, expire_on_commit=False, info=dict(self._info))

    def _run(self, calls: list[Job], session: Session) -> Done:
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

    def _answer(self, done: Done, session: Session) -> None:
        for one, answer in done:
            one.end(answer)
        for callback in self._after_commit if session.info.get(WAKE) else ():
            try:
                callback()
            except Exception:  # noqa: BLE001 - the commit stands, and the writing thread must live on
                log.exception("after_commit_broke")


def driver_of(session: Session) -> Any:
    """The driver's own connection, inside the session's transaction."""
    return session.connection().connection.driver_connection
