"""审核队列: what waits for one reviewer, the quality signs beside it, and several let pass at once (C21, C32)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import String, cast, literal
from sqlmodel import Session, col, select

from bot.core.clock import at_china, china_day
from bot.core.errors import Problem
from bot.inspection.calendar import WorkCalendar
from bot.inspection.deadlines.service import reminding_hour
from bot.inspection.notices.models import Notice, Priority
from bot.inspection.notices.service import enqueue_many, row
from bot.inspection.people.models import Role
from bot.inspection.profile import Profile
from bot.inspection.results.labels import LABELS, ResultCode, label_of
from bot.inspection.results.quality import sign_words
from bot.inspection.results.service import Decision, review_visit
from bot.inspection.results.traces import trace
from bot.inspection.tasks.models import Visit, VisitState
from bot.inspection.tasks.queries import people_with_role, visit_facts

MANY = 3  # results that make a queue worth its own card
LONGEST = 100  # entries shown at once


@dataclass(frozen=True, slots=True)
class Entry:
    """One waiting result. Who sees signs on it, or a problem found, opens it before letting it pass."""

    visit_id: int
    number: str
    object: str
    task: str
    result: str
    problem: bool
    submitted_at: dt.datetime | None
    due: dt.date | None
    signs: tuple[str, ...]

    @property
    def at_once(self) -> bool:
        """Whether it may be let pass together with others."""
        return not self.signs and not self.problem


@dataclass(frozen=True, slots=True)
class Passed:
    """What became of one of several: ``why`` is empty when it passed."""

    visit_id: int
    number: str
    why: str


def waiting_ids(session: Session, person_id: int) -> list[int]:
    """The visits whose results this person was asked to review and nobody has, the most urgent first."""
    query = (
        select(Visit.id)
        .join(Notice, col(Notice.subject) == literal("visit:") + cast(col(Visit.id), String))
        .where(
            Notice.recipient_id == person_id,
            Notice.kind == "review_request",
            Notice.generation == Visit.generation,
            Visit.state == VisitState.IN_REVIEW,
        )
        .order_by(
            col(Visit.publish_due).is_(None), col(Visit.publish_due), col(Visit.submitted_at), col(Visit.id)
        )
    )
    return [visit for visit in session.exec(query) if visit is not None]


def review_queue(session: Session, *, person_id: int, limit: int = LONGEST) -> tuple[list[Entry], int]:
    """The first *limit* waiting results with their signs, and how many there are in all."""
    waiting = waiting_ids(session, person_id)
    return [entry(session, visit) for visit in waiting[:limit]], len(waiting)


def entry(session: Session, visit_id: int) -> Entry:
    """One line of the queue."""
    facts = visit_facts(session, visit_id)
    visit = facts.visit
    code = ResultCode(visit.outcome) if visit.outcome else None
    return Entry(
        visit_id=visit_id, number=visit.number, object=facts.object.name, task=facts.task.name,
        result=label_of(visit.outcome) if visit.outcome else "—",
        problem=code is not None and code is not ResultCode.R01 and LABELS[code].is_problem,
        submitted_at=visit.submitted_at, due=visit.publish_due, signs=sign_words(trace(session, facts)),
    )  # fmt: skip


def pass_many(
    session: Session, *, visit_ids: Sequence[int], reviewer_id: int, now: dt.datetime
) -> list[Passed]:
    """Let several results pass. One with quality signs or a problem found is left for a look of its own, and so is
    what somebody decided meanwhile; the others pass all the same."""
    done = []
    for visit_id in dict.fromkeys(visit_ids):
        try:
            found = entry(session, visit_id)
        except Problem as problem:
            done.append(Passed(visit_id, "", problem.text))
            continue
        done.append(Passed(visit_id, found.number, _pass(session, found, reviewer_id=reviewer_id, now=now)))
    return done


def _pass(session: Session, found: Entry, *, reviewer_id: int, now: dt.datetime) -> str:
    if found.visit_id not in waiting_ids(session, reviewer_id):
        return "不在您的待审队列里，可能已有人审核"
    if not found.at_once:
        return "有提示，请打开逐件审核" if found.signs else "发现问题，请打开逐件审核"
    try:
        review_visit(
            session, visit_id=found.visit_id, reviewer_id=reviewer_id, decision=Decision.APPROVED, now=now
        )
    except Problem as problem:
        return problem.text
    return ""


def queue_review_cards(
    session: Session, *, now: dt.datetime, profile: Profile, calendar: WorkCalendar, limit: int = 500
) -> int:
    """One card a working day to every reviewer with many results waiting; returns how many are new."""
    if not reminding_hour(calendar, profile.messages.remind_at, now=now):
        return 0
    people = dict.fromkeys(
        [*people_with_role(session, Role.REVIEWER), *people_with_role(session, Role.COORDINATOR)]
    )
    busy = [person for person in people if len(waiting_ids(session, person)) >= MANY][:limit]
    day = f"{china_day(now):%Y-%m-%d}"
    return enqueue_many(
        session,
        [
            row(
                "review_queue",
                f"person:{person}",
                recipient_id=person,
                now=now,
                slot=day,
                priority=Priority.REMINDER,
                expires_at=at_china(china_day(now) + dt.timedelta(days=1), 9),
            )
            for person in busy
        ],
    )
