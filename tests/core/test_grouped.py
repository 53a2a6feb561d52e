"""Services over many calls: who runs together, and what a refusal or a failure does to the others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

import pytest
from sqlmodel import Session, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.core.grouped import Grouped
from bot.core.postgres_writers import PostgresWriters
from bot.core.sqlite_writer import SqliteWriter
from bot.inspection.people.models import Department
from tests.fakes.told import held_up


class Add(NamedTuple):
    code: str
    name: str = ""


class Shelf:
    """A service over many calls that notes which came together."""

    def __init__(self) -> None:
        self.together: list[list[str]] = []

    def add(self, session: Session, calls: Sequence[Add]) -> list[str | Problem]:
        self.together.append([call.code for call in calls])
        if any(call.name == "broken" for call in calls):
            raise ZeroDivisionError
        known = {one.code: one.name for one in session.exec(select(Department))}
        return [self._one(session, call, known.get(call.code)) for call in calls]

    def _one(self, session: Session, call: Add, known: str | None) -> str | Problem:
        if call.name == "refused":
            return Problem("forbidden", "不行")
        if known is None:
            session.add(Department(code=call.code, name=call.name))
        return known or call.name


@pytest.fixture
def alone(db: Database) -> Iterator[Database]:
    """A database with one writer, whose queue can be filled."""
    with contextlib.closing(Database(db.url.render_as_string(hide_password=False), writers=1)) as alone:
        yield alone


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    for writers in (PostgresWriters, SqliteWriter):
        monkeypatch.setattr(writers, "slice", 5.0)
    return Shelf()


def stored(db: Database) -> dict[str, str]:
    return db.read_now(lambda s: {one.code: one.name for one in s.exec(select(Department))})


def test_what_waits_runs_together_and_each_has_its_answer(alone: Database, shelf: Shelf) -> None:
    add = Grouped(Add, shelf.add, about=attrgetter("code"))
    with held_up(alone) as futures:
        futures += [alone.submit(add, f"c{n}", name=f"n{n}") for n in range(12)]
    assert [future.result() for future in futures] == [f"n{n}" for n in range(12)]
    assert sorted(map(len, shelf.together)) == [4, 8]
    assert len(stored(alone)) == 12


def test_two_calls_about_the_same_run_one_after_the_other(alone: Database, shelf: Shelf) -> None:
    add = Grouped(Add, shelf.add, about=attrgetter("code"))
    with held_up(alone) as futures:
        futures += [alone.submit(add, code, name=f"{n}") for n, code in enumerate("abacba")]
    assert [future.result() for future in futures] == ["0", "1", "0", "3", "1", "0"]
    assert shelf.together == [["a", "b", "c"], ["a", "b"], ["a"]]


def test_a_refusal_is_its_callers_alone(alone: Database, shelf: Shelf) -> None:
    add = Grouped(Add, shelf.add, about=attrgetter("code"))
    with held_up(alone) as futures:
        futures += [alone.submit(add, code, name="refused" if code == "b" else code) for code in "abc"]
    assert [type(future.exception()) for future in futures] == [type(None), Problem, type(None)]
    assert shelf.together == [["a", "b", "c"]]  # the others were not run again
    assert stored(alone) == {"a": "a", "c": "c"}


def test_a_failure_is_found_by_running_each_alone(alone: Database, shelf: Shelf) -> None:
    add = Grouped(Add, shelf.add, about=attrgetter("code"))
    with held_up(alone) as futures:
        futures += [alone.submit(add, code, name="broken" if code == "b" else code) for code in "abc"]
    assert [type(future.exception()) for future in futures] == [type(None), ZeroDivisionError, type(None)]
    assert shelf.together[0] == ["a", "b", "c"]
    assert shelf.together[-3:] == [["a"], ["b"], ["c"]]
    assert stored(alone) == {"a": "a", "c": "c"}


def test_who_gave_up_waiting_is_left_out(alone: Database, shelf: Shelf) -> None:
    add = Grouped(Add, shelf.add, about=attrgetter("code"))
    with held_up(alone) as futures:
        futures += [alone.submit(add, code, name=code) for code in "abc"]
        futures.pop(1).cancel()
    assert shelf.together == [["a", "c"]]


def test_called_in_another_service_it_raises_its_refusal(alone: Database, shelf: Shelf) -> None:
    add = Grouped(Add, shelf.add, about=attrgetter("code"))
    assert alone.write_now(lambda s: add(s, "a", name="1")) == "1"
    with pytest.raises(Problem):
        alone.write_now(lambda s: add(s, "b", name="refused"))
    assert stored(alone) == {"a": "1"}


def test_a_group_that_is_full_loses_nobody(alone: Database, shelf: Shelf) -> None:
    """Bug: whoever was taken from the queue after the last of a full group was never answered."""
    with held_up(alone) as futures:
        futures += [alone.submit(lambda _session, n=n: n) for n in range(600)]
    assert [future.result(5) for future in futures] == list(range(600))
    add = Grouped(Add, shelf.add, about=attrgetter("code"))
    with held_up(alone) as futures:
        futures += [alone.submit(add, f"c{n}", name=f"{n}") for n in range(600)]
    assert [future.result(5) for future in futures] == [f"{n}" for n in range(600)]
