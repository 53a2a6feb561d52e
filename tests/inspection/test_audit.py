"""C34: the chain names the first entry that was altered, removed or added."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.inspection.audit.models import AuditEntry
from bot.inspection.audit.service import actor_digest, entry_hash, may_fail, record, verify
from tests.conftest import INFO
from tests.fakes.builders import NOW

DATA = {"数量": 3, "list": [1, 2.5, None, True], "nested": {"b": 1, "a": '中文 " \\ \n'}}


def write(session: Session, n: int, **data: object) -> None:
    record(session, "thing.done", f"thing:{n}", now=NOW + dt.timedelta(microseconds=n), actor=7, **data)


@pytest.fixture
def chain(db: Database) -> Database:
    """Five entries of five transactions."""
    for n in range(1, 6):
        db.write_now(write, n, **DATA)
    return db


def test_an_honest_chain_holds_and_its_entries_are_numbered(chain: Database) -> None:
    report = chain.read_now(verify)
    assert (report.entries, report.broken_at, report.reason) == (5, None, "")
    entries = chain.read_now(lambda s: s.exec(select(AuditEntry).order_by(col(AuditEntry.seq))).all())
    assert [e.seq for e in entries] == [1, 2, 3, 4, 5]
    assert entries[4].hash == report.head
    assert entries[0].data == DATA


def test_an_empty_chain_holds(db: Database) -> None:
    assert (db.read_now(verify).entries, db.read_now(verify).broken_at) == (0, None)


@pytest.mark.parametrize(
    ("change", "at", "reason"),
    [
        ("UPDATE auditentry SET action = 'other' WHERE seq = 3", 3, "内容被改动"),
        ("UPDATE auditentry SET subject = 'thing:9' WHERE seq = 2", 2, "内容被改动"),
        ("UPDATE auditentry SET actor = 'system' WHERE seq = 1", 1, "内容被改动"),
        ("UPDATE auditentry SET data = '{}' WHERE seq = 4", 4, "内容被改动"),
        ("UPDATE auditentry SET at = '2026-03-10 01:30:00.000099' WHERE seq = 5", 5, "内容被改动"),
        ("UPDATE auditentry SET hash = prev_hash WHERE seq = 2", 2, "内容被改动"),
        ("DELETE FROM auditentry WHERE seq = 3", 3, "缺少记录"),
        ("DELETE FROM auditentry WHERE seq = 1", 1, "缺少记录"),
        ("DELETE FROM auditentry WHERE seq = 5", 5, "末尾记录被删除"),
        ("DELETE FROM auditentry", 1, "末尾记录被删除"),
        ("UPDATE auditentry SET prev_hash = hash WHERE seq = 4", 4, "与上一条不相接"),
    ],
)
def test_c34_the_first_broken_entry_is_named(chain: Database, change: str, at: int, reason: str) -> None:
    chain.write_now(lambda s: s.execute(text(change)) and None)
    report = chain.read_now(verify)
    assert (report.broken_at, report.reason, report.entries) == (at, reason, at - 1)


def test_an_entry_rewritten_with_a_fitting_hash_breaks_the_next_one(chain: Database) -> None:
    def forge(session: Session) -> None:
        entry = session.get_one(AuditEntry, 2)
        entry.action = "forged"
        entry.hash = entry_hash(
            entry.prev_hash, 2, entry.at, entry.actor, "forged", entry.subject, entry.data
        )

    chain.write_now(forge)
    assert (chain.read_now(verify).broken_at, chain.read_now(verify).reason) == (3, "与上一条不相接")


def test_an_entry_put_at_the_end_without_the_service_is_found(chain: Database) -> None:
    def add(session: Session) -> None:
        last = session.get_one(AuditEntry, 5)
        made = entry_hash(last.hash, 6, NOW, "system", "x", "x", {})
        session.add(
            AuditEntry(seq=6, at=NOW, actor="system", action="x", subject="x", prev_hash=last.hash, hash=made)
        )

    chain.write_now(add)
    assert chain.read_now(verify).broken_at is not None


def test_what_is_rolled_back_leaves_no_gap(chain: Database) -> None:
    def failing(session: Session) -> None:
        write(session, 6)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        chain.write_now(failing)
    chain.write_now(write, 6)
    assert (chain.read_now(verify).entries, chain.read_now(verify).broken_at) == (6, None)


def test_several_entries_of_one_transaction_follow_each_other(db: Database) -> None:
    db.write_now(lambda s: [write(s, n) for n in range(1, 4)] and None)
    assert (db.read_now(verify).entries, db.read_now(verify).broken_at) == (3, None)


def test_writers_at_once_make_one_chain_even_when_it_is_the_first(db: Database) -> None:
    """Bug: on PostgreSQL the very first two writers both tried to begin the chain, and one failed."""
    for future in [db.submit(write, n) for n in range(1, 41)]:
        future.result()
    assert (db.read_now(verify).entries, db.read_now(verify).broken_at) == (40, None)


@pytest.mark.postgres
def test_who_goes_on_after_an_entry_does_not_hold_up_the_entries_of_others(postgres_url: str) -> None:
    """Bug: the first entry of a service kept the end of the chain locked for as long as the service worked."""
    noted, go = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        write(session, 1)
        noted.set()
        assert go.wait(20)

    with contextlib.closing(Database(postgres_url, info=INFO)) as db:
        db.write_now(write, 1)
        first = db.submit(slow)
        assert noted.wait(5)
        try:
            db.submit(write, 2).result(timeout=5)
        finally:
            go.set()
        first.result(timeout=5)
        subjects = db.read_now(
            lambda s: s.exec(select(AuditEntry.subject).order_by(col(AuditEntry.seq))).all()
        )
        assert subjects == ["thing:1", "thing:2", "thing:1"]
        assert db.read_now(verify).broken_at is None


def test_a_part_that_fails_takes_only_its_own_entries_along(db: Database) -> None:
    def story(session: Session) -> None:
        write(session, 1)
        with contextlib.suppress(ValueError), may_fail(session):
            write(session, 2)
            raise ValueError
        write(session, 3)
        with may_fail(session):
            write(session, 4)

    db.write_now(story)
    subjects = db.read_now(lambda s: s.exec(select(AuditEntry.subject).order_by(col(AuditEntry.seq))).all())
    assert subjects == ["thing:1", "thing:3", "thing:4"]
    assert (db.read_now(verify).entries, db.read_now(verify).broken_at) == (3, None)


def test_people_are_salted_digests() -> None:
    assert actor_digest("salt", None) == "system"
    assert actor_digest("salt", 7) != actor_digest("other salt", 7)
    assert len(actor_digest("salt", 7)) == 32


@given(
    st.dictionaries(
        st.text(),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_the_order_of_the_data_has_no_influence_on_the_hash(data: dict[str, object]) -> None:
    turned = dict(reversed(list(data.items())))
    assert entry_hash("0", 1, NOW, "a", "b", "c", data) == entry_hash("0", 1, NOW, "a", "b", "c", turned)
