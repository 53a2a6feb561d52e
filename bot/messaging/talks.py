"""Conversations that wait for somebody's next words. One open talk per account; a new one replaces it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlmodel import Session

from bot.inspection.notices.models import Talk

_FORGET_AFTER = dt.timedelta(hours=24)


def open_talk(session: Session, /, key: str, *, topic: str, now: dt.datetime, **data: Any) -> None:
    """Wait for the next words of account *key* (``wecom:insp007``)."""
    talk = session.get(Talk, key) or Talk(person_key=key, topic=topic, since=now)
    talk.topic, talk.data, talk.since = topic, data, now
    session.add(talk)


def current(session: Session, key: str, *, now: dt.datetime) -> Talk | None:
    """The open talk, unless it is a day old."""
    talk = session.get(Talk, key)
    return talk if talk is not None and now - talk.since < _FORGET_AFTER else None


def close_talk(session: Session, key: str) -> None:
    talk = session.get(Talk, key)
    if talk is not None:
        session.delete(talk)
