"""The statements of a tick: the database writes a notice for each person of each due deadline.

``steps`` is what the rules said, once a clock and role, as a table of values the statement brings along.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    Text,
    Update,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    text,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session

from bot.core.tables import BigId, Moment
from bot.core.writers import WAKE
from bot.inspection.deadlines.models import (
    Deadline,
    DeadlineMember,
    DutyHolder,
    Hush,
    ReminderClock,
    ReminderPolicy,
)
from bot.inspection.notices.models import Notice, NoticeState

_NOTICE_TABLE: Table = Notice.__table__  # type: ignore[attr-defined]
D = Deadline.__table__.c  # type: ignore[attr-defined]
MEMBER = DeadlineMember.__table__.c  # type: ignore[attr-defined]
HOLDER = DutyHolder.__table__.c  # type: ignore[attr-defined]
HUSH = Hush.__table__.c  # type: ignore[attr-defined]
CLOCK = ReminderClock.__table__.c  # type: ignore[attr-defined]
POLICY = ReminderPolicy.__table__.c  # type: ignore[attr-defined]

_STEPS: dict[str, Any] = {
    "clock_id": BigId, "who": String(), "kind": String(), "slot": String(), "priority": String(),
    "statutory": Boolean(), "expires_at": Moment(), "rank": Integer(),
}  # fmt: skip
_NOTICE = (
    "kind", "subject", "generation", "recipient_id", "slot", "priority", "statutory", "data", "not_before",
    "expires_at", "state", "attempts", "lease_by", "created_at", "platform", "detail", "card_id",
)  # fmt: skip
# INSERT … SELECT asks no Python for defaults: columns that are not named above bring theirs along
_OTHERS = tuple(
    (each.name, literal(each.default.arg, each.type))  # type: ignore[attr-defined]
    for each in _NOTICE_TABLE.columns
    if each.name not in _NOTICE and not each.nullable and each.default is not None and each.default.is_scalar
)
_COLUMNS = (*_NOTICE, *(name for name, _ in _OTHERS))


def steps_table(name: str, rows: Sequence[tuple[Any, ...]]) -> CTE:
    """What the rules said, as rows in the order of ``_STEPS``."""
    columns: list[Any] = [column(each, kind) for each, kind in _STEPS.items()]
    return values(*columns, name=name).data(list(rows)).cte(name)


def expected_table(rows: Sequence[tuple[Any, ...]]) -> CTE:
    """(clock, who, message kind, together, moment) of steps that should have been told by now."""
    columns: list[Any] = [
        column("clock_id", BigId), column("who", String()), column("kind", String()), column("together", Boolean()),
        column("moment", Moment()),
    ]  # fmt: skip
    return values(*columns, name="expected").data(list(rows)).cte("expected")


def due(now: dt.datetime) -> ColumnElement[bool]:
    """The part of the partial index that has fallen due."""
    return and_(D.next_at.is_not(None), D.next_at <= now)


def due_clocks(now: dt.datetime, *, by_hour_only: bool) -> Select[Any]:
    """(clock, its policy, how many due deadlines), earliest first."""
    counted = (
        select(D.clock_id, func.count().label("n"), func.min(D.next_at).label("first"))
        .where(due(now))
        .group_by(D.clock_id)
        .subquery()
    )
    query = (
        select(CLOCK.id, CLOCK.started_on, CLOCK.due_on, CLOCK.due_at, CLOCK.policy_id, counted.c.n)
        .join_from(counted, ReminderClock, counted.c.clock_id == CLOCK.id)
        .order_by(counted.c.first, CLOCK.id)
    )
    return query.where(CLOCK.due_at.is_not(None)) if by_hour_only else query


def to_people(steps: CTE, *, now: dt.datetime, sqlite: bool) -> Select[Any]:
    """To those on duty by name: one row each, for a person has one place in a deadline."""
    return (
        select(*_row(steps, MEMBER.person_id, now=now, sqlite=sqlite))
        .join_from(Deadline, steps, steps.c.clock_id == D.clock_id)
        .join(DeadlineMember, and_(MEMBER.deadline_id == D.id, MEMBER.who == steps.c.who))
        .where(due(now), ~_silent(MEMBER.person_id, now))
    )


def to_offices(steps: CTE, *, now: dt.datetime, sqlite: bool) -> Select[Any]:
    """To the offices above: one row a person, by the office nearest to the duty; who is on duty by name is left out."""
    place = func.row_number().over(partition_by=(D.id, HOLDER.person_id), order_by=steps.c.rank)
    row = _row(steps, HOLDER.person_id, now=now, sqlite=sqlite)
    named = [value.label(f"c_{name}") for name, value in zip(_COLUMNS, row, strict=True)]
    ranked = (
        select(*named, place.label("place"))
        .join_from(Deadline, steps, steps.c.clock_id == D.clock_id)
        .join(DutyHolder, _holds(steps))
        .where(due(now), ~_silent(HOLDER.person_id, now), ~_on_duty(HOLDER.person_id))
        .subquery()
    )
    return select(*(ranked.c[f"c_{name}"] for name in _COLUMNS)).where(ranked.c.place == 1)


def to_offices_together(steps: CTE, *, now: dt.datetime, sqlite: bool) -> Select[Any]:
    """One row a person and day for all deadlines under the same superior subject: the unique key keeps the first."""
    return (
        select(*_row(steps, HOLDER.person_id, now=now, sqlite=sqlite, together=True))
        .join_from(Deadline, steps, steps.c.clock_id == D.clock_id)
        .join(DutyHolder, _holds(steps))
        .where(due(now), ~_silent(HOLDER.person_id, now), ~_on_duty(HOLDER.person_id))
    )


def move_on(nexts: Sequence[tuple[int, dt.datetime | None]], *, now: dt.datetime) -> list[Update]:
    """Every due deadline of the clocks is looked at again when its next step falls due, or never."""
    again = [(clock, moment) for clock, moment in nexts if moment is not None]
    over = [clock for clock, moment in nexts if moment is None]
    made = []
    if again:
        columns: list[Any] = [column("clock_id", BigId), column("next_at", Moment())]
        following = values(*columns, name="following").data(again).cte("following")
        mine = D.clock_id == following.c.clock_id
        made.append(update(Deadline).where(mine, due(now)).values(next_at=following.c.next_at))
    if over:
        made.append(update(Deadline).where(D.clock_id.in_(over), due(now)).values(next_at=None))
    return [each.execution_options(synchronize_session=False) for each in made]


def insert_notices(session: Session, source: Select[Any]) -> int:
    """Insert what *source* gives; a promise made before stays as it is. Returns how many are new."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    statement = (sqlite_insert if sqlite else pg_insert)(_NOTICE_TABLE)
    filled = statement.from_select(list(_COLUMNS), source, include_defaults=False).on_conflict_do_nothing()
    result: Any = session.execute(filled, execution_options={"preserve_rowcount": True})
    # the driver counts the rows of no statement that begins with WITH
    new = session.execute(text("SELECT changes()")).scalar_one() if sqlite else result.rowcount
    if new:
        session.info[WAKE] = True
    return int(new)


