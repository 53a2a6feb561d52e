"""谁在何时会收到什么: what the open deadlines under some rows still promise, as a person reads it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.holders import holders
from bot.inspection.deadlines.models import Deadline, DeadlineMember, ReminderClock, ReminderPolicy
from bot.inspection.deadlines.service import stored_policy
from bot.inspection.deadlines.telling import OFFICES
from bot.inspection.deadlines.words import KINDS_ZH, WHO_ZH
from bot.inspection.people.models import Person
from bot.inspection.profile.schedule import Occurrence, Span, Timetable, in_words
from bot.inspection.profile.terms import Role

_AHEAD = dt.timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Promised:
    """One line: when, about what, by which rule, to whom."""

    moment: dt.datetime
    what: str
    rule: str
    who: tuple[str, ...]


def promised(
    session: Session, roots: Sequence[str], *, now: dt.datetime, calendar: WorkCalendar
) -> list[Promised]:
    """Everything that is still to come under *roots*, in order."""
    query = (
        select(Deadline, ReminderClock, ReminderPolicy)
        .join(ReminderClock, col(ReminderClock.id) == Deadline.clock_id)
        .join(ReminderPolicy, col(ReminderPolicy.id) == ReminderClock.policy_id)
        .where(col(Deadline.root).in_(list(roots)), col(Deadline.closed_at).is_(None))
    )
    seats = holders(session)
    lines: dict[tuple[dt.datetime, str, str], dict[Role, dict[str, None]]] = {}
    for deadline, clock, kept in session.exec(query):
        policy = stored_policy(kept)
        table = Timetable(policy.steps, calendar, policy.remind_at)
        people = _people(session, deadline, seats)
        span = Span(clock.started_on, clock.due_on, clock.due_at)
        what = KINDS_ZH.get(deadline.kind, deadline.kind)
        for one in _coming(table, span, now=now):
            line = lines.setdefault((one.moment, what, in_words(one.step)), {})
            for who in one.step.who:
                line.setdefault(who, {}).update(dict.fromkeys(people.get(who, ())))
    found = [Promised(*key, _named(people)) for key, people in sorted(lines.items())]
    return [line for line in found if line.who]


def _coming(table: Timetable, span: Span, *, now: dt.datetime) -> list[Occurrence]:
    """The next time of each step."""
    found = []
    for step in table.steps:
        alone = Timetable((step,), table.calendar, table.remind_at)
        moment = alone.next_moment(span, after=now)
        if moment is not None and moment < now + _AHEAD:
            found.append(Occurrence(step.at, moment, step))
    return found


def _people(session: Session, deadline: Deadline, seats: set[tuple[int, str, int]]) -> dict[Role, list[str]]:
    """Names by part in the deadline; offices are shown with those who hold them now."""
    found: dict[Role, list[str]] = defaultdict(list)
    query = (
        select(DeadlineMember.who, Person.name)
        .join(Person, col(Person.id) == DeadlineMember.person_id)
        .where(DeadlineMember.deadline_id == deadline.id)
        .order_by(col(Person.id))
    )
    for who, name in session.exec(query):
        found[Role(who)].append(name)
    held = [
        (who, person) for department, who, person in sorted(seats) if department == deadline.department_id
    ]
    names = {person.id: person.name for person in session.exec(
        select(Person).where(col(Person.id).in_({person for _, person in held})))}  # fmt: skip
    for who, person in held:
        if Role(who) in OFFICES:
            found[Role(who)].append(names[person])
    return found


def _named(people: dict[Role, dict[str, None]]) -> tuple[str, ...]:
    return tuple(f"{WHO_ZH.get(who, who)}：{'、'.join(names)}" for who, names in people.items() if names)
