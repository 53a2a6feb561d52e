"""The threads that write on PostgreSQL. They do without savepoints, which cost two round trips: when anything of a group
fails, each of its services runs again in a transaction of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session

from bot.core.engines import may_pass, own_connection, repeated, was_lost
from bot.core.writers import GROUP, Done, Job, Writers

T = TypeVar("T")


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

    def _commit(self, first: Job) -> None:
        running: list[Job] = []
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

    def _write_alone(self, one: Job) -> None:
        try:
            done = repeated(lambda: self._write([[one]]), when_lost=lambda: not self._here.committing)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            one.end(error)
        else:
            self._answer(*done)

    def _write(self, group: Iterable[list[Job]]) -> tuple[Done, Session]:
        """Run a group in one transaction; its answers, and the session it shared."""
        self._here.committing = False
        done: Done = []
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


def _noted(group: Iterable[list[Job]], running: list[Job]) -> Iterator[list[Job]]:
    """The same group, noting who is of it."""
    for calls in group:
        running += calls
        yield calls
