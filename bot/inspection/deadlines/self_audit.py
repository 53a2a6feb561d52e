"""The nightly proof that every open duty has its deadline, every deadline its next look, and every step that fell due
its messages. What is missing is named, mended by the next tick, and told to the administrators (C28)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, cast, exists, func, or_, select, update
from sqlmodel import Session

from bot.core.clock import china, china_day
from bot.core.db import Database
from bot.core.tables import BigId
from bot.inspection.audit.service import record
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines import statements
from bot.inspection.deadlines.holders import refresh_holders
from bot.inspection.deadlines.late import administrators
from bot.inspection.deadlines.models import (
    Deadline,
    DeadlineMember,
    DutyHolder,
    Heartbeat,
    ReminderClock,
    first_beat,
)
from bot.inspection.deadlines.queue import Due, policies
from bot.inspection.deadlines.service import Difference, keep
from bot.inspection.deadlines.sources import Context, Ids, Source, derive_stale
from bot.inspection.deadlines.statements import CLOCK, HOLDER, HUSH, MEMBER, D
from bot.inspection.deadlines.telling import TELLINGS
from bot.inspection.notices.models import Notice, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.profile import Profile
from bot.inspection.profile.schedule import Span, Timetable

GRACE = dt.timedelta(hours=1)  # what fell due since then may still be on its way
_NAME, _HOUR = "self_audit", 2  # Chinese wall clock
_PAGE, _SHOWN = 500, 5
_N = Notice.__table__.c  # type: ignore[attr-defined]


@dataclass(slots=True)
class Findings:
    """What did not hold. ``missing`` are deadlines (kind, subject) somebody was not told about."""

    checked: int = 0
    differences: list[Difference] = field(default_factory=list)
    silent: int = 0
    missing: list[tuple[str, str]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.differences or self.silent or self.missing)

    def by_kind(self) -> dict[str, int]:
        return dict(Counter([d.kind for d in self.differences] + [kind for kind, _ in self.missing]))

    def examples(self) -> list[str]:
        """Subjects, never people."""
        return ([d.subject for d in self.differences] + [subject for _, subject in self.missing])[:_SHOWN]


def run_self_audit(
    db: Database, sources: Sequence[Source], *, now: dt.datetime, profile: Profile, calendar: WorkCalendar
) -> Findings:
    """Check everything, page by page in transactions of their own, and page the administrators about a gap."""
    found = Findings()
    for source in sources:
        while db.write_now(derive_stale, source=source, now=now, profile=profile, calendar=calendar):
            pass
        for pager in (source.running, _rows_with_deadlines(source)):
            after: int | None = 0
            while after is not None:
                after = db.write_now(
                    _check_page,
                    source,
                    pager,
                    found=found,
                    after=after,
                    now=now,
                    profile=profile,
                    calendar=calendar,
                )
    db.write_now(_check_promises, found, now=now, calendar=calendar)
    db.write_now(_report, found, now=now)
    return found


def audit_is_due(session: Session, *, now: dt.datetime) -> bool:
    """Once a night; the process that marks the night does it."""
    beat = session.get(Heartbeat, _NAME, with_for_update=True)
    if beat is None:
        first_beat(session, _NAME, now=now)
        return False
    if china(now).hour < _HOUR or china_day(beat.at) >= china_day(now):
        return False
    beat.at = now
    session.add(beat)
    return True


def _check_page(
    session: Session, source: Source, pager: Any, *, found: Findings, after: int, now: dt.datetime,
    profile: Profile, calendar: WorkCalendar,
) -> int | None:  # fmt: skip
    """Compare a page of rows with their deadlines; the last id, None at the end."""
    context = Context(now, profile, calendar)
    ids = pager(session, context, after, _PAGE)
    if not ids:
        return None
    found.differences += keep(session, source.derive(session, ids, context), now=now, calendar=calendar)
    found.checked += len(ids)
    return int(max(ids))


def _rows_with_deadlines(source: Source) -> Any:
    """A pager of the rows that have an open deadline, whether or not they should."""
    number = func.substr(D.root, len(source.prefix) + 2)

    def page(session: Session, _context: Context, after: int, limit: int) -> Ids:
        as_number = cast(number, BigId)
        mine = and_(D.root.like(f"{source.prefix}:%"), D.closed_at.is_(None), as_number > after)
        query = select(as_number.label("n")).where(mine).distinct().order_by("n").limit(limit)
        return [int(n) for n in session.execute(query).scalars()]

    return page


def _check_promises(session: Session, found: Findings, *, now: dt.datetime, calendar: WorkCalendar) -> None:
    """Every open deadline is looked at again in time, and what fell due was promised to everybody."""
    refresh_holders(session, now=now)
    open_ = (
        select(
            CLOCK.id, CLOCK.started_on, CLOCK.due_on, CLOCK.due_at, CLOCK.policy_id, func.count().label("n")
        )
        .join_from(Deadline, ReminderClock, D.clock_id == CLOCK.id)
        .where(D.closed_at.is_(None))
        .group_by(CLOCK.id, CLOCK.started_on, CLOCK.due_on, CLOCK.due_at, CLOCK.policy_id)
    )
    rows = session.execute(open_).all()
    known = policies(session, {each.policy_id for each in rows})
    clocks = [Due(r.id, known[r.policy_id], Span(r.started_on, r.due_on, r.due_at), int(r.n)) for r in rows]
    for due in clocks:
        found.silent += _wake(session, due, now=now, calendar=calendar)
    for start in range(0, len(clocks), _PAGE):
        _find_missing(session, clocks[start : start + _PAGE], found, now=now, calendar=calendar)


def _wake(session: Session, due: Due, *, now: dt.datetime, calendar: WorkCalendar) -> int:
    """Deadlines of this clock that would be looked at too late or never; they are looked at in time again."""
    table = Timetable(due.policy.steps, calendar, due.policy.remind_at)
    expected = table.next_moment(due.span, after=now)
    if expected is None:
        return 0
    late = and_(
        D.clock_id == due.clock_id, D.closed_at.is_(None), or_(D.next_at.is_(None), D.next_at > expected)
    )
    result: Any = session.execute(
        update(Deadline).where(late).values(next_at=expected).execution_options(synchronize_session=False)
    )
    return int(result.rowcount)


def _find_missing(
    session: Session, clocks: Sequence[Due], found: Findings, *, now: dt.datetime, calendar: WorkCalendar
) -> None:
    """Deadlines with somebody who was not told of the newest step; the next tick tells them."""
    rows: list[tuple[Any, ...]] = []
    for due in clocks:
        table = Timetable(due.policy.steps, calendar, due.policy.remind_at)
        for who, occurrence in table.newest(due.span, now=now - GRACE).items():
            telling = TELLINGS.get((due.policy.kind, who))
            if telling is None or occurrence.step.digest:
                continue
            if table.useless_after(occurrence, due.span, who=who) > now:
                rows.append((due.clock_id, who.value, telling.kind, telling.together, occurrence.moment))
    if not rows:
        return
    steps = statements.expected_table(rows)
    missing: dict[int, tuple[str, str]] = {}
    for query in (_members_not_told(steps, now), _offices_not_told(steps, now)):
        for deadline, kind, subject in session.execute(query):
            missing[deadline] = (kind, subject)
    if missing:
        found.missing += missing.values()
        session.execute(
            update(Deadline)
            .where(D.id.in_(missing))
            .values(next_at=now)
            .execution_options(synchronize_session=False)
        )


def _members_not_told(steps: Any, now: dt.datetime) -> Any:
    return (
        select(D.id, D.kind, D.subject)
        .join_from(Deadline, steps, steps.c.clock_id == D.clock_id)
        .join(DeadlineMember, and_(MEMBER.deadline_id == D.id, MEMBER.who == steps.c.who))
        .where(_looked_at(now), MEMBER.since <= steps.c.moment, ~_told(steps, MEMBER.person_id),
               ~_was_silent(steps, MEMBER.person_id))
        .distinct()
    )  # fmt: skip


def _offices_not_told(steps: Any, now: dt.datetime) -> Any:
    on_duty = exists().where(MEMBER.deadline_id == D.id, MEMBER.person_id == HOLDER.person_id)
    return (
        select(D.id, D.kind, D.subject)
        .join_from(Deadline, steps, steps.c.clock_id == D.clock_id)
        .join(DutyHolder, and_(HOLDER.department_id == D.department_id, HOLDER.who == steps.c.who))
        .where(_looked_at(now), HOLDER.since <= steps.c.moment, D.opened_at <= steps.c.moment, ~on_duty,
               ~_told(steps, HOLDER.person_id), ~_was_silent(steps, HOLDER.person_id))
        .distinct()
    )  # fmt: skip


def _looked_at(now: dt.datetime) -> Any:
    """Open, and not waiting for a tick at this very moment."""
    return and_(D.closed_at.is_(None), or_(D.next_at.is_(None), D.next_at > now))


def _told(steps: Any, person: Any) -> Any:
    """A message of that kind about it was promised since the step fell due."""
    alone, together = _N.subject == D.about, _N.subject == D.above
    right = or_(and_(~steps.c.together, alone), and_(steps.c.together, together))
    return exists().where(
        _N.kind == steps.c.kind, right, _N.recipient_id == person, _N.created_at >= steps.c.moment
    )


def _was_silent(steps: Any, person: Any) -> Any:
    return exists().where(HUSH.deadline_id == D.id, HUSH.person_id == person, HUSH.until > steps.c.moment)


def _report(session: Session, found: Findings, *, now: dt.datetime) -> None:
    record(session, "deadlines.audited", "heartbeat:self_audit", now=now, checked=found.checked, silent=found.silent,
           differences=len(found.differences), missing=len(found.missing))  # fmt: skip
    if found.clean:
        return
    data = {"kinds": found.by_kind(), "silent": found.silent, "examples": found.examples()}
    enqueue_many(session, [
        row("promises_broken", "system:1", recipient_id=person, now=now, slot=now.isoformat(timespec="seconds"),
            priority=Priority.URGENT, data=data)
        for person in administrators(session)
    ])  # fmt: skip
