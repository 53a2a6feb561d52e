"""Where deadlines come from: each slice derives its own, and says which rows changed since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, select

from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import Heartbeat, first_beat
from bot.inspection.deadlines.service import Duty, keep
from bot.inspection.profile import Profile

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Context:
    """What deriving needs besides the rows."""

    now: dt.datetime
    profile: Profile
    calendar: WorkCalendar


@dataclass(frozen=True, slots=True)
class Source:
    """``stale``: up to so many rows to look at again; ``derive``: their duties by root, an empty list where
    nothing is due; ``running``: a page of every row that should have some, for the self-audit."""

    prefix: str
    stale: Callable[[Session, Context, int], Ids]
    derive: Callable[[Session, Ids, Context], dict[str, list[Duty]]]
    running: Callable[[Session, Context, int, int], Ids]  # after this id, so many

    def root(self, row_id: int) -> str:
        return f"{self.prefix}:{row_id}"


def _alone(session: Session, source: Source, *, now: dt.datetime) -> None:
    """One process derives a source's clocks at a time; another waits and finds them derived."""
    name = f"derive {source.prefix}"
    first_beat(session, name, now=now)
    session.exec(select(Heartbeat).where(Heartbeat.name == name).with_for_update()).one()


def derive_stale(
    session: Session,
    *,
    source: Source,
    now: dt.datetime,
    profile: Profile,
    calendar: WorkCalendar,
    limit: int = 200,
) -> int:
    """Derive again what changed; returns how many rows were looked at, so the tick knows to come again."""
    context = Context(now, profile, calendar)
    if not source.stale(session, context, 1):
        return 0
    _alone(session, source, now=now)
    ids = source.stale(session, context, limit)
    if ids:
        keep(session, source.derive(session, ids, context), now=now, calendar=calendar)
    return len(ids)