def slot_of(steps: CTE) -> ColumnElement[str]:
    """The step's name, told apart from the same step of an earlier run of the duty."""
    return case((D.tag == "", steps.c.slot), else_=D.tag + ":" + steps.c.slot)


def _row(
    steps: CTE, person: ColumnElement[int], *, now: dt.datetime, sqlite: bool, together: bool = False
) -> list[Any]:
    """The columns of a notice in the order of ``_COLUMNS``. Its buttons speak of the deadline named in ``data``."""
    data: Any = literal('{"deadline": ', Text) + cast(D.id, String) + literal("}", Text)
    if together:
        data = literal("{}", Text)
    moment = literal(now, Moment)
    empty = literal("")
    return [
        steps.c.kind, D.above if together else D.about, literal(1) if together else D.generation, person,
        steps.c.slot if together else slot_of(steps), steps.c.priority, steps.c.statutory,
        data if sqlite else cast(data, JSON), moment, steps.c.expires_at, literal(NoticeState.QUEUED.value), literal(0),
        empty, moment, empty, empty, empty, *(value for _, value in _OTHERS),
    ]  # fmt: skip


def _holds(steps: CTE) -> ColumnElement[bool]:
    return and_(HOLDER.department_id == D.department_id, HOLDER.who == steps.c.who)


def _silent(person: ColumnElement[int], now: dt.datetime) -> ColumnElement[bool]:
    """They asked not to be chased for now."""
    return exists().where(HUSH.deadline_id == D.id, HUSH.person_id == person, HUSH.until > now)


def _on_duty(person: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(MEMBER.deadline_id == D.id, MEMBER.person_id == person)
