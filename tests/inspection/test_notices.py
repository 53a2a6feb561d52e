"""Promises: once for each key, taken back when untrue; and the hot queries use their indexes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bot.core.clock import CHINA
from bot.core.db import Database
from bot.core.writers import WAKE
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.queue import queue_due
from bot.inspection.deadlines.sources import Context, Source
from bot.inspection.duties import SOURCES
from bot.inspection.notices.models import Card, InboxEvent, Notice, NoticeState
from bot.inspection.notices.service import enqueue, enqueue_many, row, supersede, touch_cards, withdraw
from bot.inspection.profile import load_profile
from bot.messaging import inbox, outbox
from bot.messaging.outcomes import Outcome, settle
from tests.fakes.builders import NOW, make_person
from tests.fakes.told import statements


def person(session: Session) -> int:
    return make_person(session).id or 0


def promise(session: Session, who: int, **fields: Any) -> bool:
    return enqueue(session, "told", "visit:1", recipient_id=who, now=NOW, **fields)


def test_the_same_promise_is_kept_once(db: Database) -> None:
    who = db.write_now(person)
    assert db.write_now(promise, who) is True
    assert db.write_now(promise, who, data={"later": True}) is False
    assert db.write_now(promise, who, slot="T-3") is True
    notices = db.read_now(lambda s: s.exec(select(Notice)).all())
    assert [(n.slot, n.data) for n in notices] == [("", {}), ("T-3", {})]


def test_promises_made_at_once_by_many_are_one(db: Database) -> None:
    who = db.write_now(person)
    made = [future.result() for future in [db.submit(promise, who) for _ in range(12)]]
    assert sum(made) == 1


def test_many_are_promised_in_one_go_and_the_new_ones_counted(db: Database) -> None:
    who = db.write_now(person)
    rows = [row("told", f"visit:{n}", recipient_id=who, now=NOW) for n in range(1201)]
    assert db.write_now(enqueue_many, rows[:700]) == 700
    assert db.write_now(enqueue_many, rows) == 501
    assert db.write_now(enqueue_many, []) == 0


def test_a_promise_that_is_rolled_back_was_never_made(db: Database) -> None:
    who = db.write_now(person)

    def failing(session: Session) -> None:
        promise(session, who)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        db.write_now(failing)
    assert db.read_now(lambda s: s.exec(select(func.count()).select_from(Notice)).one()) == 0


def test_delivery_is_woken_only_by_what_is_new(db: Database) -> None:
    who = db.write_now(person)
    woken: list[int] = []
    db.after_commit.append(lambda: woken.append(1))
    db.write_now(promise, who)
    db.write_now(promise, who)
    db.write_now(person)
    assert len(woken) == 1
    db.write_now(lambda s: s.info.update({WAKE: True}))
    assert len(woken) == 2


def test_a_promise_useless_before_it_begins_is_refused(db: Database) -> None:
    who = db.write_now(person)
    with pytest.raises(IntegrityError):
        db.write_now(promise, who, expires_at=NOW)


def test_withdrawing_takes_back_only_what_is_queued_and_meant(db: Database) -> None:
    one, two = db.write_now(person), db.write_now(person)

    def prepare(session: Session) -> None:
        for kind in ("a", "b"):
            for who in (one, two):
                enqueue(session, kind, "visit:1", recipient_id=who, now=NOW)
        enqueue(session, "a", "visit:2", recipient_id=one, now=NOW)
        session.exec(
            select(Notice).where(Notice.kind == "b", Notice.recipient_id == two)
        ).one().state = "sent"

    db.write_now(prepare)
    take = lambda s, **only: withdraw(s, "visit:1", reason="已改派", now=NOW, **only)  # noqa: E731
    assert db.write_now(take, kinds=("a",), recipient_id=one) == 1
    assert db.write_now(take) == 2
    assert db.write_now(take) == 0
    states = db.read_now(lambda s: [n.state for n in s.exec(select(Notice).order_by(Notice.id))])  # type: ignore[arg-type]
    assert states == ["withdrawn", "withdrawn", "withdrawn", "sent", "queued"]


def test_touching_makes_the_subjects_open_cards_stale(db: Database) -> None:
    who = db.write_now(person)

    def prepare(session: Session) -> None:
        promise(session, who)
        notice = session.exec(select(Notice)).one().id or 0
        for n, (subject, closed) in enumerate([("visit:1", False), ("visit:1", True), ("visit:2", False)]):
            session.add(
                Card(
                    card_id=f"c{n}",
                    notice_id=notice,
                    person_id=who,
                    platform="wecom",
                    user_id="u",
                    kind="told",
                    subject=subject,
                    closed=closed,
                    sent_at=NOW,
                )
            )

    db.write_now(prepare)
    db.write_now(touch_cards, "visit:1", now=NOW)
    stale = db.read_now(lambda s: [c.card_id for c in s.exec(select(Card)) if c.stale])
    assert stale == ["c0"]


def test_what_was_done_is_said_no_more_and_its_cards_are_looked_at(db: Database) -> None:
    """In one step, and what the caller holds of the rows is true afterwards."""
    who = db.write_now(person)

    def story(session: Session) -> tuple[str, bool, bool, str]:
        for kind in ("told", "other"):
            enqueue(session, kind, "visit:1", recipient_id=who, now=NOW)
        told, other = session.exec(select(Notice).order_by(Notice.id)).all()  # type: ignore[arg-type]
        card = Card(card_id="c0", notice_id=told.id or 0, person_id=who, platform="wecom", user_id="u", kind="told",
                    subject="visit:1", sent_at=NOW)  # fmt: skip
        session.add(card)
        session.info.pop(WAKE)
        supersede(session, "visit:1", kinds=("told",), reason="已办理", now=NOW)
        return told.state, card.stale, bool(session.info.get(WAKE)), other.state

    assert db.write_now(story) == ("withdrawn", True, True, "queued")


@pytest.mark.parametrize("state", ["nonsense", "sending"])
def test_the_database_refuses_states_nobody_knows_and_sending_without_a_lease(
    db: Database, state: str
) -> None:
    who = db.write_now(person)
    db.write_now(promise, who)
    with pytest.raises(IntegrityError):
        db.write_now(lambda s: setattr(s.exec(select(Notice)).one(), "state", state))


# -- query plans -----------------------------------------------------------


def plans_of(db: Database, call: Any) -> list[str]:
    """How SQLite would run every statement of *call*: EXPLAIN QUERY PLAN, one text a statement."""
    with statements(db) as told:
        db.write_now(call)
    seen = [
        statement for statement in told if statement.sql.lstrip().upper().startswith(("SELECT", "UPDATE"))
    ]

    def explain(session: Session) -> list[str]:
        connection = session.connection()
        return [
            " / ".join(r[3] for r in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all())
            for sql, values in seen
        ]

    return db.write_now(explain)


def test_claiming_uses_the_indexes_of_what_is_due_and_of_what_was_abandoned(sqlite_db: Database) -> None:
    """Bug: the state was a bound parameter, so SQLite could not use the partial indexes."""
    for quiet in (False, True):
        plans = plans_of(sqlite_db, lambda s, q=quiet: outbox.claim(s, worker="w", now=NOW, quiet=q))
        plans += plans_of(sqlite_db, lambda s: outbox.expire(s, now=NOW))
        text = "\n".join(plans)
        assert "ix_notice_due" in text
        assert "ix_notice_leased" in text
        assert "SCAN notice" not in text, text
        next_ = next(plan for plan in plans if "ix_notice_due" in plan)
        assert "ORDER BY" not in next_, "what is due stands in order: the first are taken without the others"


def test_a_batch_is_begun_and_settled_by_the_keys_of_its_rows(sqlite_db: Database) -> None:
    who = sqlite_db.write_now(person)
    for n in range(9):
        sqlite_db.write_now(promise, who, slot=str(n))
    ids = range(1, 10)
    begun = [
        outbox.Begun(n, 1, "wecom", "u1", repeated=False, card_id="c", closes="d", renames=True) for n in ids
    ]
    told = [Outcome(n, "sent", NoticeState.SENT, attempt=1) for n in ids]

    def steps(session: Session) -> None:
        outbox.begin(session, begun, now=NOW)
        outbox.claimed(session, ids)
        settle(session, told, worker="w", now=NOW)

    plans = [plan for plan in plans_of(sqlite_db, steps) if "json_each" in plan]
    assert len(plans) == 6
    for plan in plans:
        assert plan.count("SCAN") == 1, plan  # the rows that are given; everything else is found by its key


def test_counting_what_is_due_reads_no_table_from_end_to_end(sqlite_db: Database) -> None:
    text = "\n".join(plans_of(sqlite_db, lambda s: outbox.count_due(s, now=NOW, quiet=False)))
    assert "SCAN notice" not in text, text
    assert "SCAN card" not in text, text


def test_the_sweep_of_the_inbox_uses_its_index(sqlite_db: Database) -> None:
    [plan] = plans_of(sqlite_db, lambda s: inbox.left_over(s, now=NOW))
    assert "ix_inbox_new" in plan
    assert f"SCAN {InboxEvent.__tablename__}" not in plan


def test_looking_for_stale_cards_uses_their_index(sqlite_db: Database) -> None:
    [plan] = plans_of(sqlite_db, lambda s: s.execute(outbox.refreshable(NOW)).all() and None)
    assert "ix_card_stale" in plan


def test_looking_for_reminders_uses_the_partial_index_of_what_comes_next(sqlite_db: Database) -> None:
    morning = dt.datetime(2026, 3, 12, 9, 0, tzinfo=CHINA)
    profile, calendar = load_profile("default"), WorkCalendar.load()
    text = "\n".join(
        plans_of(sqlite_db, lambda s: queue_due(s, now=morning, profile=profile, calendar=calendar))
    )
    assert "ix_deadline_next" in text
    assert "SCAN deadline" not in text.replace("SCAN deadline USING COVERING INDEX ix_deadline_next", ""), (
        text
    )


@pytest.mark.parametrize(("number", "index"), [(0, "ix_visit_changed"), (1, "ix_follow_up_changed")])
def test_what_changed_is_found_by_an_index_of_its_own(sqlite_db: Database, number: int, index: str) -> None:
    source: Source = SOURCES[number]
    context = Context(NOW, load_profile("default"), WorkCalendar.load())
    [plan] = plans_of(sqlite_db, lambda s: source.stale(s, context, 100))
    assert index in plan


def test_taking_back_and_touching_use_the_subject(sqlite_db: Database) -> None:
    for call in (
        lambda s: withdraw(s, "visit:1", reason="", now=NOW),
        lambda s: touch_cards(s, "visit:1", now=NOW),
    ):
        [plan] = plans_of(sqlite_db, call)
        assert "(subject=?)" in plan
        assert plan.count("SCAN") == plan.count("SCAN json_each") == 1


def test_a_notice_is_in_one_of_nine_states() -> None:
    assert [s.value for s in NoticeState] == [
        "queued",
        "held",
        "sending",
        "sent",
        "failed",
        "expired",
        "withdrawn",
        "skipped",
        "merged",
    ]
