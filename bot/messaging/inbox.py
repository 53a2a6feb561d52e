"""What came in, stored once before the platform is answered; a sweep finds what a crash left."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from bot.inspection.audit.service import record
from bot.inspection.notices.models import InboxEvent, InboxState
from bot.platforms.base import InboundEvent

LEASE = dt.timedelta(seconds=60)  # longer than any handler; after it another process may finish the event
TRIES = 5


def store(session: Session, event: InboundEvent, *, now: dt.datetime) -> int | None:
    """Keep the event; its row id, or None when it was here before."""
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert
    statement = (
        make(InboxEvent)
        .values(
            platform=event.platform, event_id=event.event_id, body=msgspec.to_builtins(event), received_at=now,
            state=InboxState.NEW, attempts=0, not_before=now, error="",
        )
        .on_conflict_do_nothing()
        .returning(InboxEvent.id)  # type: ignore[arg-type]
    )  # fmt: skip
    return session.execute(statement).scalar_one_or_none()


def claim(session: Session, row_id: int, *, now: dt.datetime) -> InboundEvent | None:
    """Take the event for this process, or None when it is done or somebody else has it."""
    taken = session.execute(
        update(InboxEvent)
        .where(InboxEvent.id == row_id, InboxEvent.state == InboxState.NEW, InboxEvent.not_before <= now)  # type: ignore[arg-type]
        .values(attempts=InboxEvent.attempts + 1, not_before=now + LEASE)
        .returning(InboxEvent.body)  # type: ignore[arg-type]
    ).scalar_one_or_none()
    return None if taken is None else read_event(taken)


def read_event(body: dict[str, Any]) -> InboundEvent:
    return msgspec.convert(body, InboundEvent)


def finish(session: Session, row_id: int, *, now: dt.datetime, actor: int | None, what: str, outcome: str) -> None:
    """The event is done; one audit entry says what it was and how it ended."""
    session.execute(
        update(InboxEvent)
        .where(InboxEvent.id == row_id)  # type: ignore[arg-type]
        .values(state=InboxState.DONE, handled_at=now)
    )
    record(session, "chat.handled", f"inbox:{row_id}", now=now, actor=actor, what=what, outcome=outcome)


def give_back(session: Session, row_id: int, *, now: dt.datetime, error: str) -> bool:
    """A handler broke: try later, or after five tries keep it as failed. True when it will be tried again."""
    event = session.get_one(InboxEvent, row_id)
    event.error = error
    again = event.attempts < TRIES
    event.state = InboxState.NEW if again else InboxState.FAILED
    event.not_before = now + dt.timedelta(seconds=5 * 2**event.attempts)
    session.add(event)
    return again


def left_over(session: Session, *, now: dt.datetime, limit: int = 200) -> list[int]:
    """Events nobody finished, oldest first."""
    query = (
        select(InboxEvent.id)
        .where(InboxEvent.state == InboxState.NEW, InboxEvent.not_before <= now)
        .order_by(col(InboxEvent.not_before), col(InboxEvent.id))
        .limit(limit)
    )
    return [i for i in session.exec(query) if i is not None]
