"""Who has not answered, who could not be told, and why: names, since when, what was tried."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlalchemy import select as wide_select  # sqlmodel's own knows at most four columns
from sqlmodel import Session, col, select

from bot.inspection.metrics.funnel import CALLS, RUNNING, visit_subject
from bot.inspection.notices.models import Attempt, Notice, NoticeState
from bot.inspection.people.models import Account, Department, Person
from bot.inspection.tasks.models import OfficerState, Task, Visit, VisitOfficer

STATE_NAMES = {
    NoticeState.QUEUED: "待发送",
    NoticeState.HELD: "暂缓发送",
    NoticeState.SENDING: "正在发送",
    NoticeState.SENT: "已送达",
    NoticeState.FAILED: "发送失败",
    NoticeState.EXPIRED: "已过期",
    NoticeState.WITHDRAWN: "已撤回",
    NoticeState.SKIPPED: "无需发送",
    NoticeState.MERGED: "并入汇总",
}
OUTCOMES = ("sent", "retry", "failed", "unknown", "sending")  # of an attempt, as Delivery counts them
UNDELIVERED = (NoticeState.FAILED, NoticeState.EXPIRED)
_RECENT = 20_000  # attempts looked at for the platforms' figures: by primary key, however long the table


@dataclass(frozen=True, slots=True)
class Try:
    """What became of the messages to one person: how many in which state, last when, read or not, why not."""

    state: str
    many: int
    last: dt.datetime | None
    read: int
    detail: str

    @property
    def text(self) -> str:
        words = f"{STATE_NAMES[NoticeState(self.state)]} {self.many} 条"
        if self.read:
            words += f"，已读 {self.read} 条"
        return words + (f"（{self.detail}）" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One officer who has not accepted: since the earliest assignment, and what was tried."""

    person_id: int
    name: str
    department: str
    visits: int
    since: dt.datetime
    reachable: bool  # has a live account on some platform
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Undelivered:
    """One message somebody did not get."""

    id: int
    name: str
    department: str
    kind: str
    subject: str
    state: str
    attempts: int
    detail: str
    when: dt.datetime | None

    @property
    def state_name(self) -> str:
        return STATE_NAMES[NoticeState(self.state)]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Outcomes of the recent attempts on one platform."""

    platform: str
    sent: int = 0
    retry: int = 0
    failed: int = 0
    unknown: int = 0
    sending: int = 0

    @property
    def tried(self) -> int:
        return self.sent + self.retry + self.failed + self.unknown + self.sending


def count_waiting(session: Session, *, task_id: int | None = None) -> int:
    """How many officers have not accepted something in a task under way."""
    query = (
        select(func.count(col(VisitOfficer.person_id).distinct()))
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .where(col(VisitOfficer.state) == OfficerState.ASSIGNED, col(Task.state).in_(RUNNING))
    )
    return session.exec(query if task_id is None else query.where(Task.id == task_id)).one()


def who_waits(
    session: Session, *, task_id: int | None = None, limit: int = 50, offset: int = 0
) -> list[Waiting]:
    """Officers who have not accepted, longest first; in one task or in all under way."""
    since = func.min(VisitOfficer.assigned_at)
    query = (
        wide_select(col(Person.id), col(Person.name), func.coalesce(Department.name, ""), func.count(), since)
        .select_from(VisitOfficer)
        .join(Person, col(Person.id) == VisitOfficer.person_id)
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .join(Task, col(Task.id) == Visit.task_id)
        .join(Department, col(Department.id) == Person.department_id, isouter=True)
        .where(col(VisitOfficer.state) == OfficerState.ASSIGNED, col(Task.state).in_(RUNNING))
        .group_by(col(Person.id), col(Person.name), col(Department.name))
        .order_by(since, col(Person.id))
        .limit(limit)
        .offset(offset)
    )
    rows = session.execute(query if task_id is None else query.where(col(Task.id) == task_id)).all()
    people = [row[0] or 0 for row in rows]
    tries, reachable = _tries(session, people, task_id=task_id), _reachable(session, people)
    return [
        Waiting(
            person_id=id_ or 0, name=name, department=department, visits=visits, since=first,
            reachable=id_ in reachable, tries=tuple(tries[id_ or 0]),
        )
        for id_, name, department, visits, first in rows
    ]  # fmt: skip


def _tries(session: Session, people: Sequence[int], *, task_id: int | None) -> dict[int, list[Try]]:
    """The messages about visits not accepted, by person and state."""
    query = (
        wide_select(
            col(VisitOfficer.person_id), col(Notice.state), func.count(), func.max(Notice.done_at),
            func.count(col(Notice.read_at)), func.max(Notice.detail),
        )
        .join(Visit, col(Visit.id) == VisitOfficer.visit_id)
        .join(
            Notice,
            col(Notice.kind).in_(CALLS)
            & (col(Notice.subject) == visit_subject(VisitOfficer.visit_id))
            & (col(Notice.recipient_id) == VisitOfficer.person_id),
            isouter=True,  # keeps SQLite from starting at the notices: there are many more of them
        )
        .where(col(VisitOfficer.state) == OfficerState.ASSIGNED, col(VisitOfficer.person_id).in_(people))
        .group_by(col(VisitOfficer.person_id), col(Notice.state))
        .order_by(col(VisitOfficer.person_id), col(Notice.state))
    )  # fmt: skip
    found: dict[int, list[Try]] = defaultdict(list)
    for person, *rest in session.execute(
        query if task_id is None else query.where(col(Visit.task_id) == task_id)
    ):
        if rest[0] is not None:
            found[person].append(Try(*rest))
    return found


def _reachable(session: Session, people: Sequence[int]) -> set[int]:
    query = select(Account.person_id).where(
        col(Account.person_id).in_(people), col(Account.dead_since).is_(None)
    )
    return set(session.exec(query))


def undelivered(session: Session, *, limit: int = 50, offset: int = 0) -> list[Undelivered]:
    """Messages given up (failed, expired) or being tried again, newest first."""
    again = col(Notice.state).in_((NoticeState.QUEUED, NoticeState.HELD)) & (col(Notice.attempts) > 0)
    query = (
        select(Notice, Person.name, func.coalesce(Department.name, ""))
        .join(Person, col(Person.id) == Notice.recipient_id)
        .join(Department, col(Department.id) == Person.department_id, isouter=True)
        .where(col(Notice.state).in_(UNDELIVERED) | again)
        .order_by(col(Notice.id).desc())
        .limit(limit)
        .offset(offset)
    )
    return [
        Undelivered(
            id=n.id or 0, name=name, department=department, kind=n.kind, subject=n.subject, state=n.state,
            attempts=n.attempts, detail=n.detail, when=n.done_at or n.not_before,
        )
        for n, name, department in session.exec(query)
    ]  # fmt: skip


def count_undelivered(session: Session) -> int:
    """How many messages were given up or are being tried again."""
    again = col(Notice.state).in_((NoticeState.QUEUED, NoticeState.HELD)) & (col(Notice.attempts) > 0)
    return session.exec(
        select(func.count(col(Notice.id))).where(col(Notice.state).in_(UNDELIVERED) | again)
    ).one()


def deliveries(session: Session, *, now: dt.datetime) -> list[Delivery]:
    """Attempts of the last 24 hours by platform and outcome, among the most recent 20,000."""
    newest = session.exec(select(func.max(Attempt.id))).one() or 0
    table: dict[str, dict[str, int]] = defaultdict(dict)
    for platform, outcome, many in session.exec(
        select(Attempt.platform, Attempt.outcome, func.count())
        .where(col(Attempt.id) > newest - _RECENT, Attempt.at >= now - dt.timedelta(hours=24))
        .group_by(col(Attempt.platform), col(Attempt.outcome))
    ):
        if outcome in OUTCOMES:
            table[platform][outcome] = many
    return [Delivery(name, **table[name]) for name in sorted(table)]
