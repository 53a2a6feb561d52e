"""The thread that writes on SQLite. It runs each service of a group in a savepoint: an exception rolls back only its
own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from bot.core.engines import own_connection
from bot.core.writers import SOON, Done, Job, Writers

T = TypeVar("T")


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
        return self._put(SOON, statement)

    def _commit(self, first: Job) -> None:
        # never twice in a row while a service waits
        self._was_alone = first.when == SOON and not (self._was_alone and not self._jobs.empty())
        if self._was_alone:
            self._commit_alone(first)
        else:
            self._commit_together(first)

    def _commit_alone(self, one: Job) -> None:
        if not one.begins():
            return
        try:
            with own_connection(self._engine) as driver:
                answer = one.call(driver)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            answer = error
        one.end(answer)

    def _commit_together(self, first: Job) -> None:
        done: Done = []
        taken: list[Job] = []
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

    def _each_or_all(self, calls: list[Job], session: Session, *, first_of_all: bool) -> Done:
        """Run *calls* at once, and when that fails one by one; who fails alone has its error."""
        try:
            with _first_of_all(session) if first_of_all else session.begin_nested():
                return self._run(calls, session)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, handed over whole
            session.expunge_all()
            if len(calls) == 1:
                calls[0].end(error)
                return []
        done: Done = []
        for one in calls:
            done += self._each_or_all([one], session, first_of_all=first_of_all and not done)
        return done


@contextmanager
def _first_of_all(session: Session) -> Iterator[None]:
    """In place of a savepoint: nothing stands before the first of a group that its failure could take along."""
    try:
        yield
        session.flush()
    except BaseException:
        session.rollback()
        raise
