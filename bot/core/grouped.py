"""Services as the writing threads run them: one call alone, or over the many calls that queued up, with statements over
all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from sqlmodel import Session

from bot.core.errors import Problem

P = ParamSpec("P")
C = TypeVar("C")
T = TypeVar("T")
S = TypeVar("S", bound=Callable[..., Any])


class Service(Protocol):
    """What a call is run by, with those that came with it; an answer that is an exception is its caller's alone."""

    name: str
    most: int  # calls at once

    def run(self, session: Session, calls: Sequence[Any], /) -> Sequence[Any]: ...


class Grouped(Generic[P, C, T]):
    """A service that is written over many calls, and called for one like any other.

    *run* answers each call in order, with a ``Problem`` where it is refused; refused it has changed nothing. *make* makes
    a call of the arguments, and *about* names what it changes: two calls about the same run one after the other.
    """

    most = 8  # calls at once: whoever is the first of them waits for the last

    def __init__(
        self,
        make: Callable[P, C],
        run: Callable[[Session, Sequence[C]], Sequence[T | Problem]],
        about: Callable[[C], Hashable],
    ) -> None:
        self.make, self._run, self._about = make, run, about
        self.name = f"{run.__module__}.{run.__qualname__}"
        self.__doc__ = run.__doc__

    def __call__(self, session: Session, /, *args: P.args, **values: P.kwargs) -> T:
        (answer,) = self._run(session, [self.make(*args, **values)])
        if isinstance(answer, Problem):
            raise answer
        return answer

    def run(self, session: Session, calls: Sequence[C], /) -> list[T | Problem]:
        """The answers to *calls*, in order."""
        answers: dict[int, T | Problem] = {}
        waiting = list(enumerate(calls))
        while waiting:
            now: dict[Hashable, tuple[int, C]] = {}
            later = []
            for n, call in waiting:
                if now.setdefault(self._about(call), (n, call))[0] != n:
                    later.append((n, call))
            found = self._run(session, [call for _, call in now.values()])
            answers.update(zip((n for n, _ in now.values()), found, strict=True))
            waiting = later
        return [answers[n] for n in range(len(calls))]


def each(calls: Iterable[C], answer: Callable[[C], T]) -> list[T | Problem]:
    """The *answer* to each, or why it was refused."""
    answers: list[T | Problem] = []
    for call in calls:
        try:
            answers.append(answer(call))
        except Problem as problem:
            answers.append(problem)
    return answers


class Single:
    """An ordinary service: its one call is a function over the session."""

    most = 1

    def __init__(self, service: Callable[..., Any]) -> None:
        self.name = _name_of(service)
        self.is_unhurried = self.name in _UNHURRIED

    def run(self, session: Session, calls: Sequence[Callable[[Session], Any]], /) -> list[Any]:
        return [call(session) for call in calls]


_UNHURRIED: set[str] = set()


def unhurried(service: S) -> S:
    """A service that writes much, and whose caller waits anyway: on PostgreSQL, where several write at once, it goes a road
    of its own, so that it keeps no thread from those who wait for theirs."""
    _UNHURRIED.add(_name_of(service))
    return service


def _name_of(service: Callable[..., Any]) -> str:
    return f"{service.__module__}.{getattr(service, '__qualname__', type(service).__qualname__)}"
