"""Keep the stored deadlines equal to the duties there are. Deriving again what is unchanged changes nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from bot.core.canonical import canonical
from bot.core.clock import at_china, china
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.models import Deadline, DeadlineMember, Hush, ReminderClock, ReminderPolicy
from bot.inspection.deadlines.policy import Policy
from bot.inspection.profile.model import Step
from bot.inspection.profile.schedule import Span, Timetable
from bot.inspection.profile.terms import Role

_CHUNK = 500  # rows in one look-up


@dataclass(frozen=True, slots=True)
class Duty:
    """A deadline as its slice wants it. ``people`` are those on duty by name."""

    kind: str
    subject: str
    span: Span
    policy: Policy
    department_id: int
    about: str = ""  # empty: the subject itself
    above: str = ""
    tag: str = ""
    generation: int = 1
    people: Mapping[int, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where stored deadlines and duties part: what the self-audit names."""

    root: str
    kind: str
    subject: str
    what: str  # missing | unwanted | different | people


class Book:
    """Finds or makes the policies and clocks of one transaction, each once."""

    def __init__(self, session: Session, calendar: WorkCalendar) -> None:
        self.session, self.calendar = session, calendar
        self._insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert
        self._policies: dict[Policy, int] = {}
        self._clocks: dict[str, int] = {}

    def clock(self, policy: Policy, span: Span) -> int:
        """The clock's row."""
        key = self.key(policy, span)
        if key not in self._clocks:
            values = {"key": key, "policy_id": self._policy(policy), "started_on": span.started_on,
                      "due_on": span.due_on, "due_at": span.due_at}  # fmt: skip
            self.session.execute(self._insert(ReminderClock).values(values).on_conflict_do_nothing())
            found = self.session.exec(select(ReminderClock.id).where(ReminderClock.key == key)).one()
            self._clocks[key] = found or 0
        return self._clocks[key]

    def key(self, policy: Policy, span: Span) -> str:
        """What makes a clock this clock, as text: databases differ on equal NULLs."""
        ends = f"{span.due_on or ''}|{span.due_at.isoformat() if span.due_at else ''}"
        return f"{self._policy(policy)}|{span.started_on}|{ends}"

    def timetable(self, policy: Policy) -> Timetable:
        return Timetable(policy.steps, self.calendar, policy.remind_at)

    def _policy(self, policy: Policy) -> int:
        if policy not in self._policies:
            steps = [step.model_dump(mode="json", exclude_defaults=True) for step in policy.steps]
            digest = hashlib.sha256(canonical([policy.kind, policy.remind_at, steps])).hexdigest()
            values = {"sha256": digest, "kind": policy.kind, "steps": steps, "remind_at": policy.remind_at}
            self.session.execute(self._insert(ReminderPolicy).values(values).on_conflict_do_nothing())
            query = select(ReminderPolicy.id).where(ReminderPolicy.sha256 == digest)
            self._policies[policy] = self.session.exec(query).one() or 0
        return self._policies[policy]


def stored_policy(row: ReminderPolicy) -> Policy:
    """The policy a row keeps."""
    return Policy(row.kind, tuple(Step.model_validate(step) for step in row.steps), row.remind_at)


def keep(
    session: Session, wanted: Mapping[str, Sequence[Duty]], *, now: dt.datetime, calendar: WorkCalendar
) -> list[Difference]:
    """Make the open deadlines under each root exactly its duties; returns what was changed.

    A deadline whose clock changed counts anew: what fell due before is said once, at the next hour of reminders.
    """
    session.flush()
    stored, people = _stored(session, list(wanted))
    book, changed = Book(session, calendar), list[Difference]()
    kept: list[tuple[str, Duty, Deadline, str]] = []
    for root, duties in wanted.items():
        found = {(d.kind, d.subject): d for d in stored.get(root, ())}
        for duty in duties:
            row, what = _apply(
                session, book, root, duty, row=found.pop((duty.kind, duty.subject), None), now=now
            )
            kept.append((root, duty, row, what))
        for row in found.values():
            if row.closed_at is None:
                row.closed_at, row.next_at = now, None
                session.add(row)
                changed.append(Difference(root, row.kind, row.subject, "unwanted"))
    session.flush()  # the new ones have their numbers now, all in one statement
    for root, duty, row, what in kept:
        seated = _seat(session, row.id or 0, duty, people.get(row.id or 0, {}), now=now)
        if word := what or seated:
            changed.append(Difference(root, duty.kind, duty.subject, word))
    session.flush()
    return changed


