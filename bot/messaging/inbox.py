"""What came in, stored once before the platform is answered; a sweep finds what a crash left."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from sqlalchemy import literal_column, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from bot.inspection.audit.service import record
from bot.inspection.notices.models import InboxEvent, InboxState
from bot.platforms.base import InboundEvent

LEASE = dt.timedelta(seconds=60)  # longer than any handler; after it another process may finish the event
TRIES = 5


# literal: a bound parameter would keep SQLite from using the partial index
_NEW = col(InboxEvent.state) == literal_column("'new'")


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
        .returning(col(InboxEvent.id))
    )  # fmt: skip
    return session.execute(statement).scalar_one_or_none()


def claim(session: Session, row_id: int, *, now: dt.datetime) -> dict[str, Any] | None:
    """Take the event for this process; its body, or None when it is done or somebody else has it."""
    taken: dict[str, Any] | None = session.execute(
        update(InboxEvent)
        .where(col(InboxEvent.id) == row_id, _NEW, col(InboxEvent.not_before) <= now)
        .values(attempts=InboxEvent.attempts + 1, not_before=now + LEASE)
        .returning(col(InboxEvent.body))
    ).scalar_one_or_none()
    return taken


def read_event(body: dict[str, Any]) -> InboundEvent:
    return msgspec.convert(body, InboundEvent)


def finish(
    session: Session, row_id: int, *, now: dt.datetime, actor: int | None, what: str, outcome: str
) -> None:
    """The event is done; one audit entry says what it was and how it ended."""
    session.execute(
        update(InboxEvent).where(col(InboxEvent.id) == row_id).values(state=InboxState.DONE, handled_at=now)
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


def left_over(session: Session, *, now: dt.datetime, limit: int = 200) -> list[tuple[int, str]]:
    """Row ids of events nobody finished, oldest first, each with its account (``wecom:insp007``)."""
    query = (
        select(InboxEvent.id, InboxEvent.platform, InboxEvent.body)
        .where(_NEW, col(InboxEvent.not_before) <= now)
        .order_by(col(InboxEvent.not_before), col(InboxEvent.id))
        .limit(limit)
    )
    return [(i or 0, f"{platform}:{body.get('user_id', '')}") for i, platform, body in session.exec(query)]
