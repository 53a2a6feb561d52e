"""Queue what has fallen due. The rules speak once for each clock; the database writes a row for each person.

However many deadlines are due, a tick is a handful of statements: which clocks, who is told, who above, when next.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, col, select

from bot.core.clock import china_day
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines import statements
from bot.inspection.deadlines.holders import refresh_holders
from bot.inspection.deadlines.models import ReminderPolicy
from bot.inspection.deadlines.policy import Policy
from bot.inspection.deadlines.service import reminding_hour, stored_policy
from bot.inspection.deadlines.telling import OFFICES, TELLINGS
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import Span, Timetable
from bot.inspection.profile.terms import Role

LIMIT = 20_000  # deadlines in one transaction, unless one clock has more
_CLOCKS = 1_000  # clocks in one statement: under SQLite's 32,766 parameters
_LATE = dt.timedelta(hours=1)


@dataclass(slots=True)
class Queued:
    """What one tick did. ``late`` counts deadlines by kind whose step lay more than an hour back, ``dropped`` those
    whose step was no longer worth saying."""

    deadlines: int = 0
    messages: int = 0
    late: dict[str, int] = field(default_factory=dict)
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A clock that has run to a step, and how many deadlines hang on it."""

    clock_id: int
    policy: Policy
    span: Span
    count: int = 0


@dataclass(slots=True)
class Said:
    """What the rules say about some clocks: rows for the statements."""

    alone: list[tuple[Any, ...]] = field(default_factory=list)
    together: list[tuple[Any, ...]] = field(default_factory=list)
    nexts: list[tuple[int, dt.datetime | None]] = field(default_factory=list)

    @property
    def offices(self) -> bool:
        """Whether any single message goes to somebody by office."""
        return any(row[1] in _BY_OFFICE for row in self.alone)


_BY_OFFICE = frozenset(who.value for who in OFFICES)


def queue_due(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar, limit: int = LIMIT
) -> Queued:
    """Promise every reminder that is due; the next ones are looked at when their moment comes.

    A second process at the same moment finds the same rows and the unique key refuses its doubles.
    """
    _one_snapshot(session)
    by_hour_only = not reminding_hour(calendar, profile.messages.remind_at, now=now)
    found = session.execute(statements.due_clocks(now, by_hour_only=by_hour_only)).all()
    done = Queued()
    if not found:
        return done
    taken = _up_to(limit, found, policies(session, {row.policy_id for row in found}))
    refresh_holders(session, now=now)
    done.deadlines = sum(due.count for due in taken)
    for start in range(0, len(taken), _CLOCKS):
        said = say(taken[start : start + _CLOCKS], done, now=now, calendar=calendar)
        done.messages += _write(session, said, now=now)
        for statement in statements.move_on(said.nexts, now=now):
            session.execute(statement)
    return done


def say(clocks: Sequence[Due], done: Queued, *, now: dt.datetime, calendar: WorkCalendar) -> Said:
    """Ask the rules once for each clock: the newest step of each role, and when the next one comes."""
    said = Said()
    for due in clocks:
        table = Timetable(due.policy.steps, calendar, due.policy.remind_at)
        newest = table.newest(due.span, now=now).items()
        ordered = sorted(newest, key=lambda one: (-one[1].moment.timestamp(), _nearness(one[0])))
        for rank, (who, occurrence) in enumerate(ordered):
            telling = TELLINGS.get((due.policy.kind, who))
            if telling is None or occurrence.step.digest:
                continue
            useless = table.useless_after(occurrence, due.span, who=who)
            if useless <= now:
                done.dropped += due.count
                continue
            slot = china_day(occurrence.moment).isoformat() if telling.together else occurrence.name
            rows = said.together if telling.together else said.alone
            rows.append(
                (
                    due.clock_id,
                    who.value,
                    telling.kind,
                    slot,
                    telling.priority.value,
                    telling.statutory,
                    useless,
                    rank,
                )
            )
        if ordered and ordered[0][1].moment < now - _LATE:
            done.late[due.policy.kind] = done.late.get(due.policy.kind, 0) + due.count
        said.nexts.append((due.clock_id, table.next_moment(due.span, after=now)))
    return said


def policies(session: Session, ids: Iterable[int]) -> dict[int, Policy]:
    """The policies of some clocks."""
    query = select(ReminderPolicy).where(col(ReminderPolicy.id).in_(sorted(ids)))
    return {row.id or 0: stored_policy(row) for row in session.exec(query)}


def _write(session: Session, said: Said, *, now: dt.datetime) -> int:
    sqlite, new = session.get_bind().dialect.name == "sqlite", 0
    if said.alone:
        steps = statements.steps_table("alone", said.alone)
        new += statements.insert_notices(session, statements.to_people(steps, now=now, sqlite=sqlite))
        if said.offices:
            new += statements.insert_notices(session, statements.to_offices(steps, now=now, sqlite=sqlite))
    if said.together:
        steps = statements.steps_table("together", said.together)
        new += statements.insert_notices(
            session, statements.to_offices_together(steps, now=now, sqlite=sqlite)
        )
    return new


def _up_to(limit: int, rows: Sequence[Any], known: dict[int, Policy]) -> list[Due]:
    """Whole clocks, earliest first, with about *limit* deadlines; at least one clock."""
    taken, total = list[Due](), 0
    for row in rows:
        if taken and total + row.n > limit:
            break
        span = Span(row.started_on, row.due_on, row.due_at)
        taken.append(Due(row.id, known[row.policy_id], span, int(row.n)))
        total += row.n
    return taken


def _one_snapshot(session: Session) -> None:
    """A deadline that comes in while the tick runs is seen by all of its statements or by none."""
    if session.get_bind().dialect.name == "postgresql" and not session.in_transaction():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _nearness(who: Role) -> int:
    """The office nearest to the duty speaks for a person who holds several."""
    return OFFICES.index(who) if who in OFFICES else -1