def _stored(
    session: Session, roots: Sequence[str]
) -> tuple[dict[str, list[Deadline]], dict[int, dict[int, DeadlineMember]]]:
    """Every deadline of the roots, closed ones too, and who is on duty for them."""
    by_root: dict[str, list[Deadline]] = defaultdict(list)
    people: dict[int, dict[int, DeadlineMember]] = defaultdict(dict)
    for start in range(0, len(roots), _CHUNK):
        rows = session.exec(
            select(Deadline).where(col(Deadline.root).in_(roots[start : start + _CHUNK]))
        ).all()
        for row in rows:
            by_root[row.root].append(row)
        ids = [row.id for row in rows]
        for inner in range(0, len(ids), _CHUNK):
            part = select(DeadlineMember).where(
                col(DeadlineMember.deadline_id).in_(ids[inner : inner + _CHUNK])
            )
            for member in session.exec(part):
                people[member.deadline_id][member.person_id] = member
    return by_root, people


def _apply(
    session: Session, book: Book, root: str, duty: Duty, *, row: Deadline | None, now: dt.datetime
) -> tuple[Deadline, str]:
    """Store one duty; the word of what was wrong before, empty when nothing was."""
    clock, what = book.clock(duty.policy, duty.span), ""
    if row is None:
        row = Deadline(kind=duty.kind, subject=duty.subject, root=root, about="", above="", clock_id=clock,
                       department_id=duty.department_id, opened_at=now, closed_at=now)  # fmt: skip
        session.add(row)
    if row.closed_at is not None or (row.clock_id, row.tag) != (clock, duty.tag):
        what = "missing" if row.closed_at is not None else "different"
        row.opened_at = now if row.closed_at is not None else row.opened_at
        row.clock_id, row.tag, row.closed_at = clock, duty.tag, None
        row.next_at = first_look(book.timetable(duty.policy), duty.span, now=now)
        row.provisional = _is_provisional(book.calendar, duty.span)
        if row.id is not None:
            session.execute(delete(Hush).where(col(Hush.deadline_id) == row.id))
    facts = (
        duty.about or duty.subject,
        duty.above or duty.about or duty.subject,
        duty.generation,
        duty.department_id,
    )
    if (row.about, row.above, row.generation, row.department_id) != facts:
        row.about, row.above, row.generation, row.department_id = facts
    session.add(row)
    return row, what


def _seat(
    session: Session, deadline_id: int, duty: Duty, seated: Mapping[int, DeadlineMember], *, now: dt.datetime
) -> str:
    """Make the people on duty those of *duty*."""
    what = ""
    for person in seated.keys() - duty.people.keys():
        session.delete(seated[person])
        what = "people"
    for person, who in duty.people.items():
        member = seated.get(person)
        if member is None:
            session.add(DeadlineMember(deadline_id=deadline_id, person_id=person, who=who, since=now))
            what = "people"
        elif member.who != who:
            member.who, what = who, "people"
            session.add(member)
    return what


def first_look(timetable: Timetable, span: Span, *, now: dt.datetime) -> dt.datetime | None:
    """When a deadline that opens now is looked at first: at once where a step has fallen due, in office hours."""
    if not timetable.newest(span, now=now):
        return timetable.next_moment(span, after=now)
    if span.due_at is not None or reminding_hour(timetable.calendar, timetable.remind_at, now=now):
        return now
    local = china(now)
    day = local.date()
    hour, minute = map(int, timetable.remind_at.split(":"))
    if (local.hour, local.minute) >= (hour, minute) or not timetable.calendar.is_workday(day):
        day = timetable.calendar.next_workday(day)
    return at_china(day, hour, minute)


def reminding_hour(calendar: WorkCalendar, remind_at: str, *, now: dt.datetime) -> bool:
    """Whether reminders go out now: on working days, make-up days included, from *remind_at* on."""
    local = china(now)
    hour, minute = map(int, remind_at.split(":"))
    return calendar.is_workday(local.date()) and (local.hour, local.minute) >= (hour, minute)


def _is_provisional(calendar: WorkCalendar, span: Span) -> bool:
    days = [day for day in (span.started_on, span.due_on) if day is not None]
    return any(calendar.is_provisional(day) for day in days)


def open_under(session: Session, roots: Iterable[str]) -> list[Deadline]:
    """The open deadlines derived from *roots*."""
    query = select(Deadline).where(col(Deadline.root).in_(list(roots)), col(Deadline.closed_at).is_(None))
    return list(session.exec(query.order_by(col(Deadline.id))))
