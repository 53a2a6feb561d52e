"""The migrations make exactly the models' tables, on both databases, and keep what an older version wrote."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bot.core.coordinates import to_gcj02
from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.audit import service as audit
from bot.inspection.checklists.models import Answer
from bot.inspection.draws.models import Draw
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Person
from bot.inspection.registry.models import InspectionObject
from bot.inspection.tables import METADATA
from bot.inspection.tasks.models import CheckIn, Visit
from bot.migrations import current, head, migrate, refuse_newer

SAMPLES = Path(__file__).resolve().parent / "samples"
INFO = {"audit_salt": "salt-for-tests-only"}


@pytest.fixture
def empty_postgres(postgres_server: str) -> Iterator[str]:
    plain = postgres_server.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE DATABASE suicha_empty")
    yield make_url(postgres_server).set(database="suicha_empty").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("DROP DATABASE suicha_empty WITH (FORCE)")


@pytest.fixture
def empty_sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = Database(request.getfixturevalue(f"empty_{request.param}"), info=INFO)
    yield database
    database.close()


def test_an_empty_database_becomes_what_the_models_say(empty: Database) -> None:
    assert current(empty) == ""

    assert migrate(empty) == ("", head())

    assert current(empty) == head()
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_checks_and_partial_indexes_are_those_of_the_models(empty: Database) -> None:
    migrate(empty)
    migrated = _rules(empty)
    with empty.engine.begin() as connection:
        METADATA.drop_all(connection)
        METADATA.create_all(connection)

    assert migrated == _rules(empty)
    assert ("notice", "ix_notice_due") in migrated
    assert ("visit", "ck_visit_state") in migrated


def test_no_index_repeats_the_beginning_of_a_key() -> None:
    """It would be written with every row, and nobody would be faster for it."""
    repeated = []
    for table in METADATA.sorted_tables:
        whole = [index for index in table.indexes if index.dialect_options["postgresql"]["where"] is None]
        unique = [
            rule for rule in table.constraints if isinstance(rule, PrimaryKeyConstraint | UniqueConstraint)
        ]
        keys = {key.name: [column.name for column in key.columns] for key in (*whole, *unique)}
        for index in whole:
            mine = keys[index.name]
            repeated += [
                index.name for name, key in keys.items() if name != index.name and key[: len(mine)] == mine
            ]
    assert repeated == []


def test_a_visit_taken_back_leaves_its_number_to_nobody(empty_sqlite: str) -> None:
    database = Database(empty_sqlite, info=INFO)
    migrate(database)
    with database.engine.connect() as connection:
        counted = connection.execute(
            text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
        ).all()
    database.close()
    assert {name for (name,) in counted} == {"visit", "visitofficer"}


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    migrate(empty)

    assert migrate(empty) == (head(), head())


def test_two_processes_may_migrate_at_once(empty: Database) -> None:
    other = Database(empty.url.render_as_string(hide_password=False), info=INFO)
    assert current(empty) == current(other) == ""  # both have opened it
    seen: list[tuple[str, str]] = []
    threads = [threading.Thread(target=lambda d=d: seen.append(migrate(d))) for d in (empty, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other.close()

    assert sorted(seen) == [("", head()), (head(), head())]


def test_a_newer_database_is_refused_and_left_as_it_is(empty: Database) -> None:
    migrate(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Problem) as refused:
        migrate(empty)

    assert refused.value.key == "database_newer"
    assert "9999" in str(refused.value)
    assert current(empty) == "9999"


def test_a_known_or_missing_version_is_not_refused() -> None:
    refuse_newer("")
    refuse_newer(head())


def test_foreign_keys_hold_again_after_a_migration(empty_sqlite: str) -> None:
    database = Database(empty_sqlite, info=INFO)
    migrate(database)

    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()


@pytest.mark.parametrize("dump", sorted(SAMPLES.glob("database-*.sql")), ids=lambda path: path.stem)
def test_a_database_of_an_older_version_is_still_readable(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()
    database = Database(f"sqlite:///{path}", info=INFO)

    assert migrate(database) == (dump.stem.removeprefix("database-"), head())

    database.read_now(_everything_is_there)
    with database.engine.connect() as checked:
        context = MigrationContext.configure(checked, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_positions_that_wecom_sent_become_wgs84_and_those_of_a_browser_stay(tmp_path: Path) -> None:
    """0035: only a position from a WeCom chat, which is GCJ-02, was kept with the words of an address."""
    path = tmp_path / "old.db"
    shop, drawn = (22.63, 110.15), to_gcj02((22.63, 110.15))
    connection = sqlite3.connect(path)
    connection.executescript((SAMPLES / "database-0001.sql").read_text(encoding="utf-8"))
    for person, place, words in ((1, shop, ""), (2, drawn, "人民路8号"), (3, (None, None), "人民路8号")):
        connection.execute(
            "INSERT INTO checkin (visit_id, person_id, at, latitude, longitude, place, late_reason)"
            " VALUES (1, ?, '2026-03-10 01:30:00.000000', ?, ?, ?, '')",
            (person, *place, words),
        )
    connection.commit()
    connection.close()
    database = Database(f"sqlite:///{path}", info=INFO)
    migrate(database)
    query = select(CheckIn).order_by(col(CheckIn.person_id))
    kept = database.read_now(lambda s: [(c.latitude, c.longitude) for c in s.exec(query)])
    database.close()
    assert kept[0] == shop
    assert kept[1] == pytest.approx(shop, abs=1e-7)
    assert kept[2] == (None, None)


def test_answers_of_an_older_version_stay_and_only_an_officer_of_the_visit_can_add_one(
    tmp_path: Path,
) -> None:
    """0041"""
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript((SAMPLES / "database-0001.sql").read_text(encoding="utf-8"))
    for version, value, reason in ((1, "否", ""), (2, "是", "审核退回后更正")):
        connection.execute(
            "INSERT INTO answer (visit_id, question, version, value, note, person_id, at, reason)"
            " VALUES (1, 'CL-1:3', ?, ?, '标签', 1, '2026-03-10 01:30:00.000000', ?)",
            (version, value, reason),
        )
    connection.commit()
    connection.close()
    database = Database(f"sqlite:///{path}", info=INFO)
    migrate(database)
    kept = database.read_now(lambda s: s.exec(select(Answer).order_by(col(Answer.version))).all())
    assert [(a.question, a.version, a.value, a.note, a.person_id, a.reason) for a in kept] == [
        ("CL-1:3", 1, "否", "标签", 1, ""),
        ("CL-1:3", 2, "是", "标签", 1, "审核退回后更正"),
    ]
    for person, question in ((2, "CL-1:4"), (1, "CL-1:3")):  # a stranger; a version that is there
        with pytest.raises(IntegrityError):
            database.write_now(
                lambda s, p=person, q=question: s.add(
                    Answer(visit_id=1, question=q, person_id=p, at=kept[0].at)
                )
            )
    database.close()


def _everything_is_there(session: Session) -> None:
    person = session.exec(select(Person).where(col(Person.code) == "P001")).one()
    visit = session.exec(select(Visit)).one()
    assert person.name == "王建国"
    assert session.get_one(InspectionObject, visit.object_id).labels == ["冷链"]
    assert session.exec(select(Draw)).one().seed_hex == "e" * 64
    notice = session.exec(select(Notice)).one()
    assert (notice.subject, notice.recipient_id, notice.created_at.isoformat()) == (
        "visit:1", person.id, "2026-03-10T01:30:00+00:00",
    )  # fmt: skip
    assert audit.verify(session).broken_at is None


def _rules(database: Database) -> dict[tuple[str, str], Any]:
    """Every check and every index of the database, as the database itself words it."""
    found: dict[tuple[str, str], Any] = {}
    inspector = inspect(database.engine)
    for table in METADATA.tables:
        for check in inspector.get_check_constraints(table):
            found[table, str(check["name"])] = re.sub(r"\s+", " ", check["sqltext"])
        for index in inspector.get_indexes(table):
            options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
            found[table, str(index["name"])] = (index["column_names"], index["unique"], options)
    return found
